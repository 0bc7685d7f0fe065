"""Sync locks: one process at a time runs one kind of sync of an agent.

A process that dies, however suddenly, loses its locks at once, without any clock. Beside a SQLite
mirror, a sync lock is the lock of an empty SQLite file, so it is as reliable as the locks of the
mirror itself, on every system. For PostgreSQL see `locks.server_locks`.

A process that is stopped, and not dead, would keep such a lock for as long as it is stopped. The
leases (`locks.leases`) let another process take the lock over.
"""

import sqlite3
import threading
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.sqlite_file import BUSY
from convocore_mcp.store.locks.leases import STALE_AFTER, HeldLock, Lease, Leases, ReleaseLock
from convocore_mcp.store.locks.server_locks import ServerSyncLocks

_OPENING_LOCK = threading.Lock()


class SyncLocks(Protocol):
    """The sync locks of one mirror. Blocking calls: run them in a thread."""

    def take(self, agent_id: str, kind: str) -> HeldLock | None:
        """Take the lock without waiting; `kind` is `full` or `incremental`.

        Returns `None` while another process holds it.

        Raises:
            MirrorError: the lock's file or database can't be used.
        """
        ...

    def close(self) -> None:
        """Close idle connections. Locks that are held stay held."""
        ...


def sync_locks_for(
    store: str | Path, database: Database, *, stale_after: float = STALE_AFTER
) -> SyncLocks:
    """The sync locks of the mirror at `store`, which is open as `database`."""
    leases = Leases(database, stale_after=stale_after)
    if isinstance(store, Path):
        return FileSyncLocks(store, leases)
    if database.engine.dialect.name == "postgresql":
        return ServerSyncLocks(database, leases)
    return NoSyncLocks()


class NoSyncLocks:
    """For a mirror in memory: no other process can use it."""

    def take(self, agent_id: str, kind: str) -> HeldLock | None:  # noqa: ARG002
        """As `SyncLocks.take`."""
        return HeldLock(lambda: None, None, "", Lease())

    def close(self) -> None:
        """As `SyncLocks.close`."""


class FileSyncLocks:
    """Locks of files beside the mirror at `path`."""

    def __init__(self, path: Path, leases: Leases) -> None:
        self._path = path
        self._leases = leases

    def take(self, agent_id: str, kind: str) -> HeldLock | None:
        """As `SyncLocks.take`."""
        return self._leases.take(agent_id, kind, partial(self._lock, kind))

    def _lock(self, kind: str, agent_id: str, number: int) -> ReleaseLock | None:
        text = f"{agent_id}\n{number}" if number else agent_id
        name = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        file = self._path.with_name(f"{self._path.name}.{kind}-{name}")
        try:
            # One thread at a time: a process that closes a file loses all its locks on that file.
            with _OPENING_LOCK:
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
