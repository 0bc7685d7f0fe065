"""Who may write: the counter of changes, the write lock under which its numbers are given out, and
the fence around a mirror whose writer holds a sync lock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, bindparam, select, update

from convocore_mcp.errors import LostSyncLockError
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import counter

# Built once: SQLAlchemy takes longer to build and to hash a statement than SQLite to execute it.
_NEWEST = select(counter.c.sequence_number)
_LOCK = _NEWEST.with_for_update()
_SET = update(counter).values(sequence_number=bindparam("newest"))


def sequence_number(connection: Connection) -> int:
    """The number of the newest change."""
    return int(connection.execute(_NEWEST).scalar_one())


def take_write_lock(connection: Connection) -> int:
    """Lock the counter until the transaction ends; returns the number of the newest change.

    Every writer calls this first. So numbers are committed in order, and no two writers can lock
    the same rows in opposite order.
    """
    return int(connection.execute(_LOCK).scalar_one())


def set_sequence_number(connection: Connection, number: int) -> None:
    """Store the number of the newest change; the caller holds the write lock."""
    connection.execute(_SET, {"newest": number})


class FencedDatabase(Database):
    """A mirror for the holder of a sync lock: no write gets through once the lock is lost.

    No write gets through either once the mirror was replaced: what was read before is not in it.
    """

    def __init__(self, database: Database, check: Callable[[Connection], None]) -> None:
        """`check` raises if the lock was lost; it is called first in each write transaction."""
        super().__init__(database.engine, database.generation)
        self._database = database
        self._check = check

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """As `Database.reading`."""
        with self._database.reading() as connection:
            self._check_generation()
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """As `Database.writing`."""
        with self._database.writing() as connection:
            self._check_generation()
            self._check(connection)
            yield connection

    def _check_generation(self) -> None:
        if self._database.generation != self.generation:
            raise LostSyncLockError(
                "The mirror was replaced while it was being filled.", hint="Ask again."
            )
