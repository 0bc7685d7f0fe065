"""The feed of changes: what changed since a position, in order, each change at least once.

A version that begins where no version of its conversation ended is a creation; one that begins
where another ended is an update; one that ended where no other begins is a removal. Each change has
a sequence number of its own, and transactions commit in the order of these numbers: a reader of
everything up to a number has missed nothing. The feed also has the moments at which something
became overdue without an edit.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from convocore_mcp.models import (
    BEFORE_ALL,
    Change,
    ChangePage,
    Conversation,
    FeedPosition,
    MomentKey,
    MomentWindow,
    ReadValue,
)
from convocore_mcp.store.changes.lead_states import HotScores, LeadChange, read_hot_scores
from convocore_mcp.store.changes.log_bounds import LogBounds, read_bounds
from convocore_mcp.store.changes.logged_versions import (
    KINDS,
    LoggedChange,
    numbered_changes,
    read_versions,
    versions_of,
)
from convocore_mcp.store.changes.overdue_moments import overdue_moments
from convocore_mcp.store.changes.version_values import (
    NOTHING_STORED,
    VersionValues,
    read_values,
)
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database

BATCH_SIZE = 500
"""Changes that are read at a time where most of them may be filtered out."""
MAX_CHANGES_READ = 3_000
"""Changes that are looked at for one page; the changes after them come with the next page."""
Wanted = Callable[[Change], bool]


class ChangeFeed:
    """Reads the feed. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self,
        agent_ids: Sequence[str],
        start: FeedPosition | None,
        *,
        now: datetime,
        limit: int,
        since: datetime | None = None,
        kinds: Sequence[str] = KINDS,
        wanted: Wanted = lambda _: True,
    ) -> ChangePage:
        """The changes after `start`, at least `limit` of them if there are as many.

        Without `start`, the changes since `since`. Without both, no changes: the end of the page is
        the present end of the feed. `wanted` says which changes belong on the page.
        """
        moment = rows.to_milliseconds(now) or 0
        with self._database.reading() as connection:
            bounds = read_bounds(connection, agent_ids)
            feed_end = FeedPosition(bounds.up_to, moment, bounds.up_to)
            if start is None and since is None:
                return _page(bounds, agent_ids, feed_end, feed_end)
            first = start or FeedPosition(
                bounds.pruned_up_to, rows.to_milliseconds(since) or 0, bounds.up_to
            )
            after = max(first.sequence_number, bounds.pruned_up_to)
            changes, read_up_to = _changes(connection, bounds, after, kinds, wanted, limit)
            window = first.window or MomentWindow(
                max(moment, first.moment), max(bounds.up_to, first.newest_version), BEFORE_ALL
            )
            moments: list[Change] = []
            end = FeedPosition(read_up_to, window.up_to, window.newest_version)
            if "updated" in kinds and bounds.baselines:
                moments, last = _moments(connection, bounds, first, window)
                if last is not None:
                    kept = MomentWindow(window.up_to, window.newest_version, last)
                    end = FeedPosition(read_up_to, first.moment, first.newest_version, kept)
                moments = [change for change in moments if wanted(change)]
        more = read_up_to < bounds.up_to or end.window is not None or end.moment < moment
        lost = _is_truncated(bounds, start, first.moment)
        merged = tuple(_merge(changes, moments))
        return _page(bounds, agent_ids, first, end, changes=merged, more=more, truncated=lost)


def _page(
    bounds: LogBounds,
    agent_ids: Sequence[str],
    start: FeedPosition,
    end: FeedPosition,
    *,
    changes: tuple[Change, ...] = (),
    more: bool = False,
    truncated: bool = False,
) -> ChangePage:
    return ChangePage(
        start=start,
        end=end,
        more=more,
        changes=changes,
        truncated=truncated,
        known_since=rows.from_milliseconds(bounds.known_since),
        without_baseline=tuple(a for a in agent_ids if a not in bounds.baselines),
        held_back=bounds.up_to < bounds.newest,
    )


def _is_truncated(bounds: LogBounds, start: FeedPosition | None, since: int) -> bool:
    """Whether changes after the position, or since the time, are lost with deleted versions."""
    baseline = min(bounds.baselines.values(), default=bounds.pruned_up_to)
    if bounds.pruned_up_to <= baseline:
        return False
    if start is None:
        return since < (bounds.pruned_before or 0)
    return start.sequence_number < bounds.pruned_up_to


def _changes(
    connection: Connection,
    bounds: LogBounds,
    after: int,
    kinds: Sequence[str],
    wanted: Wanted,
    limit: int,
) -> tuple[list[Change], int]:
    """The wanted changes after number `after`, and the number up to which all were looked at."""
    found: list[Change] = []
    position, looked_at, batch = after, 0, limit + 1
    if not bounds.baselines:
        return found, max(after, bounds.up_to)
    while True:
        numbered = numbered_changes(connection, bounds, after=position, kinds=kinds, limit=batch)
        logged = read_versions(connection, numbered)
        found += filter(wanted, _read_changes(connection, logged, up_to=bounds.up_to))
        if len(numbered) < batch:
            return found, max(after, bounds.up_to)
        position, looked_at, batch = numbered[-1].number, looked_at + batch, BATCH_SIZE
        if len(found) >= limit or looked_at >= MAX_CHANGES_READ:
            return found, position


def _read_changes(
    connection: Connection, logged: Sequence[LoggedChange], *, up_to: int
) -> list[Change]:
    versions = [row["valid_from"] for c in logged for row in (c.row, c.old) if row is not None]
    values = read_values(connection, versions)
    leads = [
        LeadChange(
            change.number,
            change.row["agent_id"],
            change.lead_id,
            change.old["lead_id"] if change.old is not None else _lead_before(change),
            tuple(row["valid_from"] for row in (change.row, change.old) if row is not None),
        )
        for change in logged
    ]
    scores = read_hot_scores(connection, leads, up_to=up_to)
    return [_change(change, values, hot) for change, hot in zip(logged, scores, strict=True)]


def _lead_before(change: LoggedChange) -> str | None:
    lead_id: str | None = change.row["lead_id"] if change.kind == "removed" else None
    return lead_id


def _change(logged: LoggedChange, values: dict[int, VersionValues], hot: HotScores) -> Change:
    row, old = logged.row, logged.old
    after = replace(rows.to_conversation(row), lead_id=logged.lead_id)
    before = None if old is None else rows.to_conversation(old)
    read_at = row["ended_at"] if logged.kind == "removed" else row["read_at"]
    seen = rows.from_milliseconds(read_at or row["read_at"])
    assert seen is not None  # noqa: S101  every version was read at some time
    return Change(
        kind=logged.kind,
        sequence_number=logged.number,
        at=seen if logged.kind == "removed" else happened_at(before, after, seen=seen),
        seen=seen,
        conversation=after,
        before=before,
        values=_values_at(values, row, after, read_at) if logged.kind != "removed" else {},
        values_before=_values_at(values, old, before, read_at) if old and before else {},
        hot_score=hot.after,
        hot_score_before=hot.before,
        is_lead=hot.is_lead,
        hot_scores_of_other_leads=hot.others,
    )


def happened_at(before: Conversation | None, after: Conversation, *, seen: datetime) -> datetime:
    """When a change happened, as far as is known: a newer message, else a later edit.

    Nothing has happened after it was seen, whatever a time says.
    """
    for name in ("last_activity", "last_modified"):
        new = getattr(after, name)
        old = getattr(before, name) if before else None
        if new is not None and (old is None or new > old):
            happened: datetime = min(new, seen)
            return happened
    return seen


def _values_at(
    values: dict[int, VersionValues], row: RowMapping, conversation: Conversation, at: int
) -> dict[str, ReadValue]:
    stored = values.get(row["valid_from"], NOTHING_STORED)
    return stored.at(at, conversation)


def _moments(
    connection: Connection, bounds: LogBounds, start: FeedPosition, window: MomentWindow
) -> tuple[list[Change], MomentKey | None]:
    """What became overdue in the window, and the last of it if there is more."""
    found = overdue_moments(
        connection, sorted(bounds.baselines), start, window, limit=BATCH_SIZE + 1
    )
    keys = found[:BATCH_SIZE]
    versions = versions_of(connection, [version for _, version in keys])
    leads = [
        LeadChange(bounds.up_to, row["agent_id"], row["lead_id"], row["lead_id"])
        for row in (versions[version] for _, version in keys)
    ]
    scores = read_hot_scores(connection, leads, up_to=bounds.up_to)
    changes = [
        _moment(key, rows.to_conversation(versions[version]), hot)
        for (key, version), hot in zip(keys, scores, strict=True)
    ]
    return changes, keys[-1][0] if len(found) > len(keys) else None


def _moment(key: MomentKey, conversation: Conversation, hot: HotScores) -> Change:
    at = rows.from_milliseconds(key[0])
    assert at is not None  # noqa: S101  the key holds a time
    return Change(
        kind="updated",
        sequence_number=None,
        at=at,
        seen=at,
        conversation=conversation,
        before=conversation,
        values={key[3]: True},
        values_before={key[3]: False},
        hot_score=hot.after,
        hot_score_before=hot.before,
        is_lead=hot.is_lead,
        moment=key,
    )


def _merge(changes: Sequence[Change], moments: Sequence[Change]) -> list[Change]:
    """Changes and moments in one order, by when they were seen; each part keeps its own order."""
    merged: list[Change] = []
    waiting = list(moments)[::-1]
    for change in changes:
        while waiting and waiting[-1].seen <= change.seen:
            merged.append(waiting.pop())
        merged.append(change)
    return merged + waiting[::-1]
