"""Whose turn it is to read: one process at a time for each agent and kind of reading.

No clock is needed: who dies, however suddenly, holds nothing any more. Beside a SQLite mirror a
turn is the lock of an empty SQLite file, so it is as good as the locks of the mirror itself, on
whatever system. In PostgreSQL it is an advisory lock of an open transaction on a connection of its
own; a transaction, because a pooler in between may give every transaction another session. Should
that connection break, two may read side by side, which costs requests and nothing else.
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
from convocore_mcp.store.database.engine import Database, our_errors

ReleaseLock = Callable[[], None]
BUSY = 5
"""SQLite's code for a lock that somebody else has."""
_CREATING = threading.Lock()
_OF_THE_SESSION = {
    "idle_in_transaction_session_timeout": "0",
    # A machine that vanishes says no goodbye: after half a minute its turn is over.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}


class SyncLocks(Protocol):
    """Gives turns. Blocking calls: hand them to a thread."""

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """The turn, as what ends it; `None` while another process has it.

        Raises:
            MirrorError: nobody can tell whose turn it is.
        """
        ...

    def close(self) -> None:
        """Keep no connection. Turns that were taken go on."""
        ...


def sync_locks_for(place: str | Path, database: Database) -> SyncLocks:
    """Turns for the mirror at `place`."""
    if isinstance(place, Path):
        return FileSyncLocks(place)
    if database.engine.dialect.name == "postgresql":
        return AdvisorySyncLocks(database.engine, database.generation)
    return NoSyncLocks()


class NoSyncLocks:
    """A mirror in memory: there is no other process to wait for."""

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:  # noqa: ARG002
        """As `Turns.take`."""
        return lambda: None

    def close(self) -> None:
        """As `Turns.close`."""


class FileSyncLocks:
    """Locks of files beside the mirror at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """As `Turns.take`."""
        name = blake2b(agent_id.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        file = self._path.with_name(f"{self._path.name}.{kind}-{name}")
        try:
            # One at a time: a process that closes a file loses all its locks on it.
            with _CREATING:
                with suppress(FileExistsError):
                    file.touch(mode=0o600, exist_ok=False)
                connection = sqlite3.connect(
                    file, timeout=0, isolation_level=None, check_same_thread=False
                )
            try:
                connection.execute("PRAGMA journal_mode=MEMORY")  # else there is a second file
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                connection.close()
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == BUSY:
                    return None
                raise
        except (OSError, sqlite3.Error) as error:
            raise MirrorError(
                f"The mirror can't be locked for reading ({type(error).__name__}).",
                hint="Check the disk and CONVOCORE_STORE, or set CONVOCORE_STORE=memory.",
            ) from error
        return connection.close

    def close(self) -> None:
        """As `Turns.close`."""


class AdvisorySyncLocks:
    """Advisory locks in PostgreSQL, of the mirror that is called `epoch`."""

    def __init__(self, mirror: Engine, generation: str) -> None:
        # Not the mirror's own connections: who reads many agents would leave none for answers.
        self._engine = create_engine(mirror.url, pool_size=1, max_overflow=-1, pool_pre_ping=True)
        self._generation = generation

    def take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        """As `Turns.take`."""
        named = f"{self._generation}\n{kind}\n{agent_id}".encode("utf-8", "surrogatepass")
        key = int.from_bytes(blake2b(named, digest_size=8).digest(), signed=True)
        settings = (func.set_config(*setting, True) for setting in _OF_THE_SESSION.items())
        with our_errors():
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
        """As `Turns.close`."""
        self._engine.dispose()


def _release(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # the connection broke, and the turn is over already
        connection.rollback()
    connection.close()
