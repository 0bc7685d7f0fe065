"""Retention: conversations whose last activity is longer ago than a setting says are not kept.

They are not saved, and those in the mirror are erased as if they had never been there: no change
reports it. A conversation without a time is kept.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from convocore_mcp.models import Conversation, Coverage, Page
from convocore_mcp.store.database.coverage import KEPT_SECONDS
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import to_milliseconds
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, agents, conversations, meta
from convocore_mcp.store.database.sequence import set_sequence_number, take_write_lock
from convocore_mcp.store.write.erasing import Eraser, erase_conversations

RETENTION_EXTENDED = (
    "Older conversations are kept than before: they are missing until everything has been read "
    "again."
)
"""The gap in every agent's coverage after the setting has become longer."""
_BATCH = 1_000
"""Conversations that one transaction erases; other writers wait until it ends."""
_c = conversations.c


class Retention:
    """How long conversations are kept after their last activity. Plain blocking calls."""

    def __init__(self, database: Database, kept: timedelta | None) -> None:
        """`kept` is how long; without it, everything is kept."""
        self._database = database
        self.kept = kept

    def limit(self, now: datetime) -> datetime | None:
        """The last activity from which on conversations are kept; `None` if all are."""
        return None if self.kept is None else now - self.kept

    def checked(self, coverage: Coverage) -> Coverage:
        """`coverage`, with a gap where another process that shares the mirror keeps less than this
        one: then it has erased conversations that belong into our answers."""
        theirs = coverage.kept_seconds
        ours_is_longer = self.kept is None or (theirs or 0) < self.kept.total_seconds()
        lacks = theirs is not None and ours_is_longer
        return replace(coverage, gap=coverage.gap or RETENTION_EXTENDED) if lacks else coverage

    def too_old(self, rows: Mapping[str, Conversation], now: datetime) -> set[str]:
        """The IDs of those rows that are not kept."""
        limit = self.limit(now)
        if limit is None:
            return set()
        return {id_ for id_, row in rows.items() if _is_before(row.last_activity, limit)}

    def without_old_quarantined(self, page: Page, now: datetime) -> Page:
        """The page without those rows that can't be read and are too old."""
        limit = self.limit(now)
        if limit is None:
            return page
        kept = (row for row in page.quarantined if not _is_before(row.last_activity, limit))
        return replace(page, quarantined=tuple(kept))

    def apply(self, now: datetime) -> int:
        """Erase what is too old, of all agents; returns how many conversations.

        If the mirror was kept by a shorter setting until now, what that has left out counts as
        missing until everything has been read again.
        """
        self._note_setting()
        limit = to_milliseconds(self.limit(now))
        if limit is None:
            return 0
        with self._database.reading() as connection:
            listed = connection.scalars(select(agents.c.agent_id)).all()
        return sum(self._erase(agent_id, limit) for agent_id in listed)

    def erase_old(
        self, agents: Iterable[str], rebuild_leads: Callable[[str], object], *, now: datetime
    ) -> None:
        """As `apply`; then rebuild the leads, and overwrite what was erased in the file."""
        if self.apply(now):
            for agent_id in agents:
                rebuild_leads(agent_id)
            self.overwrite_freed()

    def overwrite_freed(self) -> None:
        """Have the engine reclaim what was erased, so that no file holds it any more."""
        Eraser(self._database).overwrite_freed()

    def _erase(self, agent_id: str, limit: int) -> int:
        erased = 0
        while True:
            with self._database.reading() as connection:
                if not _old_ids(connection, agent_id, limit):
                    return erased
            with self._database.writing() as connection:
                number = take_write_lock(connection)
                ids = _old_ids(connection, agent_id, limit)
                if ids:
                    erase_conversations(connection, agent_id, ids)
                    set_sequence_number(connection, number + 1)
                erased += len(ids)

    def _note_setting(self) -> None:
        kept = "" if self.kept is None else str(self.kept.total_seconds())
        query = select(meta.c.value).where(meta.c.key == KEPT_SECONDS)
        with self._database.reading() as connection:
            if (connection.scalar(query) or "") == kept:
                return
        with self._database.writing() as connection:
            take_write_lock(connection)
            before = connection.scalar(query) or ""
            connection.execute(delete(meta).where(meta.c.key == KEPT_SECONDS))
            connection.execute(insert(meta), {"key": KEPT_SECONDS, "value": kept})
            if before and (not kept or float(kept) > float(before)):
                # A resumed sync would not read what was left out: the next one starts anew.
                nothing = dict.fromkeys(
                    ("full_sync_started_at", "full_sync_watermark", "resume_token")
                )
                connection.execute(update(agents).values(gap=RETENTION_EXTENDED, **nothing))


def _is_before(last_activity: datetime | None, limit: datetime) -> bool:
    return last_activity is not None and last_activity < limit


def _old_ids(connection: Connection, agent_id: str, limit: int) -> list[str]:
    """Conversations that are too old, a batch of them; also those that Convocore has removed."""
    of_agent = _c.agent_id == agent_id
    current = select(_c.id).where(
        of_agent, _c.valid_to == CURRENT, _c.by_newest > UNKNOWN, _c.by_newest < limit
    )
    other = conversations.alias()
    exists = select(other.c.id).where(
        other.c.agent_id == agent_id, other.c.id == _c.id, other.c.valid_to == CURRENT
    )
    newest = func.max(_c.by_newest)
    removed = (
        select(_c.id)
        .where(of_agent, _c.ended_at.is_not(None), ~exists.exists())
        .group_by(_c.id)
        .having(newest > UNKNOWN, newest < limit)
    )
    queries: tuple[Select[str], ...] = (current, removed)
    return [id_ for query in queries for id_ in connection.scalars(query.limit(_BATCH))]
