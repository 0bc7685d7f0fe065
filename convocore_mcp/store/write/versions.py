"""The versions of conversations, a page or a few at a time. The caller holds the write lock."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, select, update

from convocore_mcp.models import Conversation
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import (
    CURRENT,
    LONGEST_KEY,
    conversations,
    dirty_conversations,
)
from convocore_mcp.store.fields import field_writer


def current_versions(connection: Connection, agent_id: str, ids: Iterable[str]) -> dict[str, Any]:
    """The current versions of these conversations by id, with the columns that writing needs."""
    c = conversations.c
    query = select(c.valid_from, c.id, c.digest, c.seen_at, c.lead_id).where(
        c.agent_id == agent_id, c.valid_to == CURRENT
    )
    versions: dict[str, Any] = {}
    for part in chunks(sorted(set(ids))):
        versions |= {row.id: row for row in connection.execute(query.where(c.id.in_(part)))}
    return versions


def end_versions(connection: Connection, ended: Iterable[tuple[Any, int]], *, at: int) -> None:
    """End each version at its sequence number; `at` is the time in milliseconds."""
    rows = [{"version": old.valid_from, "number": number} for old, number in ended]
    if rows:
        statement = update(conversations).where(conversations.c.valid_from == bindparam("version"))
        connection.execute(statement.values(valid_to=bindparam("number"), ended_at=at), rows)
        field_writer.end_versions(connection, [(row["version"], row["number"]) for row in rows])


def mark_seen(connection: Connection, versions: Sequence[int], at: int) -> None:
    """Note that these versions still held at `at`: a row read before it must not replace them."""
    c = conversations.c
    connection.execute(
        update(conversations)
        .where(c.valid_from.in_(versions), or_(c.seen_at < at, c.missed_syncs > 0))
        .values(seen_at=case((c.seen_at < at, at), else_=c.seen_at), missed_syncs=0)
    )


def mark_dirty(connection: Connection, changed: Iterable[tuple[str, str, str | None]]) -> None:
    """Note which leads to rebuild: by agent, conversation, and the lead it was in."""
    rows = [(agent_id, storable(id_), lead_id or "") for agent_id, id_, lead_id in changed]
    columns = ("agent_id", "id", "lead_id")
    bulk.insert_rows(connection, dirty_conversations, columns, rows, skip_existing=True)


def why_too_long(row: Conversation) -> str | None:
    """Why a row can't be stored under its id or identity; `None` if it can."""
    for name in ("id", "identity"):
        if len(getattr(row, name) or "") > LONGEST_KEY:
            return f"{name}: has more than {LONGEST_KEY} characters"
    return None
