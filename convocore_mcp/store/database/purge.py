"""Deleting a mirror: its files, or its tables in PostgreSQL, and nothing that is not ours."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.schema import PREFIX, meta
from convocore_mcp.store.engines.database_errors import mirror_errors
from convocore_mcp.store.engines.own_tables import belongs_to, drop_tables
from convocore_mcp.store.engines.postgresql_connection import postgresql_engine
from convocore_mcp.store.files.set_aside import SUFFIXES, copies

_SYNC_LOCK = re.compile(r"\.(?:full|incremental)-[0-9a-f]{8}")
_DEFAULT_NAME = re.compile(r"mirror-[0-9a-f]{8}\.sqlite3")


def mirror_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The files of the mirror at `path` and of its set-aside copies; and the files to leave alone.

    A file that is not a mirror of this program may be somebody's own file, which CONVOCORE_STORE
    named by mistake: it is left alone, unless it has the default name, which only we give.
    """
    ours: list[Path] = []
    foreign: list[Path] = []
    siblings = sorted(path.parent.glob("*")) if path.parent.is_dir() else []
    for database in [path, *copies(path)]:
        is_ours = (
            _DEFAULT_NAME.fullmatch(path.name) or not database.is_file() or _is_mirror(database)
        )
        # Only now: reading a mirror creates files beside it.
        candidates = [database.with_name(database.name + suffix) for suffix in SUFFIXES]
        files = [file for file in candidates if file.is_file()]
        (ours if is_ours else foreign).extend(files)
    ours += [file for file in siblings if _SYNC_LOCK.fullmatch(file.name.removeprefix(path.name))]
    return ours, foreign


def default_mirrors(folder: Path) -> list[Path]:
    """The mirrors of all keys in the data folder, also where only copies of one are left."""
    names = (_DEFAULT_NAME.match(file.name) for file in folder.glob("mirror-*"))
    return sorted({folder / name[0] for name in names if name})


def size_of(path: Path) -> int:
    """Bytes of the mirror at `path`; 0 where there is none."""
    files = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    return sum(file.stat().st_size for file in files if file.is_file())


def delete_files(files: list[Path]) -> None:
    """Delete `files`; a file that is gone already is no error.

    Raises:
        MirrorError: one of them can't be deleted.
    """
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise MirrorError(
                f"{file.name} can't be deleted ({error.strerror}).",
                hint="Stop the servers that use it, or delete it by hand.",
            ) from None


@contextmanager
def mirror_tables(url: str, *, owner: str | None) -> Iterator["MirrorTables"]:
    """Our tables in the PostgreSQL database at `url`; without `owner`, those of any key."""
    engine = postgresql_engine(url)
    try:
        yield MirrorTables(engine, owner)
    finally:
        engine.dispose()


class MirrorTables:
    """Our tables in a PostgreSQL database."""

    def __init__(self, engine: Engine, owner: str | None) -> None:
        self._engine = engine
        self._owner = owner

    def names(self) -> list[str]:
        """The names of the tables that exist.

        Raises:
            MirrorError: the tables belong to another key or region, or can't be read.
        """
        with mirror_errors(), self._engine.connect() as connection:
            return self._existing(connection)

    def size(self) -> int:
        """Bytes of the tables, indexes included.

        Raises:
            MirrorError: the tables belong to another key or region, or can't be read.
        """
        with mirror_errors(), self._engine.connect() as connection:
            size = func.pg_total_relation_size
            return sum(
                int(connection.execute(select(size(name))).scalar_one())
                for name in self._existing(connection)
            )

    def drop(self) -> int:
        """Drop all tables, or none; returns how many.

        Raises:
            MirrorError: the tables belong to another key or region, or can't be dropped.
        """
        writing = self._engine.execution_options(convocore_writing=True)
        with mirror_errors(), writing.begin() as connection:
            tables = self._existing(connection)
            drop_tables(connection, tables)
            return len(tables)

    def _existing(self, connection: Connection) -> list[str]:
        tables = [n for n in inspect(connection).get_table_names() if n.startswith(PREFIX)]
        if meta.name not in tables:
            return []  # without this table, nothing says that the others are ours
        if self._owner is not None and not belongs_to(connection, self._owner):
            raise MirrorError(
                "The mirror in PostgreSQL belongs to another key, region or time zone.",
                hint="Set CONVOCORE_API_KEY, CONVOCORE_REGION and CONVOCORE_TIMEZONE as they were "
                "then.",
            )
        return tables


def _is_mirror(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            keys = connection.execute(f"SELECT key FROM {meta.name}").fetchall()  # noqa: S608  ours
    except sqlite3.Error:
        return False
    return ("schema",) in keys and ("owner",) in keys
