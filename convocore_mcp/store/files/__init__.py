"""What happens to a mirror's file beside SQLite: somebody may delete, replace or overwrite it."""
