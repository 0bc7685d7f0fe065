"""Opening a mirror: in memory, in a private SQLite file, or in PostgreSQL."""

import logging
import os
import secrets
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.schema import SCHEMA_VERSION, counter, meta, metadata

log = logging.getLogger(__name__)
MEMORY = "memory"


class Database:
    """A connection pool and the two ways to use it: `reading` and `writing`."""

    def __init__(self, engine: Engine, *, shared: bool = False) -> None:
        self.engine = engine
        # A database in memory is one connection: whoever uses it has it alone.
        self._alone: AbstractContextManager[object] = threading.RLock() if shared else nullcontext()
        self.epoch = ""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with _our_errors(), self._alone, self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; nothing of it stays if the block raises."""
        options = {"convocore_writing": True}
        with _our_errors(), self._alone, self.engine.connect() as plain:
            connection = plain.execution_options(**options)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise MirrorError(
            f"The mirror can't be used ({type(cause).__name__}: {str(cause).splitlines()[0]}).",
            hint="Check the disk and CONVOCORE_STORE; the mirror can be deleted at any time.",
        ) from error


def open_database(store: str | Path, *, owner: str) -> Database:
    """Open, and if need be create, the mirror at `store`: `memory`, a file, or a PostgreSQL URL.

    `owner` is the fingerprint of the credential and the region. A mirror of another owner, of
    another schema, or a damaged one is set aside (its file renamed) and a new one begun.

    Raises:
        MirrorError: neither the mirror nor a new one can be opened.
    """
    if isinstance(store, str) and store != MEMORY:
        database = Database(create_engine(store, pool_pre_ping=True))
        with _our_errors():
            _begin(database, owner)
        return database
    if not isinstance(store, Path):
        database = Database(_sqlite("sqlite://", poolclass=StaticPool), shared=True)
        with _our_errors():
            _begin(database, owner)
        return database
    return _open_file(store, owner)


def _open_file(path: Path, owner: str) -> Database:
    for attempt in (1, 2):
        try:
            _make_private(path)
        except OSError as error:
            raise MirrorError(
                f"The mirror's file can't be made ({error.strerror}).",
                hint="Set CONVOCORE_STORE to a file in a folder you can write, or to memory.",
            ) from None
        database = Database(_sqlite(f"sqlite:///{path}"))
        try:
            if _begin(database, owner):
                return database
            reason = "it belongs to another key or region, or to another version"
        except DatabaseError as error:
            if attempt == 2 or "locked" in str(error):
                database.close()
                with _our_errors():
                    raise
            reason = "it is damaged"
        database.close()
        _set_aside(path, reason)
    raise MirrorError("The mirror can't be begun.", hint="Set CONVOCORE_STORE=memory.")


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)


def _set_aside(path: Path, reason: str) -> None:
    aside = path.with_name(f"{path.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    log.warning("The mirror was set aside as %s: %s. A new one is begun.", aside.name, reason)


def _begin(database: Database, owner: str) -> bool:
    """Make what is missing; False if what is there is somebody else's."""
    ours = {"schema": SCHEMA_VERSION, "owner": owner}
    with database.engine.begin() as plain:
        connection = plain.execution_options(convocore_writing=True)
        metadata.create_all(connection)
        found = {key: value for key, value in connection.execute(select(meta.c.key, meta.c.value))}
        if not found:
            ours["epoch"] = secrets.token_hex(4)
            connection.execute(insert(meta), [{"key": k, "value": v} for k, v in ours.items()])
            connection.execute(insert(counter), {"id": 1, "seq": 0})
            found = ours
    database.epoch = found.get("epoch") or ""
    return all(found.get(key) == value for key, value in ours.items())


def _sqlite(url: str, **options: Any) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def settle_in(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=15000",
            "temp_store=MEMORY",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that will write takes the lock at once: a late upgrade fails, not waits.
        writing = connection.get_execution_options().get("convocore_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
