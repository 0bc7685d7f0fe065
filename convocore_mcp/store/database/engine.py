"""Opening a mirror: in memory, in a private SQLite file (`file`), or in PostgreSQL."""

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

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database import sqlite_file
from convocore_mcp.store.database.schema import PREFIX, SCHEMA_VERSION, counter, meta, metadata

MEMORY = "memory"
_POSTGRESQL = "postgresql+psycopg://"
_BEGINNING = 0x636F6E766F63
"""The advisory lock under which tables are made: two servers may start at the same moment."""
_PATH = re.compile(r'"/[^"]*"')


class Database:
    """A connection pool and the two ways to use it: `reading` and `writing`."""

    def __init__(
        self,
        engine: Engine,
        generation: str,
        *,
        shared: bool = False,
        renew: Callable[[], tuple[Engine, str]] | None = None,
    ) -> None:
        """`renew` begins a damaged mirror anew; it gives its engine and epoch."""
        self.engine = engine
        self.generation = generation
        # A database in memory is one connection: whoever uses it has it alone.
        self._alone: AbstractContextManager[object] = threading.RLock() if shared else nullcontext()
        self._renew = renew
        self._renewing = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._transaction(convocore_reading=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; nothing of it stays if the block raises."""
        with self._transaction(convocore_writing=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, **options: bool | str) -> Iterator[Connection]:
        engine = self.engine
        if engine.dialect.name == "postgresql" and "convocore_reading" in options:
            # By default each statement there would see what was committed just before it.
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            with our_errors(), self._alone, engine.connect() as connection:
                yield connection.execution_options(**options)
        except MirrorError as error:
            if self._renew is None or not sqlite_file.damaged(error.__cause__):
                raise
            with self._renewing:
                if self.engine is engine:
                    self.engine, self.generation = self._renew()
            raise MirrorError(
                "The mirror was damaged and has been set aside.",
                hint="Ask again: Convocore is read afresh.",
            ) from error


@contextmanager
def our_errors() -> Iterator[None]:
    """What SQLAlchemy raises, as a `MirrorError` that names no path."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        # The first line: what follows are rows and statements. A path is nobody's business.
        first = _PATH.sub("a file", str(cause).partition("\n")[0])
        raise MirrorError(
            f"The mirror can't be used ({type(cause).__name__}: {first}).",
            hint="Check the disk and CONVOCORE_STORE; the mirror can be deleted at any time.",
        ) from error


def open_database(store: str | Path, *, owner: str) -> Database:
    """Open, and if need be create, the mirror at `store`: `memory`, a file, or a PostgreSQL URL.

    `owner` is the fingerprint of the credential and the region. A file of another owner, of
    another schema, or a damaged one is set aside (renamed) and a new one begun. In PostgreSQL,
    tables of an older schema are made anew; those of another owner are left alone.

    Raises:
        MirrorError: neither the mirror nor a new one can be opened.
    """
    begin = partial(_begin, owner=owner)
    if isinstance(store, Path):
        open_file = partial(sqlite_file.open_file, store, begin=begin)
        with our_errors():
            return Database(*open_file(), renew=open_file)
    engine = _engine(store)
    with our_errors():
        generation, unfit = begin(engine)
    if unfit:
        engine.dispose()
        raise _not_ours(unfit)
    return Database(engine, generation, shared=store == MEMORY)


def _engine(store: str) -> Engine:
    if store == MEMORY:
        return sqlite_file.sqlite(":memory:", poolclass=StaticPool)
    return postgresql_engine(store)


def postgresql_engine(store: str) -> Engine:
    """An engine on a PostgreSQL database.

    Raises:
        MirrorError: `store` is no URL of one, or the driver is missing.
    """
    if not store.startswith(_POSTGRESQL):
        raise MirrorError(
            "CONVOCORE_STORE names no database that a mirror can be kept in.",
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
        # From None: the text of the error may hold part of the password.
        raise MirrorError(
            "CONVOCORE_STORE is no PostgreSQL URL.",
            hint="Write postgresql://user:password@host:5432/database, with /, @ and : in the "
            "password percent-encoded.",
        ) from None


def _not_ours(reason: str) -> MirrorError:
    return MirrorError(
        f"The mirror in PostgreSQL can't be used: {reason}.",
        hint="Give each key and region a database or schema of its own (…/database?options="
        f"-csearch_path%3Dname), or drop the tables whose names begin with {PREFIX}.",
    )


_OLDER = "it belongs to an older version of this program"


def _begin(engine: Engine, *, owner: str) -> tuple[str, str]:
    """Make what is missing; gives the epoch, and why what is there can't be used, if it can't."""
    shared = engine.dialect.name == "postgresql"
    writing = engine.execution_options(convocore_writing=True)
    with writing.begin() as connection:
        if shared:
            connection.execute(select(func.pg_advisory_xact_lock(_BEGINNING)))
        tables = inspect(connection).get_table_names()
        if meta.name in tables:
            says = {row.key: row.value for row in connection.execute(select(meta))}
            unfit = _unfit(says, owner)
            if unfit == _OLDER and shared:
                drop_tables(connection, tables)
            else:
                return says.get("generation") or "", unfit
        elif tables and not shared:
            return "", "it holds something else"
        ours = {"schema": SCHEMA_VERSION, "owner": owner, "generation": secrets.token_hex(4)}
        metadata.create_all(connection)
        connection.execute(insert(meta), [{"key": k, "value": v} for k, v in ours.items()])
        connection.execute(insert(counter), {"id": 1, "sequence_number": 0})
    return ours["generation"], ""


def _unfit(found: dict[str | None, str | None], owner: str) -> str:
    """Why the mirror that says `found` of itself can't be used; empty if it can."""
    if found.get("owner") != owner:
        return "it belongs to another key or region"
    version = found.get("schema") or ""
    if version == SCHEMA_VERSION:
        return ""
    older = version.isdecimal() and int(version) < int(SCHEMA_VERSION)
    return _OLDER if older else "it belongs to a newer version of this program"


def belongs_to(connection: Connection, owner: str) -> bool:
    """Whether the mirror there is `owner`'s."""
    says = select(meta.c.value).where(meta.c.key == "owner")
    return connection.execute(says).scalar() == owner


def drop_tables(connection: Connection, tables: list[str]) -> None:
    """Drop those of `tables` that are ours."""
    old = MetaData()
    old.reflect(connection, only=[name for name in tables if name.startswith(PREFIX)])
    old.drop_all(connection)
