"""A mirror of each kind: in memory, in a SQLite file, in PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from tests.pooler import pooled as pooled  # noqa: PLC0414  a fixture
from tests.postgresql import NewDatabase

OWNER = "owner"


@pytest.fixture(scope="session")
def memory() -> Iterator[Database]:
    """A mirror in memory."""
    database = open_database(store_location("memory", fingerprint="f"), owner=OWNER)
    yield database
    database.close()


@pytest.fixture(scope="session")
def in_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A mirror in a SQLite file."""
    path = tmp_path_factory.mktemp("mirror") / "mirror.sqlite3"
    database = open_database(store_location(str(path), fingerprint="f"), owner=OWNER)
    yield database
    database.close()


@pytest.fixture(scope="session")
def in_postgresql(postgresql: NewDatabase) -> Iterator[Database]:
    """A mirror in PostgreSQL."""
    database = open_database(store_location(postgresql(), fingerprint="f"), owner=OWNER)
    yield database
    database.close()


@pytest.fixture(params=["memory", "in_file", "in_postgresql"], scope="session")
def database(request: pytest.FixtureRequest) -> Database:
    """One mirror of each kind; tests share it, each with agents of its own."""
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture(scope="session")
def databases(memory: Database, in_file: Database, in_postgresql: Database) -> dict[str, Database]:
    """All of them, for `steps.in_each_mirror`."""
    return {"memory": memory, "in_file": in_file, "in_postgresql": in_postgresql}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet, in a folder that does not exist yet."""
    return tmp_path / "data" / "mirror.sqlite3"
