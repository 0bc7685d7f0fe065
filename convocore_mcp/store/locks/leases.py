"""What the mirror notes of each sync lock: which one is in force, and that its holder is alive.

The holder of a sync lock increments a counter in the mirror, its heartbeat. A process that has seen
the counter unchanged for `STALE_AFTER` seconds takes the lock over: the mirror notes a higher
number, and the lock of that number is in force from then on. Each write transaction of a holder
checks the number first, so a process that was stopped and continues writes nothing any more.

Where only the mirror can show that a holder is alive, the mirror also notes until when the lock is
held, by the clock of the database; each heartbeat extends that time.
"""

import logging
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, literal, select, update

from convocore_mcp.errors import DamagedMirrorError, LostSyncLockError, MirrorError
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import meta

log = logging.getLogger(__name__)

ReleaseLock = Callable[[], None]
STALE_AFTER = 40.0
"""Seconds without a heartbeat after which a lock is taken over: four heartbeats."""
MAX_GAP_SECONDS = 60.0
"""The longest pause between two looks at a heartbeat, in seconds. After a longer one this process
may have been stopped too, so it starts to watch again."""
_LOST = "This process was stopped, and another one has taken over its sync."

# Built once: each write transaction of a sync runs one of them.
_VALUE = select(meta.c.value).where(meta.c.key == bindparam("key"))
_LOCKED_VALUE = _VALUE.with_for_update(read=True)
_MILLISECONDS = func.extract("epoch", func.clock_timestamp()) * 1000


class Lease(NamedTuple):
    """What the mirror notes of a sync lock."""

    number: int = 0
    """Which lock is in force; it goes up by one whenever a lock is taken over."""
    heartbeat: int = 0
    """The holder's heartbeat."""
    until: int = 0
    """Until when it is held, in Unix milliseconds of the database; 0 if a file lock or an advisory
    lock shows it instead."""

    def to_text(self) -> str:
        """The lease as text, for `from_text`."""
        return f"{self.number} {self.heartbeat} {self.until}"

    @classmethod
    def from_text(cls, text: str | None) -> "Lease":
        """The lease that `to_text` wrote.

        Raises:
            DamagedMirrorError: the text is another one.
        """
        try:
            return cls(*map(int, text.split())) if text else cls()
        except (TypeError, ValueError):
            raise DamagedMirrorError(
                "What the mirror notes of a sync lock was damaged.",
                hint="Ask again: a new mirror is being filled from Convocore.",
            ) from None

    @property
    def next_number(self) -> int:
        """The number of the next lock: another one if a holder let its time run out."""
        return self.number + (self.until > 0)


class HeldLock:
    """A sync lock that this process holds.

    `seconds` is how long each heartbeat extends it, where only the mirror can show that the holder
    is alive; `release` releases what else shows it (a lock of a file or of the database).
    """

    def __init__(
        self,
        release: ReleaseLock,
        leases: "Leases | None",
        key: str,
        lease: Lease,
        *,
        seconds: float = 0,
    ) -> None:
        self._release, self._leases = release, leases
        self._key, self._lease = key, lease
        self._seconds = seconds

    def release(self) -> None:
        """Release the lock; a process that waits for it gets it at once."""
        self._release()
        if self._leases and self._seconds:
            try:
                self._leases.replace(self._key, self._lease, self._lease._replace(until=0))
            except MirrorError as error:
                log.info("A sync lock ends by itself, in a moment: %s", error.message)

    def heartbeat(self) -> None:
        """Show that the holder is alive.

        Raises:
            LostSyncLockError: another process has taken the lock over.
            MirrorError: the mirror can't be written.
        """
        new = self._lease._replace(heartbeat=self._lease.heartbeat + 1)
        if self._leases:
            replaced = self._leases.replace(self._key, self._lease, new, seconds=self._seconds)
            if replaced is None:
                raise LostSyncLockError(_LOST, hint="Nothing is lost; ask again.")
            new = replaced
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
    """The leases of one mirror, and since when each of them has been the same."""

    def __init__(
        self,
        database: Database,
        *,
        stale_after: float = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.database, self.stale_after, self._clock = database, stale_after, clock
        self._watched: dict[str, tuple[Lease, float, float]] = {}

    def read(self, connection: Connection, key: str) -> Lease | None:
        """The lease as the mirror has it; `None` if another process holds it until some time."""
        postgresql = connection.dialect.name == "postgresql"
        now = _MILLISECONDS if postgresql else literal(0)
        row = connection.execute(_VALUE.add_columns(now), {"key": key}).one_or_none()
        lease = Lease.from_text(row[0] if row else None)
        return None if row and lease.until > row[1] else lease

    def replace(self, key: str, old: Lease, new: Lease, *, seconds: float = 0) -> Lease | None:
        """Replace the lease, if it is still `old`, by `new`, which is held for `seconds`.

        Returns the lease as it is now; `None` if it was no longer `old`.
        """
        with self.database.writing() as connection:
            return self.replace_in(connection, key, old, new, seconds=seconds)

    def replace_in(
        self, connection: Connection, key: str, old: Lease, new: Lease, *, seconds: float = 0
    ) -> Lease | None:
        """As `replace`, in a transaction that writes."""
        if seconds:
            now = connection.scalar(select(_MILLISECONDS))
            new = new._replace(until=int(float(now or 0) + seconds * 1000))
        first = [(key, Lease().to_text())]
        bulk.insert_rows(connection, meta, ("key", "value"), first, skip_existing=True)
        is_old = (meta.c.key == key, meta.c.value == old.to_text())
        statement = update(meta).where(*is_old).values(value=new.to_text())
        return new if connection.execute(statement).rowcount == 1 else None

    def locked_number(self, connection: Connection, key: str) -> int:
        """The number of the lock in force; it can't change until the transaction ends."""
        postgresql = connection.dialect.name == "postgresql"
        query = _LOCKED_VALUE if postgresql else _VALUE
        return Lease.from_text(connection.scalar(query, {"key": key})).number

    def is_stale(self, key: str, lease: Lease) -> bool:
        """Whether the lease has not changed while this process has watched it long enough."""
        now = self._clock()
        watched, since, last_look = self._watched.get(key, (None, now, now))
        if watched != lease or now - last_look > MAX_GAP_SECONDS:
            since = now
        self._watched[key] = (lease, since, now)
        return now - since >= self.stale_after

    def take(
        self, agent_id: str, kind: str, lock: Callable[[str, int], ReleaseLock | None]
    ) -> HeldLock | None:
        """Take the lock in force, or take it over; `lock` locks what has this name and number."""
        key = key_of(agent_id, kind)
        with self.database.reading() as connection:
            lease = self.read(connection, key)
        if lease is None:
            return None
        number = lease.next_number
        release = lock(agent_id, number)
        if release is None and self.is_stale(key, lease):
            number += 1
            release = lock(agent_id, number)
        if release is None:
            return None
        taken = None
        try:
            taken = self.replace(key, lease, Lease(number, lease.heartbeat + 1))
        finally:
            if taken is None:  # another process was faster, or the mirror can't be written
                release()
        return HeldLock(release, self, key, taken) if taken else None


def key_of(agent_id: str, kind: str) -> str:
    """The key of a lease in the table `meta`."""
    digest = blake2b(agent_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{kind} sync {digest}"
