"""Sync locks: one process at a time runs one kind of sync of an agent.

A process that dies, however suddenly, loses its locks at once, without any clock. Beside a SQLite
mirror, a sync lock is the lock of an empty SQLite file, so it is as reliable as the locks of the
mirror itself, on every system. In PostgreSQL it is an advisory lock of an open transaction on a
connection of its own: a transaction, because a connection pooler may give each transaction another
session. If that connection breaks, two processes may sync at once, which only costs requests.

A process that is stopped, and not dead, keeps such a lock for as long as it is stopped. So the
holder lets a counter in the mirror rise, its heartbeat. Whoever has watched the counter stand still
for `STALE_AFTER` seconds takes the lock over: the mirror notes a higher number, and the lock of
that number is in force from then on. Each write transaction of a holder checks the number first,
so a process that was stopped and continues writes nothing any more.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Engine, bindparam, create_engine, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from convocore_mcp.errors import LostSyncLockError, MirrorError
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.engine import Database, mirror_errors
from convocore_mcp.store.database.schema import meta

ReleaseLock = Callable[[], None]
BUSY = 5
"""SQLite's error code for a lock that another connection holds."""
STALE_AFTER = 40.0
"""Seconds without a heartbeat after which a lock is taken over: four heartbeats."""
LONGEST_LOOK_AWAY = 60.0
"""Seconds between two looks at a heartbeat that still count as watching: whoever was stopped as
well has not watched."""
IDLE_TRANSACTION_TIMEOUT = "15000"
"""Milliseconds after which PostgreSQL ends a write transaction of a process that is stopped."""
_LOST = "This process was stopped, and another one has taken over its sync."
_OPENING = threading.Lock()
_SESSION_SETTINGS = {
    "idle_in_transaction_session_timeout": "0",
    # A machine that vanishes does not close its connection: it loses its locks after 30 seconds.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}

# Built once: each write transaction of a sync runs one of them.
_VALUE = select(meta.c.value).where(meta.c.key == bindparam("key"))
_LOCKED_VALUE_AND_TIMEOUT = _VALUE.with_for_update(read=True).add_columns(
    func.set_config("idle_in_transaction_session_timeout", IDLE_TRANSACTION_TIMEOUT, True)
)


class Lease(NamedTuple):
    """What the mirror notes of a sync lock."""

    number: int = 0
    """Which lock is in force; it goes up by one whenever a lock is taken over."""
    beat: int = 0
    """The holder's heartbeat."""

    def to_text(self) -> str:
        """The lease as text, for `from_text`."""
        return f"{self.number} {self.beat}"

    @classmethod
    def from_text(cls, text: str | None) -> "Lease":
        """The lease that `to_text` wrote."""
        return cls(*map(int, text.split())) if text else cls()


class HeldLock:
    """A sync lock that this process holds."""

    def __init__(
        self, release: ReleaseLock, leases: "Leases | None", key: str, lease: Lease
    ) -> None:
        self._release, self._leases = release, leases
        self._key, self._lease = key, lease

    def release(self) -> None:
        """Release the lock; whoever waits for it gets it at once."""
        self._release()

    def beat(self) -> None:
        """Show that the holder is alive.

        Raises:
            LostSyncLockError: another process has taken the lock over.
            MirrorError: the mirror can't be written.
        """
        new = Lease(self._lease.number, self._lease.beat + 1)
        if self._leases and not self._leases.replace(self._key, self._lease, new):
            raise LostSyncLockError(_LOST, hint="Nothing is lost; ask again.")
        self._lease = new

    def check(self, connection: Connection) -> None:
        """Make sure, until the transaction ends, that the lock is still held.

        Raises:
            LostSyncLockError: another process has taken the lock over.
        """
        leases = self._leases
        if leases and leases.locked_number(connection, self._key) != self._lease.number:
            raise LostSyncLockError(_LOST, hint="Nothing is lost; ask again.")


class Leases:
    """The leases of one mirror, and which of them look dead."""

    def __init__(
        self, database: Database, *, stale_after: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._stale_after, self._clock = database, stale_after, clock
        self._watched: dict[str, tuple[Lease, float, float]] = {}

    def read(self, key: str) -> Lease:
        """The lease as the mirror has it."""
        with self._database.reading() as connection:
            return Lease.from_text(connection.scalar(_VALUE, {"key": key}))

    def replace(self, key: str, old: Lease, new: Lease) -> bool:
        """Replace the lease, if it is still `old`; returns whether it was."""
        with self._database.writing() as connection:
            first = [(key, Lease().to_text())]
            bulk.insert_rows(connection, meta, ("key", "value"), first, skip_existing=True)
            is_old = (meta.c.key == key, meta.c.value == old.to_text())
            statement = update(meta).where(*is_old).values(value=new.to_text())
            return connection.execute(statement).rowcount == 1

    def locked_number(self, connection: Connection, key: str) -> int:
        """The number of the lock in force; it can't change until the transaction ends."""
        postgresql = connection.dialect.name == "postgresql"
        query = _LOCKED_VALUE_AND_TIMEOUT if postgresql else _VALUE
        return Lease.from_text(connection.scalar(query, {"key": key})).number

    def looks_dead(self, key: str, lease: Lease) -> bool:
        """Whether the lease has not changed while this process has watched it long enough."""
        now = self._clock()
        watched, since, last_look = self._watched.get(key, (None, now, now))
        if watched != lease or now - last_look > LONGEST_LOOK_AWAY:
            since = now
        self._watched[key] = (lease, since, now)
        return now - since >= self._stale_after

    def take(
        self, agent_id: str, kind: str, lock: Callable[[str, int], ReleaseLock | None]
    ) -> HeldLock | None:
        """Take the lock in force, or take it over; `lock` locks what has this name and number."""
        digest = blake2b(agent_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        key = f"{kind} sync {digest}"
        lease = self.read(key)
        number = lease.number
        release = lock(agent_id, number)
        if release is None and self.looks_dead(key, lease):
            number += 1
            release = lock(agent_id, number)
        if release is None:
            return None
        new, taken = Lease(number, lease.beat + 1), False
        try:
            taken = self.replace(key, lease, new)
        finally:
            if not taken:  # another process was faster, or the mirror can't be written
                release()
        return HeldLock(release, self, key, new) if taken else None


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
        return AdvisorySyncLocks(database.engine, database.generation, leases)
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

    def __init__(self, mirror: Engine, generation: str, leases: Leases) -> None:
        # Not the mirror's own pool: syncing many agents would leave no connections for answers.
        self._engine = create_engine(mirror.url, pool_size=1, max_overflow=-1, pool_pre_ping=True)
        self._generation = generation
        self._leases = leases

    def take(self, agent_id: str, kind: str) -> HeldLock | None:
        """As `SyncLocks.take`."""
        return self._leases.take(agent_id, kind, partial(self._lock, kind))

    def _lock(self, kind: str, agent_id: str, number: int) -> ReleaseLock | None:
        text = f"{self._generation}\n{kind}\n{agent_id}" + (f"\n{number}" if number else "")
        name = text.encode("utf-8", "surrogatepass")
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
