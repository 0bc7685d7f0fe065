"""Opening a mirror: in memory, in a private SQLite file (`sqlite_file`), or in PostgreSQL."""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    create_engine,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from convocore_mcp.errors import (
    DamagedRecordError,
    ForeignMirrorError,
    MirrorError,
    ReplacedMirrorError,
)
from convocore_mcp.store.database import sqlite_file
from convocore_mcp.store.database.coverage import forget_record
from convocore_mcp.store.database.schema import (
    PREFIX,
    SCHEMA_VERSION,
    SEARCH,
    counter,
    meta,
)
from convocore_mcp.store.fields.field_tables import ALL_TABLES

MEMORY = "memory"
_POSTGRESQL = "postgresql+psycopg://"
_CREATION_LOCK = 0x636F6E766F63
"""The advisory lock for creating tables: two servers may start at the same moment."""
_PATH = re.compile(r'"/[^"]*"')
_TABLE = re.compile(rf'"?\b{PREFIX}\w+"?')


class Database:
    """A connection pool and the two ways to use it: `reading` and `writing`."""

    def __init__(
        self,
        engine: Engine,
        generation: str,
        *,
        shared: bool = False,
        recreate: Callable[[], tuple[Engine, str]] | None = None,
    ) -> None:
        """`recreate` replaces a damaged mirror; it returns the new engine and generation.

        `shared` says that all threads share one connection.
        """
        self.engine = engine
        self.generation = generation
        # A database in memory is one connection, so only one thread at a time may use it.
        self._connection_lock: AbstractContextManager[object] = (
            threading.RLock() if shared else nullcontext()
        )
        self._recreate = recreate
        self._recreate_lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state of the mirror."""
        with self._transaction(convocore_reading=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction; it is rolled back if the block raises."""
        with self._transaction(convocore_writing=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, **options: bool | str) -> Iterator[Connection]:
        engine = self.engine
        if engine.dialect.name == "postgresql" and "convocore_reading" in options:
            # By default, each statement would see what was committed just before it.
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            with mirror_errors(), self._connection_lock, engine.connect() as connection:
                yield connection.execution_options(**options)
        except DamagedRecordError as error:
            with self.writing() as connection:
                forget_record(connection, error.record)
            raise
        except MirrorError as error:
            cause, replaced = error.__cause__, isinstance(error, ReplacedMirrorError)
            damaged = replaced or sqlite_file.is_damage(cause) or _lacks_table(cause)
            if self._recreate is None or not damaged:
                raise
            with self._recreate_lock:
                if self.engine is engine:  # else another thread has replaced it already
                    with mirror_errors():
                        new_engine, self.generation = self._recreate()
                    self.engine = new_engine  # last: see `FencedDatabase`
                    if self.engine is not engine:
                        engine.dispose()
            if replaced:
                raise
            raise MirrorError(
                "The mirror was damaged and has been set aside.",
                hint="Ask again: a new mirror is being filled from Convocore.",
            ) from error


@contextmanager
def mirror_errors() -> Iterator[None]:
    """Raise a `MirrorError` for each error of SQLAlchemy; its text names no path."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        # Only the first line: the lines after it hold rows and statements.
        first_line = _PATH.sub("a file", str(cause).partition("\n")[0])
        first_line = _TABLE.sub("a table", first_line)
        raise MirrorError(
            f"The mirror can't be used ({type(cause).__name__}: {first_line}).",
            hint="Check the disk and CONVOCORE_STORE; the mirror can be deleted at any time.",
        ) from error


def _lacks_table(error: BaseException | None) -> bool:
    """Whether PostgreSQL says that a table does not exist."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == _UNDEFINED_TABLE


def open_database(store: str | Path, *, owner: str, replace_foreign: bool = False) -> Database:
    """Open the mirror at `store` (`memory`, a file, or a PostgreSQL URL); create it if missing.

    `owner` is the fingerprint of the credential and the region. A file of another schema, or a
    damaged one, is set aside (renamed), and a new file is created; so is a file of another owner
    with `replace_foreign`, which is for a key that Convocore has accepted. In PostgreSQL, tables of
    an older schema are created again, and so are all if one is missing; tables of another owner
    stay.

    Raises:
        ForeignMirrorError: the mirror belongs to another owner.
        MirrorError: neither the mirror nor a new one can be opened.
    """
    prepare = partial(_prepare, owner=owner)
    if isinstance(store, Path):
        open_file = partial(sqlite_file.open_file, store, prepare=prepare)
        with mirror_errors():
            return Database(
                *open_file(replace_foreign=replace_foreign),
                recreate=partial(open_file, replace_foreign=False),
            )
    engine = _engine(store)
    if store == MEMORY:
        return Database(engine, prepare(engine)[0], shared=True)
    open_tables = partial(_open_tables, engine, prepare)
    with mirror_errors():
        return Database(*open_tables(), recreate=open_tables)


def _open_tables(
    engine: Engine, prepare: Callable[[Engine], tuple[str, str]]
) -> tuple[Engine, str]:
    """The engine and the generation of a mirror in PostgreSQL."""
    generation, unusable = prepare(engine)
    if unusable:
        engine.dispose()
        error = ForeignMirrorError if unusable == sqlite_file.FOREIGN else MirrorError
        raise error(
            f"The mirror in PostgreSQL can't be used: {unusable}.",
            hint="Give each key and region a database or schema of its own (…/database?options="
            f"-csearch_path%3Dname), or drop the tables whose names begin with {PREFIX}.",
        )
    return engine, generation


def _engine(store: str) -> Engine:
    if store == MEMORY:
        return sqlite_file.sqlite(":memory:", poolclass=StaticPool)
    return postgresql_engine(store)


def postgresql_engine(store: str) -> Engine:
    """An engine on a PostgreSQL database.

    Raises:
        MirrorError: `store` is not a PostgreSQL URL, or the driver is missing.
    """
    if not store.startswith(_POSTGRESQL):
        raise MirrorError(
            "CONVOCORE_STORE names no kind of database that can hold the mirror.",
            hint="Use memory, a file, or postgresql://user@host/database.",
        )
    try:
        return create_engine(store, pool_pre_ping=True, isolation_level="READ COMMITTED")
    except ImportError:
        raise MirrorError(
            "PostgreSQL needs a driver that is not installed.",
            hint="Install convocore-mcp[postgres].",
        ) from None
    except (ArgumentError, ValueError):
        # From None: the error's text may hold part of the password.
        raise MirrorError(
            "CONVOCORE_STORE is not a valid PostgreSQL URL.",
            hint="Write postgresql://user:password@host:5432/database, with /, @ and : in the "
            "password percent-encoded.",
        ) from None


_UNDEFINED_TABLE = "42P01"
"""The SQLSTATE of a table that does not exist."""
_OLDER = "it belongs to an older version of this program"


def _prepare(engine: Engine, *, owner: str) -> tuple[str, str]:
    """Create the tables where they are missing.

    Returns the generation, and why the existing tables can't be used (empty if they can).
    """
    postgresql = engine.dialect.name == "postgresql"
    writing = engine.execution_options(convocore_writing=True)
    with writing.begin() as connection:
        if postgresql:
            connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
        tables = inspect(connection).get_table_names()
        if meta.name in tables:
            existing = {row.key: row.value for row in connection.execute(select(meta))}
            unusable = _why_unusable(existing, owner)
            if not unusable and _is_incomplete(connection, tables):
                unusable = sqlite_file.DAMAGED
            if unusable in {_OLDER, sqlite_file.DAMAGED} and postgresql:
                drop_tables(connection, tables)
            else:
                return existing.get("generation") or "", unusable
        elif tables and not postgresql:
            return "", "it holds something else"
        elif any(name.startswith(PREFIX) for name in tables):
            return "", "the table that says whose they are is missing"
        new = {"schema": SCHEMA_VERSION, "owner": owner, "generation": secrets.token_hex(4)}
        ALL_TABLES.create_all(connection)
        connection.execute(insert(meta), [{"key": k, "value": v} for k, v in new.items()])
        connection.execute(insert(counter), {"id": 1, "sequence_number": 0})
    return new["generation"], ""


def _why_unusable(existing: dict[str | None, str | None], owner: str) -> str:
    """Why a mirror with this `meta` table can't be used; empty if it can."""
    if "owner" not in existing:
        return "it does not say whose it is"
    if existing["owner"] != owner:
        return sqlite_file.FOREIGN
    version = existing.get("schema") or ""
    if version == SCHEMA_VERSION:
        return ""
    if not version.isdecimal():
        return "it does not say of which version it is"
    return _OLDER if int(version) < int(SCHEMA_VERSION) else sqlite_file.NEWER


def _is_incomplete(connection: Connection, tables: list[str]) -> bool:
    """Whether a table is missing, or in SQLite what keeps the full-text index up to date."""
    expected = {table.name for table in ALL_TABLES.tables.values()}
    existing = set(tables)
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        existing.update(connection.exec_driver_sql(query).scalars())
        expected |= {SEARCH, f"{SEARCH}_deleted"}
    return not expected <= existing


def belongs_to(connection: Connection, owner: str) -> bool:
    """Whether `owner` created the mirror."""
    query = select(meta.c.value).where(meta.c.key == "owner")
    return connection.execute(query).scalar() == owner


def drop_tables(connection: Connection, tables: list[str]) -> None:
    """Drop those of `tables` whose names begin with our prefix."""
    old = MetaData()
    old.reflect(connection, only=[name for name in tables if name.startswith(PREFIX)])
    old.drop_all(connection)
