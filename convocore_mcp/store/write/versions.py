"""The versions of conversations, a page or a few at a time. The caller holds the write lock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, or_, select, update

from convocore_mcp.models import Conversation
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import chunks, digest, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    LONGEST_KEY,
    conversations,
    dirty_conversations,
)

LONGEST_OVERLAP = 10 * 60 * 1000
"""Milliseconds between two requests whose answers may be saved in the opposite order. A row that
was seen later than that was seen by a clock that was ahead."""


def current_versions(connection: Connection, agent_id: str, ids: Iterable[str]) -> dict[str, Any]:
    """The current versions of these conversations by id, with the columns that writing needs."""
    c = conversations.c
    columns = (c.valid_from, c.id, c.digest, c.seen_at, c.lead_id, c.last_activity)
    query = select(*columns).where(c.agent_id == agent_id, c.valid_to == CURRENT)
    versions: dict[str, Any] = {}
    for part in chunks(sorted(set(ids))):
        versions |= {row.id: row for row in connection.execute(query.where(c.id.in_(part)))}
    return versions


def compare(
    rows: Iterable[Conversation], current: Mapping[str, Any], at: int
) -> tuple[list[tuple[Conversation, Any | None]], frozenset[str]]:
    """Compare rows that were requested at `at` with their current versions.

    Returns the rows that are new or replace their version, with that version; and the IDs of those
    whose record is the same.
    """
    changed: list[tuple[Conversation, Any | None]] = []
    known = []
    for row in rows:
        old = current.get(row.id)
        if old is not None and old.digest == digest(row.record):
            known.append(row.id)
        elif old is None or _is_newer(row, old, at):
            changed.append((row, old))
    return changed, frozenset(known)


def _is_newer(row: Conversation, old: Any, at: int) -> bool:
    """Whether a row that was requested at `at` is newer than the version `old`.

    It is not if the version was seen by a later request. But the clock may have been ahead then:
    a later activity is newer whatever the clock said, and no request overlaps with one that was
    sent so much later.
    """
    seen_at = int(old.seen_at)
    if seen_at <= at or seen_at > at + LONGEST_OVERLAP:
        return True
    activity, known = to_milliseconds(row.last_activity), old.last_activity
    return activity is not None and (known is None or activity > known)


def not_seen_since(
    seen_at: ColumnElement[int], time: datetime, now: datetime | None
) -> ColumnElement[bool]:
    """The condition that a row was last seen before `time`, or by a clock that was ahead."""
    before = seen_at < (to_milliseconds(time) or 0)
    now_ms = to_milliseconds(now)
    return before if now_ms is None else or_(before, seen_at > now_ms + LONGEST_OVERLAP)


def end_versions(connection: Connection, ended: Iterable[tuple[Any, int]], *, at: int) -> None:
    """End each version at its sequence number; `at` is the time in milliseconds."""
    rows = [{"version": old.valid_from, "number": number} for old, number in ended]
    if rows:
        statement = update(conversations).where(conversations.c.valid_from == bindparam("version"))
        connection.execute(statement.values(valid_to=bindparam("number"), ended_at=at), rows)


def mark_seen(connection: Connection, versions: Sequence[int], at: int) -> None:
    """Note that these versions still held at `at`: a row read before it must not replace them."""
    c = conversations.c
    connection.execute(
        update(conversations)
        .where(
            c.valid_from.in_(versions),
            or_(c.seen_at < at, c.seen_at > at + LONGEST_OVERLAP, c.missed_syncs > 0),
        )
        .values(
            seen_at=case((c.seen_at.between(at, at + LONGEST_OVERLAP), c.seen_at), else_=at),
            missed_syncs=0,
        )
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
