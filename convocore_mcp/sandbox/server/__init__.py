"""The sandbox's HTTP side: endpoints, pages, cursors, faults and the state of its list."""
