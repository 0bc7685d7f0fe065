"""The versions of conversations, a page or a few at a time. The caller holds the write lock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, case, or_, select, update

from convocore_mcp.models import Conversation, CopyTimes, is_older
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import chunks, digest_of, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    LONGEST_KEY,
    conversations,
    dirty_conversations,
)
from convocore_mcp.store.fields import field_writer

LONGEST_OVERLAP = 10 * 60 * 1000
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


@dataclass(slots=True)
class Comparison:
    """What the rows of a page are, compared with the mirror's current versions."""

    changed: list[Changed] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    """The versions that stay current, by `valid_from`."""
    known: set[str] = field(default_factory=set)
    """The IDs of the rows whose digest is that of the version in the mirror."""
    outdated: list[int] = field(default_factory=list)
    """The versions of which the page shows an older copy, by `valid_from`."""


def compare(
    rows: Mapping[str, Conversation], current: Mapping[str, CurrentVersion], *, at: int
) -> Comparison:
    """Compare rows that were read at `at` (milliseconds) with the current versions, both by id.

    The newer copy wins, not the one that was read later: an upstream cache may show an older copy
    beside, or instead of, the newer one. Of equally old copies the one that was read later wins.
    Activity after the version was last seen is news, whatever time in the future the version bears.
    An older copy is accepted once a whole full sync has shown nothing else: then the newer one was
    a mistake that Convocore has corrected, like a time in the future.
    """
    found = Comparison()
    for row in rows.values():
        old = current.get(row.id)
        if old is None:
            found.changed.append((row, None))
        elif old.digest == digest_of(row):
            found.unchanged.append(old.valid_from)
            found.known.add(row.id)
        elif is_older(row.copy_times, old.copy_times) and not (
            _from_the_future(old, at) or _active_since_seen(row, old)
        ):
            confirmed = old.missed_syncs > 0 and old.outdated_at is not None and _seen_by(old, at)
            if confirmed:
                found.changed.append((row, old))
            else:
                found.outdated.append(old.valid_from)
        elif _seen_by(old, at) or is_older(old.copy_times, row.copy_times):
            found.changed.append((row, old))
        else:
            found.unchanged.append(old.valid_from)
    return found


def _from_the_future(old: CurrentVersion, at: int) -> bool:
    """Whether the last activity of the version lies after `at`: such a time is a mistake, so the
    version counts as newer than no other copy."""
    return old.last_activity is not None and old.last_activity > at + LONGEST_OVERLAP


def _seen_by(old: CurrentVersion, at: int) -> bool:
    """Whether the version was last seen by `at`, or much later: by a clock that was ahead."""
    return old.seen_at <= at or old.seen_at > at + LONGEST_OVERLAP


def _active_since_seen(row: Conversation, old: CurrentVersion) -> bool:
    """Whether the row's activity is later than the version was seen: no old copy can know of it."""
    active = to_milliseconds(row.last_activity)
    return active is not None and active > old.seen_at


def newest_copies(rows: Sequence[Conversation]) -> dict[str, Conversation]:
    """The rows that can be stored, by id; of two copies of a conversation the newer one."""
    fitting = [row for row in rows if not why_unstorable(row)]
    by_id = {row.id: row for row in fitting}
    if len(by_id) < len(fitting):
        for row in fitting:
            if is_older(by_id[row.id].copy_times, row.copy_times):
                by_id[row.id] = row
    return by_id


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
    return before if now_ms is None else or_(before, seen_at > now_ms + LONGEST_OVERLAP)


def any_seen_soon_after(connection: Connection, agent_id: str, time: datetime) -> bool:
    """Whether a conversation was last seen within `LONGEST_OVERLAP` after `time`."""
    at = to_milliseconds(time) or 0
    query = select(_c.id).where(
        _c.agent_id == agent_id,
        _c.valid_to == CURRENT,
        _c.seen_at > at,
        _c.seen_at <= at + LONGEST_OVERLAP,
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
            or_(c.seen_at < at, c.seen_at > at + LONGEST_OVERLAP, c.missed_syncs > 0),
        )
        .values(
            seen_at=case((c.seen_at.between(at, at + LONGEST_OVERLAP), c.seen_at), else_=at),
            missed_syncs=0,
            outdated_at=None,
        )
    )


def mark_outdated(connection: Connection, versions: Sequence[int], at: int) -> None:
    """Note that at `at` the list showed older copies of these versions."""
    if versions:
        c = conversations.c
        statement = update(conversations).where(c.valid_from.in_(versions))
        connection.execute(statement.values(outdated_at=at))


def mark_dirty(connection: Connection, changed: Iterable[tuple[str, str, str | None]]) -> None:
    """Note which leads to rebuild: by agent, conversation, and the lead it was in."""
    rows = [(agent_id, storable(id_), lead_id or "") for agent_id, id_, lead_id in changed]
    columns = ("agent_id", "id", "lead_id")
    bulk.insert_rows(connection, dirty_conversations, columns, rows, skip_existing=True)


def why_unstorable(row: Conversation) -> str | None:
    """Why a row can't be stored under its id or identity; `None` if it can."""
    for name in ("id", "identity"):
        if len(getattr(row, name) or "") > LONGEST_KEY:
            return f"{name}: has more than {LONGEST_KEY} characters"
    # Stored with another character in its place, it could be another conversation's id.
    return None if storable(row.id) == row.id else "id: has a character that can't be stored"
