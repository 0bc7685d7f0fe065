"""A mirror of each kind, as for the tests of the store."""

from tests.store.conftest import database, in_file, in_postgresql, memory

__all__ = ["database", "in_file", "in_postgresql", "memory"]
