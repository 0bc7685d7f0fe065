"""Sync locks: one process at a time runs one kind of sync of an agent.

The locks need no clock: a process that dies, however suddenly, loses its locks. Beside a SQLite
mirror, a sync lock is the lock of an empty SQLite file, so it is as reliable as the locks of the
mirror itself, on every system. In PostgreSQL it is an advisory lock of an open transaction on a
connection of its own: a transaction, because a connection pooler may give each transaction another
session. If that connection breaks, two processes may sync at once, which only costs requests.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.engine import Database, mirror_errors

ReleaseLock = Callable[[], None]
BUSY = 5
"""SQLite's error code for a lock that another connection holds."""
_OPENING = threading.Lock()
_SESSION_SETTINGS = {
    "idle_in_transaction_session_timeout": "0",
    # A machine that vanishes does not close its connection: it loses its locks after 30 seconds.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}


class SyncLocks(Protocol):
    """The sync locks of one mirror. Blocking calls: run them in a thread."""

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """Take the lock without waiting; `kind` is `full` or `incremental`.

        Returns the function that releases it, or `None` while another process holds it.

        Raises:
            MirrorError: the lock's file or database can't be used.
        """
        ...

    def close(self) -> None:
        """Close idle connections. Locks that are held stay held."""
        ...


def sync_locks_for(store: str | Path, database: Database) -> SyncLocks:
    """The sync locks of the mirror at `store`, which is open as `database`."""
    if isinstance(store, Path):
        return FileSyncLocks(store)
    if database.engine.dialect.name == "postgresql":
        return AdvisorySyncLocks(database.engine, database.generation)
    return NoSyncLocks()


class NoSyncLocks:
    """For a mirror in memory: no other process can use it."""

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:  # noqa: ARG002
        """As `SyncLocks.take`."""
        return lambda: None

    def close(self) -> None:
        """As `SyncLocks.close`."""


class FileSyncLocks:
    """Locks of files beside the mirror at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """As `SyncLocks.take`."""
        name = blake2b(agent_id.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        file = self._path.with_name(f"{self._path.name}.{kind}-{name}")
        try:
            # One thread at a time: a process that closes a file loses all its locks on that file.
            with _OPENING:
                with suppress(FileExistsError):
                    file.touch(mode=0o600, exist_ok=False)
                connection = sqlite3.connect(
                    file, timeout=0, isolation_level=None, check_same_thread=False
                )
            try:
                connection.execute(
                    "PRAGMA journal_mode=MEMORY"
                )  # else SQLite creates a second file
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                connection.close()
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == BUSY:
                    return None
                raise
        except (OSError, sqlite3.Error) as error:
            raise MirrorError(
                f"The mirror's sync lock can't be used ({type(error).__name__}).",
                hint="Check the disk and CONVOCORE_STORE, or set CONVOCORE_STORE=memory.",
            ) from error
        return connection.close

    def close(self) -> None:
        """As `SyncLocks.close`."""


class AdvisorySyncLocks:
    """Advisory locks in PostgreSQL, for the mirror with the given generation."""

    def __init__(self, mirror: Engine, generation: str) -> None:
        # Not the mirror's own pool: syncing many agents would leave no connections for answers.
        self._engine = create_engine(mirror.url, pool_size=1, max_overflow=-1, pool_pre_ping=True)
        self._generation = generation

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """As `SyncLocks.take`."""
        name = f"{self._generation}\n{kind}\n{agent_id}".encode("utf-8", "surrogatepass")
        key = int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)
        settings = (func.set_config(*setting, True) for setting in _SESSION_SETTINGS.items())
        with mirror_errors():
            connection = self._engine.connect()
            try:
                connection.execute(select(*settings))
                taken = connection.scalar(select(func.pg_try_advisory_xact_lock(key)))
            except SQLAlchemyError:
                connection.close()
                raise
        if taken:
            return partial(_release, connection)
        connection.close()
        return None

    def close(self) -> None:
        """As `SyncLocks.close`."""
        self._engine.dispose()


def _release(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # a broken connection holds no lock any more
        connection.rollback()
    connection.close()
