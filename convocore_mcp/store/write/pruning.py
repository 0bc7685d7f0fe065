"""Deleting versions that nobody can ask for any more. The caller holds the write lock."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from convocore_mcp.store.database.rows import to_milliseconds
from convocore_mcp.store.database.schema import CURRENT, conversations, counter, records
from convocore_mcp.store.details.tables import enriched_versions
from convocore_mcp.store.fields import field_writer

KEEP_VERSIONS = 7 * 24 * 3600 * 1000
"""Milliseconds for which an old version is kept: a client can ask for the changes of a week."""


def prune(connection: Connection, *, now: datetime) -> int:
    """Delete versions that ended longer than `KEEP_VERSIONS` ago; returns how many."""
    before = (to_milliseconds(now) or 0) - KEEP_VERSIONS
    c = conversations.c
    old = select(c.valid_from).where(c.valid_to < CURRENT, c.ended_at < before)
    newest = connection.scalar(select(func.max(c.valid_to)).where(c.valid_from.in_(old)))
    if newest is None:
        return 0
    connection.execute(update(counter).values(pruned_up_to=newest, pruned_before=before))
    field_writer.prune(connection, old, up_to=newest)
    connection.execute(delete(records).where(records.c.valid_from.in_(old)))
    connection.execute(delete(enriched_versions).where(enriched_versions.c.valid_from <= newest))
    return connection.execute(delete(conversations).where(c.valid_from.in_(old))).rowcount
