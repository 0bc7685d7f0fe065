"""The versions of conversations, a page or a few at a time. The caller holds the write lock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, or_, select, update

from convocore_mcp.models import Conversation, CopyTimes
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import chunks, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    MAX_INDEX_KEY_LENGTH,
    conversations,
    dirty_conversations,
)
from convocore_mcp.store.fields import field_writer

MAX_OVERLAP_MS = 10 * 60 * 1000
"""Milliseconds between two requests whose answers may be saved in the opposite order. A row that
was seen later than that was seen by a clock that was ahead."""


class CurrentVersion(NamedTuple):
    """What writing needs of a current version; times are milliseconds."""

    valid_from: int
    id: str
    digest: bytes
    seen_at: int
    lead_id: str | None
    last_activity: int | None
    last_modified: int | None
    missed_syncs: int
    outdated_at: int | None
    other_copies: bytes | None

    @property
    def copy_times(self) -> CopyTimes:
        """The times by which this version is compared with other copies (`is_older`)."""
        times = (self.last_activity, self.last_modified)
        active, modified = (None if time is None else time // 1000 for time in times)
        return (active, modified)


Changed = tuple[Conversation, CurrentVersion | None]
"""A row that begins a version, and the version that it replaces."""
_c = conversations.c
_CURRENT = select(*(_c[name] for name in CurrentVersion._fields)).where(
    _c.agent_id == bindparam("agent"),
    _c.valid_to == CURRENT,
    _c.id.in_(bindparam("ids", expanding=True)),
)


def current_versions(
    connection: Connection, agent_id: str, ids: Iterable[str]
) -> dict[str, CurrentVersion]:
    """The current versions of these conversations, by id."""
    versions: dict[str, CurrentVersion] = {}
    for part in chunks(sorted(set(ids))):
        for row in connection.execute(_CURRENT, {"agent": agent_id, "ids": part}):
            versions[row.id] = CurrentVersion(*row)
    return versions


def not_seen_since(
    seen_at: ColumnElement[int], time: datetime, now: datetime | None
) -> ColumnElement[bool]:
    """The condition that a row was last seen before `time`, or by a clock that was ahead."""
    before = seen_at < (to_milliseconds(time) or 0)
    now_ms = to_milliseconds(now)
    return before if now_ms is None else or_(before, seen_at > now_ms + MAX_OVERLAP_MS)


def not_seen(
    connection: Connection, agent_id: str, time: datetime, now: datetime | None, *, outdated: bool
) -> dict[str, int]:
    """The conversations that were not seen since `time`, with how many full syncs missed each.

    `outdated`: those of which another copy was seen since; else the others.
    """
    since = to_milliseconds(time) or 0
    copy_seen = func.coalesce(_c.outdated_at, since - 1) >= since
    query = select(_c.id, _c.missed_syncs).where(
        _c.agent_id == agent_id,
        _c.valid_to == CURRENT,
        not_seen_since(_c.seen_at, time, now),
        copy_seen if outdated else ~copy_seen,
    )
    return {row.id: row.missed_syncs for row in connection.execute(query)}


def any_seen_soon_after(connection: Connection, agent_id: str, time: datetime) -> bool:
    """Whether a conversation was last seen within `MAX_OVERLAP_MS` after `time`."""
    at = to_milliseconds(time) or 0
    query = select(_c.id).where(
        _c.agent_id == agent_id,
        _c.valid_to == CURRENT,
        _c.seen_at > at,
        _c.seen_at <= at + MAX_OVERLAP_MS,
    )
    return connection.execute(query.limit(1)).first() is not None


def end_versions(
    connection: Connection, ended: Iterable[tuple[CurrentVersion, int]], *, at: int
) -> None:
    """End each version at its sequence number; `at` is the time in milliseconds."""
    rows = [{"version": old.valid_from, "number": number} for old, number in ended]
    if rows:
        statement = update(conversations).where(conversations.c.valid_from == bindparam("version"))
        connection.execute(statement.values(valid_to=bindparam("number"), ended_at=at), rows)
        field_writer.end_versions(connection, [(row["version"], row["number"]) for row in rows])


def mark_seen(connection: Connection, versions: Sequence[int], at: int) -> None:
    """Note that these versions still held at `at`: a row read before it must not replace them."""
    if not versions:
        return
    c = conversations.c
    connection.execute(
        update(conversations)
        .where(
            c.valid_from.in_(versions),
            or_(c.seen_at < at, c.seen_at > at + MAX_OVERLAP_MS, c.missed_syncs > 0),
        )
        .values(
            seen_at=case((c.seen_at.between(at, at + MAX_OVERLAP_MS), c.seen_at), else_=at),
            missed_syncs=0,
            outdated_at=None,
        )
    )


def mark_outdated(connection: Connection, versions: Collection[int], at: int) -> None:
    """Note that at `at` the list showed other copies of these versions, which do not count."""
    if versions:
        c = conversations.c
        statement = update(conversations).where(c.valid_from.in_(versions))
        connection.execute(statement.values(outdated_at=at))


def note_copies(connection: Connection, agent_id: str, digests: Mapping[str, bytes]) -> None:
    """Note which equally old copies the list shows beside the current versions, by id."""
    if digests:
        of_row = (_c.agent_id == agent_id, _c.id == bindparam("copied"), _c.valid_to == CURRENT)
        connection.execute(
            update(conversations).where(*of_row).values(other_copies=bindparam("digests")),
            [{"copied": id_, "digests": joined} for id_, joined in digests.items()],
        )


def mark_dirty(connection: Connection, changed: Iterable[tuple[str, str, str | None]]) -> None:
    """Note which leads to rebuild: by agent, conversation, and the lead it was in."""
    rows = [(agent_id, storable(id_), lead_id or "") for agent_id, id_, lead_id in changed]
    columns = ("agent_id", "id", "lead_id")
    bulk.insert_rows(connection, dirty_conversations, columns, rows, skip_existing=True)


def why_unstorable(row: Conversation) -> str | None:
    """Why a row can't be stored under its id or identity; `None` if it can."""
    for name in ("id", "identity"):
        if len(getattr(row, name) or "") > MAX_INDEX_KEY_LENGTH:
            return f"{name}: has more than {MAX_INDEX_KEY_LENGTH} characters"
    # Stored with another character in its place, it could be another conversation's id.
    return None if storable(row.id) == row.id else "id: has a character that can't be stored"
