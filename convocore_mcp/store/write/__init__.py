"""Writing the mirror: pages in, versions kept, leads rebuilt. Only `sync` calls this room."""
