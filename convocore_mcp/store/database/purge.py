"""Deleting a mirror: its files, or its tables in PostgreSQL, and nothing that is not ours."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.engine import (
    belongs_to,
    drop_tables,
    our_errors,
    postgresql_engine,
)
from convocore_mcp.store.database.schema import PREFIX, meta
from convocore_mcp.store.database.sqlite_file import SUFFIXES

_ASIDE = re.compile(r"\.aside-\d{8}T\d{12}")
_SYNC_LOCK = re.compile(r"\.(?:full|incremental)-[0-9a-f]{8}")
_DEFAULT = re.compile(r"mirror-[0-9a-f]{8}\.sqlite3")


def mirror_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The files of the mirror at `path` and of its set-aside copies; and those left alone.

    A file that is no mirror of this program may be somebody's own, which CONVOCORE_STORE named by
    mistake: it is left alone, unless nobody but this program gives such names (the default's).
    """
    ours: list[Path] = []
    others: list[Path] = []
    beside = sorted(path.parent.glob("*")) if path.parent.is_dir() else []
    copies = [
        found
        for found in beside
        if found.name.startswith(path.name) and _ASIDE.fullmatch(found.name[len(path.name) :])
    ]
    for base in [path, *copies]:
        parts = [base.with_name(base.name + suffix) for suffix in SUFFIXES]
        found = [part for part in parts if part.is_file()]
        mine = _DEFAULT.fullmatch(path.name) or not base.is_file() or _is_mirror(base)
        (ours if mine else others).extend(found)
    ours += [found for found in beside if _SYNC_LOCK.fullmatch(found.name.removeprefix(path.name))]
    return ours, others


def size_of(path: Path) -> int:
    """Bytes of the mirror at `path`; none where there is none."""
    parts = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    return sum(part.stat().st_size for part in parts if part.is_file())


def delete_files(files: list[Path]) -> None:
    """Delete them; one that is gone already is no matter.

    Raises:
        MirrorError: one of them can't be deleted.
    """
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise MirrorError(
                f"{file.name} can't be deleted ({error.strerror}).",
                hint="End the servers that use it, or delete it by hand.",
            ) from None


@contextmanager
def tables(url: str, *, owner: str) -> Iterator["Tables"]:
    """Our tables in the PostgreSQL database at `url`."""
    engine = postgresql_engine(url)
    try:
        yield Tables(engine, owner)
    finally:
        engine.dispose()


class Tables:
    """Our tables in a PostgreSQL database."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner

    def names(self) -> list[str]:
        """Those that are there.

        Raises:
            MirrorError: they belong to another key or region, or can't be looked at.
        """
        with our_errors(), self._engine.connect() as connection:
            return self._found(connection)

    def size(self) -> int:
        """Bytes that they take, indexes and all."""
        with our_errors(), self._engine.connect() as connection:
            size = func.pg_total_relation_size
            return sum(
                int(connection.execute(select(size(name))).scalar_one())
                for name in self._found(connection)
            )

    def drop(self) -> int:
        """Drop them all, or none; gives how many.

        Raises:
            MirrorError: they belong to another key or region, or can't be dropped.
        """
        with our_errors(), self._engine.begin() as connection:
            found = self._found(connection)
            drop_tables(connection, found)
            return len(found)

    def _found(self, connection: Connection) -> list[str]:
        tables = [n for n in inspect(connection).get_table_names() if n.startswith(PREFIX)]
        if meta.name not in tables:
            return []  # without it they may be anybody's
        if not belongs_to(connection, self._owner):
            raise MirrorError(
                "The mirror in PostgreSQL belongs to another key or region.",
                hint="Set the CONVOCORE_API_KEY and CONVOCORE_REGION that it was made with.",
            )
        return tables


def _is_mirror(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as found:
            keys = found.execute(f"SELECT key FROM {meta.name}").fetchall()  # noqa: S608  ours
    except sqlite3.Error:
        return False
    return ("schema",) in keys and ("owner",) in keys
