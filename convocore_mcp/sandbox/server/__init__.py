"""The sandbox's HTTP API: endpoints, paging, cursors, faults, and the current list."""
