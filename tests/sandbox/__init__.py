"""The sandbox, held against what upstream documents and shows, and against itself."""
