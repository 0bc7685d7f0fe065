"""Writes the pages of one sync to the mirror, counts them, and enforces the limits of a sync."""

import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from convocore_mcp.errors import ConvocoreError, LostSyncLockError, MirrorError
from convocore_mcp.models import Conversation, Coverage, Page, ReadScope
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Saved
from convocore_mcp.sync.decisions import CLOCK_JITTER, without_future
from convocore_mcp.sync.list_order import CLOCK_SKEW, WINDOW_EVIDENCE, ListedRow
from convocore_mcp.sync.prefetch import merge_pages
from convocore_mcp.words.counted import counted

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

LIST_MOVED_TOO_FAST = (
    "The list changed faster than it could be read: conversations may be missing until the next "
    "full sync."
)
"""The gap to note when the front was read again and again, and had moved each time."""
LIST_NOT_WHOLE = (
    "It is not certain that the list was read without a gap and to its end (it may have changed "
    "meanwhile): conversations may be missing."
)
"""The gap to note when pages can't promise to hold every conversation."""


class Upstream(Protocol):
    """Where pages come from (`api.client.ConvocoreClient`)."""

    def conversations(
        self, agent_id: str, *, resume_token: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the list's pages, newest first; with `resume_token`, those after that point."""
        ...

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """Fetch one conversation; `None` if it is not found."""
        ...


class RunInThread(Protocol):
    """Runs a blocking call off the event loop."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Await what `call` returns."""
        ...


@dataclass(frozen=True, slots=True)
class SyncLimits:
    """Where a sync stops, because a list may have no end."""

    rows: int = 2_000_000
    duration: timedelta = timedelta(hours=12)


@dataclass(slots=True)
class Progress:
    """How far a sync has got. Times are of conversations' last activity, except `started_at`."""

    on_change: Callable[[], None] = lambda: None
    """Called after each batch of pages."""
    started_at: datetime | None = None
    pages: int = 0
    rows: int = 0
    empty_pages: int = 0
    oldest: datetime | None = None
    """The oldest activity that was read."""
    complete_since: datetime | None = None
    """Everything active after this was read: the last `WINDOW_EVIDENCE` rows are all older."""
    reached: datetime | None = None
    """About how far back reading has got, for estimates; a page out of order lowers it."""
    gap: str | None = None
    """Why rows may be missing, in a sentence."""
    by_other_process: bool = False
    """Another process runs this sync, or has run it; the mirror has the result."""
    clock_set_back: bool = False
    """A page was read before the sync began, by the clock: the clock was set back, so the times
    don't tell which conversations were not seen."""
    last_times: deque[datetime] = field(default_factory=lambda: deque(maxlen=WINDOW_EVIDENCE))
    """The last activities that were read, without those in the future."""

    def count(self, page: Page) -> None:
        """Add a page that was saved."""
        self.pages += 1
        self.rows += len(page.rows) + len(page.quarantined)
        self.empty_pages += not (page.rows or page.quarantined)
        times = [row.last_activity for row in page.rows if row.last_activity]
        if times:
            newest = max(times)
            self.oldest = min(times) if self.oldest is None else min(*times, self.oldest)
            self.reached = min(newest, self.reached or newest)
            self._count_times(times, page.read_at or self.started_at)
        if not page.certain:
            self.gap = LIST_NOT_WHOLE

    def _count_times(self, times: Sequence[datetime], now: datetime | None) -> None:
        self.last_times.extend(time for time in times if now is None or time <= now + CLOCK_SKEW)
        if len(self.last_times) == WINDOW_EVIDENCE:
            newest = max(self.last_times)
            self.complete_since = min(newest, self.complete_since or newest)

    def has_window(self, scope: ReadScope) -> bool:
        """Whether every conversation of the scope's time window was read."""
        since, complete_since = scope.since, self.complete_since
        return since is not None and complete_since is not None and complete_since < since

    def covers(self, scope: ReadScope) -> bool:
        """Whether everything that an answer depends on was read."""
        return self.has_window(scope) and not scope.people

    def has_enough_for(self, scope: ReadScope) -> bool:
        """Whether there is an answer worth giving, even if not every number in it is final."""
        return self.has_window(scope) or (scope.rows is not None and self.rows >= scope.rows)


class PageWriter:
    """Writes the pages of one sync of one agent, and keeps the sync's `progress`."""

    def __init__(
        self,
        agent_id: str,
        mirror: MirrorWriter,
        progress: Progress,
        *,
        now: Callable[[], datetime],
        run_in_thread: RunInThread,
        limits: SyncLimits,
    ) -> None:
        self.agent_id = agent_id
        self.mirror = mirror
        self.progress = progress
        self.now = now
        self.run_in_thread = run_in_thread
        self.limits = limits
        self.reading_since: datetime | None = None
        """When this reading of the list began; a sync reads the front more than once."""

    async def coverage(self) -> Coverage:
        """How much of the agent's list the mirror holds, without times in the future."""
        coverage = await self.run_in_thread(self.mirror.coverage, self.agent_id)
        return without_future(coverage, now=self.now())

    async def clock_was_set_back(self) -> bool:
        """Whether the mirror holds rows whose time of reading lies in the future."""
        latest = self.now() + CLOCK_JITTER
        return await self.run_in_thread(self.mirror.seen_after, self.agent_id, latest)

    async def newest(self, *, up_to: datetime | None, limit: int) -> list[ListedRow]:
        """The mirror's newest conversations with a time, up to a time, newest first."""
        rows = await self.run_in_thread(self.mirror.newest, self.agent_id, up_to=up_to, limit=limit)
        return [ListedRow(*row) for row in rows]

    async def save(self, pages: Sequence[Page], *, unfinished: datetime | None = None) -> Saved:
        """Save consecutive pages in one transaction, and count them.

        `unfinished` is when the full sync began: its resume token is saved with the rows.
        """
        page = merge_pages(pages)
        saved = await self.run_in_thread(
            self.mirror.save,
            self.agent_id,
            page,
            read_at=page.read_at or self.now(),
            since=self.reading_since,
            unfinished=unfinished,
        )
        for each in pages:
            self.progress.count(each)
            began = self.progress.started_at
            if began is not None and each.read_at is not None and each.read_at < began:
                self.progress.clock_set_back = True
        self.progress.on_change()
        return saved

    async def update_coverage(self, **fields: datetime | str | int | None) -> None:
        """Set fields of the agent's coverage (`MirrorWriter.update_coverage`)."""
        await self.run_in_thread(self.mirror.update_coverage, self.agent_id, **fields)

    async def erase_old(self) -> int:
        """Erase the conversations that are no longer kept; returns how many."""
        return await self.run_in_thread(self.mirror.retention.apply, self.now())

    async def rebuild_leads(self) -> None:
        """Bring the leads up to date with the saved conversations."""
        await self.run_in_thread(self.mirror.rebuild_leads, self.agent_id)

    @asynccontextmanager
    async def leads_rebuilt_at_end(self) -> AsyncIterator[None]:
        """At the end of the block, rebuild the leads of all rows saved in it.

        Also if the block fails: the rows that were saved before the failure stay in the mirror.
        """
        try:
            yield
        except ConvocoreError:
            try:
                await self.rebuild_leads()
            except LostSyncLockError:
                raise  # it explains the failure
            except MirrorError as error:
                log.warning("Leads could not be rebuilt after a failed sync: %s", error.message)
            raise
        await self.rebuild_leads()

    def limit_reached(self) -> bool:
        """Whether the sync must stop here; if so, `progress.gap` says why."""
        progress = self.progress
        # An empty page counts as a row, so that a list of empty pages ends too.
        if progress.rows + progress.empty_pages > self.limits.rows:
            rows = counted(progress.rows, "row")
            progress.gap = f"Reading stopped after {rows}, as CONVOCORE_MAX_ROWS says."
        elif progress.started_at and self.now() - progress.started_at > self.limits.duration:
            progress.gap = "Reading stopped after the time that CONVOCORE_MAX_SYNC_SECONDS gives."
        else:
            return False
        return True
