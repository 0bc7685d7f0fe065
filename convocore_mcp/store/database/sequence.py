"""The counter of changes: sequence numbers, and the write lock under which they are given out."""

from sqlalchemy import Connection, select, update

from convocore_mcp.store.database.schema import counter


def sequence_number(connection: Connection) -> int:
    """The number of the newest change."""
    return int(connection.execute(select(counter.c.sequence_number)).scalar_one())


def take_write_lock(connection: Connection) -> int:
    """Lock the counter until the transaction ends; returns the number of the newest change.

    Every writer calls this first. So numbers are committed in order, and no two writers can lock
    the same rows in opposite order.
    """
    return int(connection.execute(select(counter.c.sequence_number).with_for_update()).scalar_one())


def set_sequence_number(connection: Connection, number: int) -> None:
    """Store the number of the newest change; the caller holds the write lock."""
    connection.execute(update(counter).values(sequence_number=number))
