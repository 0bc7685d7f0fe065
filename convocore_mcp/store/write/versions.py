"""The versions of conversations, a page or a handful at a time. The caller has taken its turn."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, select, update

from convocore_mcp.models import Conversation
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import parts
from convocore_mcp.store.database.schema import CURRENT, LONGEST_KEY, conversations, dirty


def held(connection: Connection, agent_id: str, ids: Iterable[str]) -> dict[str, Any]:
    """The current versions of these conversations, by id; without what they say."""
    c = conversations.c
    query = select(c.valid_from, c.id, c.digest, c.seen_at, c.lead_id, c.missed).where(
        c.agent_id == agent_id, c.valid_to == CURRENT
    )
    found: dict[str, Any] = {}
    for part in parts(sorted(set(ids))):
        found |= {row.id: row for row in connection.execute(query.where(c.id.in_(part)))}
    return found


def end(connection: Connection, ended: Iterable[tuple[Any, int]], *, at: int) -> None:
    """End versions, each at its number."""
    rows = [{"of": old.valid_from, "number": number} for old, number in ended]
    if rows:
        one = update(conversations).where(conversations.c.valid_from == bindparam("of"))
        connection.execute(one.values(valid_to=bindparam("number"), ended_at=at), rows)


def seen(connection: Connection, seqs: Sequence[int], at: int) -> None:
    """Note that these still held at `at`: what was read before it must not take their place."""
    c = conversations.c
    connection.execute(
        update(conversations)
        .where(c.valid_from.in_(seqs), or_(c.seen_at < at, c.missed > 0))
        .values(seen_at=case((c.seen_at < at, at), else_=c.seen_at), missed=0)
    )


def mark_dirty(connection: Connection, changed: Iterable[tuple[str, str, str | None]]) -> None:
    """Note whose leads must be made again: agent, conversation, and the lead it was in."""
    rows = [(agent, storable(id_), lead or "") for agent, id_, lead in changed]
    bulk.put(connection, dirty, ("agent_id", "id", "lead_id"), rows, anew=False)


def too_long(row: Conversation) -> str | None:
    """Why a row can't be looked up by something that it should be."""
    for name in ("id", "identity"):
        if len(getattr(row, name) or "") > LONGEST_KEY:
            return f"{name}: has more than {LONGEST_KEY} characters"
    return None
