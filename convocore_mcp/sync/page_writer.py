"""Writes the pages of one sync to the mirror, counts them, and enforces the limits of a sync."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from convocore_mcp.models import Conversation, Coverage, Page, ReadScope
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Saved
from convocore_mcp.sync.prefetch import merge_pages

P = ParamSpec("P")
T = TypeVar("T")

LIST_MOVED_TOO_FAST = (
    "The list moved faster than it could be read: conversations may be missing until the next "
    "complete reading."
)
"""The gap to note when a sync can't promise to have seen every conversation."""


class Upstream(Protocol):
    """Where pages come from (`api.client.ConvocoreClient`)."""

    def conversations(
        self, agent_id: str, *, resume_token: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the list's pages, newest first; with `resume_token`, those behind that point."""
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
    """Everything active after this was read; a single row out of order does not lower it."""
    gap: str | None = None
    """Why rows may be missing, in a sentence."""
    elsewhere: bool = False
    """Another process runs the sync, or has run it; the mirror has its result."""

    def count(self, page: Page) -> None:
        """Add a page that was saved."""
        self.pages += 1
        self.rows += len(page.rows) + len(page.quarantined)
        self.empty_pages += not (page.rows or page.quarantined)
        times = [row.last_activity for row in page.rows if row.last_activity]
        if times:
            newest = max(times)
            self.oldest = min(times) if self.oldest is None else min(*times, self.oldest)
            self.complete_since = min(newest, self.complete_since or newest)
        if not page.certain:
            self.gap = LIST_MOVED_TOO_FAST

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

    async def coverage(self) -> Coverage:
        """How much of the agent's list the mirror holds."""
        return await self.run_in_thread(self.mirror.coverage, self.agent_id)

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
            unfinished=unfinished,
        )
        for each in pages:
            self.progress.count(each)
        self.progress.on_change()
        return saved

    async def note(self, **fields: datetime | str | int | None) -> None:
        """Set fields of the agent's coverage (`MirrorWriter.update_coverage`)."""
        await self.run_in_thread(self.mirror.update_coverage, self.agent_id, **fields)

    async def rebuild_leads(self) -> None:
        """Bring the leads up to date with the saved conversations."""
        await self.run_in_thread(self.mirror.rebuild_leads, self.agent_id)

    def limit_reached(self) -> bool:
        """Whether the sync must stop here; if so, `progress.gap` says why."""
        progress = self.progress
        # An empty page counts as a row, so that a list of empty pages ends too.
        if progress.rows + progress.empty_pages > self.limits.rows:
            progress.gap = (
                f"Reading stopped after {progress.rows} rows, as CONVOCORE_MAX_ROWS says."
            )
        elif progress.started_at and self.now() - progress.started_at > self.limits.duration:
            progress.gap = "Reading stopped after the time that CONVOCORE_MAX_SYNC_SECONDS gives."
        else:
            return False
        return True
