"""Writing the mirror: saves pages, keeps versions, rebuilds leads. Only `sync` calls it."""
