"""Copying an agent's list into the mirror: the walk, and the tail.

A **walk** reads from the front to the end. Rows that were touched meanwhile have moved to the
front, so the front is read again, down to where it stood when the walk began; and again, down to
where it stood when *that* began, until a single request suffices: nothing can happen inside one.
A **tail** is just that last part. So each bookmark moves only when nothing behind it can be
missing.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from convocore_mcp.models import Conversation, Page
from convocore_mcp.store.mirror import Mirror, Saved

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

PASSES = 12
"""How often the front is read again before giving up on a list that never stands still."""
RUN = 10
"""So many unchanged rows in a row, at the end of a page, end a tail."""
SETTLE_EVERY = 25
"""Pages of a walk after which the leads are brought up to date."""
ASK_SINGLY = 100
"""Conversations that a sweep missed and that are asked for one by one; the rest wait for the next."""
MOVED = (
    "The list moved faster than it could be read: conversations may be missing until the next "
    "complete reading."
)


class Source(Protocol):
    """Where pages come from (`api.client.ConvocoreClient`)."""

    def conversations(self, agent_id: str) -> AsyncGenerator[Page, None]:
        """Front to end, newest first."""
        ...

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, `None` if it is not found."""
        ...


class InThread(Protocol):
    """Runs a blocking call off the event loop, one at a time."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Await what `call` returns."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a walk stops on a list without end."""

    rows: int = 2_000_000
    time: timedelta = timedelta(hours=12)


@dataclass(slots=True)
class Progress:
    """How far a reading has got; `moved` is called after each page."""

    moved: Callable[[], None] = lambda: None
    pages: int = 0
    rows: int = 0
    oldest: datetime | None = None
    gap: str | None = None
    seen: set[str] = field(default_factory=set)

    def take(self, page: Page) -> None:
        """Count a page."""
        self.pages += 1
        self.rows += len(page.rows) + len(page.quarantined)
        self.seen.update(row.id for row in page.rows)
        self.oldest = min(filter(None, (self.oldest, _oldest(page))), default=None)
        if not page.certain:
            self.gap = MOVED


class Reader:
    """Reads agents' lists into the mirror. `in_thread` runs blocking calls off the event loop."""

    def __init__(
        self,
        source: Source,
        mirror: Mirror,
        *,
        now: Callable[[], datetime],
        in_thread: InThread,
        bounds: Bounds,
    ) -> None:
        self._source = source
        self._mirror = mirror
        self._now = now
        self._in_thread = in_thread
        self._bounds = bounds

    async def walk(self, agent_id: str, progress: Progress) -> None:
        """Read the whole list, and take out what is no longer in it.

        Pages already saved stay whatever happens; the bookmarks move when all is in.

        Raises:
            ApiError: Convocore failed for good.
        """
        began, mark, first = self._now(), None, True
        async with aclosing(self._source.conversations(agent_id)) as pages:
            async for page in pages:
                if first:
                    mark, first = _newest(page.rows), False
                await self._save(agent_id, page, progress)
                await self._in_thread(self._mirror.note, agent_id, oldest=progress.oldest)
                if progress.pages % SETTLE_EVERY == 0:
                    await self._in_thread(self._mirror.settle, agent_id)
                if self._beyond_bounds(began, progress):
                    break
        as_of, mark = await self._catch_up(agent_id, mark, progress)
        if progress.gap is None:
            await self._take_out(agent_id, progress.seen, began)
            await self._in_thread(self._mirror.release, agent_id, before=began)
        await self._in_thread(self._mirror.settle, agent_id)
        await self._in_thread(
            self._mirror.note, agent_id, as_of=as_of, mark=mark, walked_at=began, gap=progress.gap
        )
        await self._in_thread(self._mirror.prune, now=self._now())
        log.info("Read %d rows in %d pages: complete.", progress.rows, progress.pages)

    async def tail(self, agent_id: str, progress: Progress) -> None:
        """Read what came or moved to the front since the last reading.

        Raises:
            ApiError: Convocore failed for good; the bookmark does not move.
        """
        coverage = await self._in_thread(self._mirror.coverage, agent_id)
        as_of, mark = await self._catch_up(agent_id, coverage.mark, progress)
        await self._in_thread(self._mirror.settle, agent_id)
        await self._in_thread(self._mirror.note, agent_id, as_of=as_of, mark=mark)

    async def _catch_up(
        self, agent_id: str, mark: datetime | None, progress: Progress
    ) -> tuple[datetime, datetime | None]:
        """Read the front down to `mark` until one request does; returns when, and the new mark."""
        for _ in range(PASSES):
            began, newest, pages = self._now(), mark, 0
            async with aclosing(self._source.conversations(agent_id)) as walk:
                async for page in walk:
                    pages += 1
                    if pages == 1:
                        newest = _newest(page.rows) or mark
                    saved = await self._save(agent_id, page, progress)
                    if _reaches(page, mark) and _calm(saved, page):
                        break
            if pages <= 1:
                return began, newest
            mark = newest
        progress.gap = MOVED
        return began, newest

    async def _save(self, agent_id: str, page: Page, progress: Progress) -> Saved:
        read_at = page.read_at or self._now()
        saved = await self._in_thread(self._mirror.save, agent_id, page, read_at=read_at)
        progress.take(page)
        progress.moved()
        return saved

    def _beyond_bounds(self, began: datetime, progress: Progress) -> bool:
        # An empty page counts as a row, so that a list of empty pages ends too.
        if progress.rows + progress.pages > self._bounds.rows:
            progress.gap = (
                f"Reading stopped after {progress.rows} rows, as CONVOCORE_MAX_ROWS says."
            )
        elif self._now() - began > self._bounds.time:
            progress.gap = "Reading stopped after the time that CONVOCORE_MAX_WALK_SECONDS gives."
        else:
            return False
        return True

    async def _take_out(self, agent_id: str, seen: set[str], began: datetime) -> None:
        """Remove what this walk did not see: asked for by itself it is not found, or twice missed."""
        missing = await self._in_thread(self._mirror.missing, agent_id, seen, before=began)
        gone = [id_ for id_, missed in missing.items() if missed]
        for id_ in [id_ for id_, missed in missing.items() if not missed][:ASK_SINGLY]:
            if await self._source.conversation(agent_id, id_) is None:
                gone.append(id_)
        await self._in_thread(self._mirror.remove, agent_id, gone, at=self._now())
        await self._in_thread(self._mirror.miss, agent_id, missing.keys() - set(gone))


def _newest(rows: Iterable[Conversation]) -> datetime | None:
    return max((row.last_activity for row in rows if row.last_activity), default=None)


def _oldest(page: Page) -> datetime | None:
    return min((row.last_activity for row in page.rows if row.last_activity), default=None)


def _reaches(page: Page, mark: datetime | None) -> bool:
    oldest = _oldest(page)
    return mark is None or (oldest is not None and oldest < mark)


def _calm(saved: Saved, page: Page) -> bool:
    return saved.unchanged >= min(RUN, len(page.rows))
