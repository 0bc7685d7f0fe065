"""Opening a mirror: in memory, in a private SQLite file (`sqlite_file`), or in PostgreSQL."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from sqlalchemy import (
    Connection,
    Engine,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.pool import StaticPool

from convocore_mcp.errors import (
    DamagedRecordError,
    ForeignMirrorError,
    MirrorError,
    ReplacedMirrorError,
)
from convocore_mcp.store.database import sqlite_file
from convocore_mcp.store.database.coverage import blank_damaged_record
from convocore_mcp.store.database.schema import (
    PREFIX,
    SCHEMA_VERSION,
    SEARCH,
    counter,
    meta,
)
from convocore_mcp.store.engines.damage import says_damage
from convocore_mcp.store.engines.database_errors import mirror_errors
from convocore_mcp.store.engines.own_tables import drop_tables
from convocore_mcp.store.engines.postgresql_connection import (
    GENERATION_OPTION,
    GIVE_UP,
    is_pooled,
    postgresql_engine,
    refuse_other_encodings,
)
from convocore_mcp.store.fields.field_tables import ALL_TABLES

MEMORY = "memory"
_CREATION_LOCK = 0x636F6E766F63
"""The advisory lock for creating tables: two servers may start at the same moment."""
Recreate = Callable[[str], tuple[Engine, str]]
"""Replaces the damaged mirror of a generation; returns the engine and the new generation."""


class Database:
    """A connection pool and the two ways to use it: `reading` and `writing`."""

    def __init__(
        self,
        engine: Engine,
        generation: str,
        *,
        shared: bool = False,
        pooled: bool = False,
        recreate: Recreate | None = None,
    ) -> None:
        """`pooled` says that a connection pooler stands in front of PostgreSQL.

        `shared` says that all threads share one connection.
        """
        self.engine = engine
        self.generation = generation
        self.pooled = pooled
        # A database in memory is one connection, so only one thread at a time may use it.
        self._connection_lock: AbstractContextManager[object] = (
            threading.RLock() if shared else nullcontext()
        )
        self._of_thread = threading.local()
        self._count_lock = threading.Lock()
        self.writes = 0
        """Write transactions that have ended in this process."""
        self.before_replacement: list[Callable[[], None]] = []
        """Functions that give back kept connections, before another mirror replaces this one."""
        self._recreate = recreate
        self._recreate_lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one consistent state of the mirror."""
        if (snapshot := getattr(self._of_thread, "snapshot", None)) is not None:
            yield snapshot
            return
        with self._transaction(convocore_reading=True) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have everything that this thread reads inside of the block see the same state."""
        with self.reading() as connection:
            self._of_thread.snapshot = connection
            try:
                yield
            finally:
                self._of_thread.snapshot = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction; it is rolled back if the block raises."""
        try:
            with self._transaction(convocore_writing=True) as connection, connection.begin():
                yield connection
        finally:
            with self._count_lock:
                self.writes += 1

    def give_up(self) -> None:
        """Wait no longer for locks, and for a server only a moment: the program ends."""
        self.engine.get_execution_options()[GIVE_UP].set()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, **options: bool | str) -> Iterator[Connection]:
        engine, generation = self.engine, self.generation
        if engine.dialect.name == "postgresql":
            options[GENERATION_OPTION] = generation
            if "convocore_reading" in options:
                # By default, each statement would see what was committed just before it.
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            with mirror_errors(), self._connection_lock, engine.connect() as connection:
                yield connection.execution_options(**options)
        except DamagedRecordError as error:
            with self.writing() as connection:
                blank_damaged_record(connection, error.record)
            raise
        except MirrorError as error:
            replaced = isinstance(error, ReplacedMirrorError)
            if self._recreate is None or not (replaced or says_damage(error)):
                raise
            self._replace(engine, generation, self._recreate)
            if replaced:
                raise
            raise ReplacedMirrorError(
                "The mirror was damaged and has been set aside.",
                hint="Ask again: a new mirror is being filled from Convocore.",
            ) from error

    def replace_damaged(self, engine: Engine) -> None:
        """Put a new, empty mirror in the place of the damaged one that was read by `engine`."""
        if self._recreate is not None:
            self._replace(engine, self.generation, self._recreate)

    def _replace(self, damaged: Engine, generation: str, recreate: Recreate) -> None:
        with self._recreate_lock, mirror_errors():
            # Else another thread has replaced it already; in PostgreSQL, the engine stays.
            if self.engine is damaged and self.generation == generation:
                for release in self.before_replacement:
                    release()
                if damaged.dialect.name != "postgresql":
                    damaged.dispose()  # Windows does not rename a file that is open
                new_engine, self.generation = recreate(generation)
                self.engine = new_engine  # last: see `FencedDatabase`


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

        def open_file(damaged: str, *, replace_foreign: bool = False) -> tuple[Engine, str]:
            return sqlite_file.open_file(
                store, prepare=partial(prepare, damaged=damaged), replace_foreign=replace_foreign
            )

        with mirror_errors():
            return Database(*open_file("", replace_foreign=replace_foreign), recreate=open_file)
    if store == MEMORY:
        engine = sqlite_file.sqlite(":memory:", poolclass=StaticPool)
        return Database(engine, prepare(engine)[0], shared=True)
    engine = postgresql_engine(store)
    open_tables = partial(_open_tables, engine, prepare)
    try:
        with mirror_errors():
            opened = open_tables("")
            with engine.connect() as connection:
                pooled = is_pooled(connection)
    except MirrorError:
        engine.dispose()
        raise
    return Database(*opened, pooled=pooled, recreate=open_tables)


def _open_tables(
    engine: Engine, prepare: Callable[..., tuple[str, str]], damaged: str
) -> tuple[Engine, str]:
    """The engine and the generation of a mirror in PostgreSQL."""
    generation, unusable = prepare(engine, damaged=damaged)
    if unusable:
        error = ForeignMirrorError if unusable == sqlite_file.FOREIGN else MirrorError
        raise error(
            f"The mirror in PostgreSQL can't be used: {unusable}.",
            hint="Give each key, region and CONVOCORE_TIMEZONE a schema of its own (…/database?"
            f"options=-csearch_path%3Dname), or drop the tables whose names begin with {PREFIX}.",
        )
    return engine, generation


_OLDER = "it belongs to an older version of this program"


def _prepare(engine: Engine, *, owner: str, damaged: str = "") -> tuple[str, str]:
    """Create the tables where they are missing; only then is anything locked.

    Returns the generation, and why the existing tables can't be used (empty if they can). Those of
    the generation `damaged` can't.
    """
    postgresql = engine.dialect.name == "postgresql"
    replaced = {_OLDER, sqlite_file.DAMAGED} if postgresql else set()
    with engine.connect() as connection:
        if postgresql:
            refuse_other_encodings(connection)
        found = _find_mirror(connection, owner, damaged)
    if found is not None and found[1] not in replaced:
        return found
    with engine.execution_options(convocore_writing=True).begin() as connection:
        if postgresql:
            connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
        # Once more: another process may have been faster.
        found = _find_mirror(connection, owner, damaged)
        if found is not None:
            if found[1] not in replaced:
                return found
            drop_tables(connection, inspect(connection).get_table_names())
        new = {"schema": SCHEMA_VERSION, "owner": owner, "generation": secrets.token_hex(4)}
        ALL_TABLES.create_all(connection, checkfirst=False)
        connection.execute(insert(meta), [{"key": k, "value": v} for k, v in new.items()])
        connection.execute(insert(counter), {"id": 1, "sequence_number": 0})
    return new["generation"], ""


def _find_mirror(connection: Connection, owner: str, damaged: str) -> tuple[str, str] | None:
    """What `_prepare` returns of the existing tables; `None` if there are none."""
    tables = inspect(connection).get_table_names()
    if meta.name not in tables:
        if tables and connection.dialect.name == "sqlite":
            return "", "it holds something else"
        if any(name.startswith(PREFIX) for name in tables):
            return "", "the table that names their owner is missing"
        return None
    existing = {row.key: row.value for row in connection.execute(select(meta))}
    generation, unusable = existing.get("generation") or "", _why_unusable(existing, owner)
    is_damaged = generation == damaged != "" or _is_incomplete(connection, tables)
    return generation, unusable or (sqlite_file.DAMAGED if is_damaged else "")


def _why_unusable(existing: dict[str | None, str | None], owner: str) -> str:
    """Why a mirror with this `meta` table can't be used; empty if it can."""
    if "owner" not in existing:
        return "it names no owner"
    if existing["owner"] != owner:
        return sqlite_file.FOREIGN
    version = existing.get("schema") or ""
    if version == SCHEMA_VERSION:
        return ""
    if not version.isdecimal():
        return "it names no version of its tables"
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
