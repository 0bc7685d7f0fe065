"""Sync locks in PostgreSQL, reached directly or through a connection pooler.

Directly, a sync lock is an advisory lock of an open transaction on a connection of its own: a
process that dies loses it at once. If that connection breaks, two processes may sync at once, which
only costs requests: the lease keeps all but one of them from writing.

Through a pooler, an open transaction would keep one of the pooler's few connections, perhaps the
only one, for as long as a sync takes; and between transactions no session is ours. So there the
lock is the lease alone, held until a time by the clock of the database, which each heartbeat
extends. A process that dies then loses it after `Leases.stale_after`.

Both may use one database: a process behind a pooler also tries the advisory lock, for one
transaction, and a process without a pooler respects a lease that has not run out.
"""

from contextlib import suppress
from functools import partial
from hashlib import blake2b

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.engines.database_errors import mirror_errors
from convocore_mcp.store.engines.postgresql_connection import (
    GIVE_UP,
    READ_SECONDS,
    limit_statements,
    postgresql_engine,
)
from convocore_mcp.store.locks.leases import HeldLock, Lease, Leases, ReleaseLock, key_of

_KEEPALIVES = {
    # A machine that vanishes does not close its connection: it loses its locks after 30 seconds.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}


class ServerSyncLocks:
    """The sync locks of the mirror that is open as `database`."""

    def __init__(self, database: Database, leases: Leases) -> None:
        self._database = database
        # Not the mirror's own pool: syncing many agents would leave no connections for answers.
        self._engine: Engine | None = None
        self._leases = leases

    def take(self, agent_id: str, kind: str) -> HeldLock | None:
        """As `SyncLocks.take`."""
        if self._database.pooled:
            return self._take_lease(agent_id, kind)
        return self._leases.take(agent_id, kind, partial(self._lock, kind))

    def close(self) -> None:
        """As `SyncLocks.close`."""
        if self._engine is not None:
            self._engine.dispose()

    def _take_lease(self, agent_id: str, kind: str) -> HeldLock | None:
        leases, key = self._leases, key_of(agent_id, kind)
        seconds = leases.stale_after
        with self._database.writing() as connection:
            lease = leases.read(connection, key)
            if lease is None:
                return None
            number = lease.next_number
            if not self._try_lock(connection, agent_id, kind, number):
                if not leases.is_stale(key, lease):
                    return None
                number += 1
            new = Lease(number, lease.heartbeat + 1)
            taken = leases.replace_in(connection, key, lease, new, seconds=seconds)
        return HeldLock(lambda: None, leases, key, taken, seconds=seconds) if taken else None

    def _try_lock(self, connection: Connection, agent_id: str, kind: str, number: int) -> bool:
        """Take the advisory lock for this transaction; false if another process holds it."""
        name = self._name(agent_id, kind, number)
        return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(name))))

    def _lock(self, kind: str, agent_id: str, number: int) -> ReleaseLock | None:
        with mirror_errors():
            connection = self._own_engine().connect()
            try:
                limit_statements(connection, READ_SECONDS, idle_seconds=0)
                settings = (func.set_config(*setting, True) for setting in _KEEPALIVES.items())
                connection.execute(select(*settings))
                taken = self._try_lock(connection, agent_id, kind, number)
            except SQLAlchemyError:
                connection.close()
                raise
        if taken:
            return partial(_release, connection)
        connection.close()
        return None

    def _name(self, agent_id: str, kind: str, number: int) -> int:
        text = f"{self._database.generation}\n{kind}\n{agent_id}"
        text += f"\n{number}" if number else ""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, signed=True)

    def _own_engine(self) -> Engine:
        if self._engine is None:
            mirror = self._database.engine
            give_up = mirror.get_execution_options()[GIVE_UP]
            self._engine = postgresql_engine(
                mirror.url, pool_size=1, max_overflow=-1, give_up=give_up
            )
        return self._engine


def _release(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # a broken connection holds no lock any more
        connection.rollback()
    connection.close()
