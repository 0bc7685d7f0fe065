"""Copying an agent's list into the mirror: the walk, and the tail.

A **walk** reads from the front to the end; `api` sees to it that no row is missed that nobody
touches meanwhile. Rows that *are* touched have moved to the front, so the front is read again,
down to where it stood when the walk began; and again, down to where it stood when *that* began,
until one request does: nothing can happen inside one. A **tail** is just that last part.

Where the front stood is told by its rows: whatever was touched since stands before every one of
them that has not changed (`Front`). Only the newest time among them outlives the process; then a
run of unchanged rows older than that will do. So each bookmark moves only when nothing behind it
can be missing.

How far a walk got is saved with its pages, in one transaction. After a crash the front is read
first, and then the walk goes on from there, under the time at which it began: whatever nobody has
seen since then is missing.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from convocore_mcp.errors import ApiError, ContractError
from convocore_mcp.models import Conversation, Page, UnfinishedSync
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Saved
from convocore_mcp.sync.prefetch import merge_pages, prefetch_pages
from convocore_mcp.sync.progress import MOVED, Front, Progress

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

Report = Callable[[int], Awaitable[None]]
"""Told after each page how many rows have been read so far; nobody knows how many there are."""

PASSES = 12
"""How often the front is read again before giving up on a list that never stands still."""
RUN = 10
"""So many unchanged rows, older than the bookmark, end a tail."""
REBUILD_SOON, REBUILD_EVERY = 400, 2_000
"""Rows of a walk after which the leads are brought up to date: while Convocore is waited for, and
at the latest. The fewer at a time, the dearer each is."""
ASK_SINGLY = 100
"""Conversations that a sweep missed and that are asked for one by one; the others wait."""
NO_UNFINISHED_SYNC: Mapping[str, None] = {
    "full_sync_started_at": None,
    "full_sync_watermark": None,
    "resume_token": None,
}


class Source(Protocol):
    """Where pages come from (`api.client.ConvocoreClient`)."""

    def conversations(
        self, agent_id: str, *, resume_token: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Front to end, newest first; from behind `place` on, if there is one."""
        ...

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, `None` if it is not found."""
        ...


class Throttle(Protocol):
    """How the upstream is doing (`api.pace.Pace`)."""

    @property
    def note(self) -> str | None:
        """Why reading is slow, if it is."""
        ...

    @property
    def trouble(self) -> ApiError | None:
        """The newest failure, if nothing has succeeded since."""
        ...


class RunInThread(Protocol):
    """Runs a blocking call off the event loop, one at a time."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Await what `call` returns."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a reading stops on a list without end."""

    rows: int = 2_000_000
    time: timedelta = timedelta(hours=12)


class Reader:
    """Reads agents' lists into the mirror. `in_thread` runs blocking calls off the event loop."""

    def __init__(
        self,
        source: Source,
        mirror: MirrorWriter,
        *,
        now: Callable[[], datetime],
        run_in_thread: RunInThread,
        bounds: Bounds,
    ) -> None:
        self._source = source
        self._mirror = mirror
        self._now = now
        self._run_in_thread = run_in_thread
        self._bounds = bounds
        self._fronts: dict[str, Front] = {}

    async def full_sync(self, agent_id: str, progress: Progress) -> None:
        """Read the whole list, and take out what is no longer in it.

        Pages already saved stay whatever happens, and a walk that was cut short is gone on with;
        the bookmarks move when all is in.

        Raises:
            ApiError: Convocore failed for good.
        """
        coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
        half = self._half_done(coverage.unfinished)
        if half is None:
            started_at, front = self._now(), Front(None)
        else:
            started_at, front = await self._take_up(agent_id, half, progress)
        progress.started_at = started_at
        try:
            front = await self._read_through(agent_id, started_at, half, front, progress)
        except ContractError:
            await self._note(agent_id, **NO_UNFINISHED_SYNC)  # going on there might fail forever
            raise
        as_of, front, caught_up = await self._catch_up(agent_id, front, progress)
        if progress.gap is None and not caught_up:
            progress.gap = MOVED
        if progress.gap is None:
            await self._take_out(agent_id, progress)
            await self._run_in_thread(self._mirror.drop_quarantined, agent_id, before=started_at)
        await self.rebuild_leads(agent_id)
        self._fronts[agent_id] = front
        bookmarks = {"as_of": as_of, "watermark": front.newest, "full_sync_at": started_at}
        await self._note(agent_id, **bookmarks, gap=progress.gap, **NO_UNFINISHED_SYNC)
        await self._run_in_thread(self._mirror.prune, now=self._now())
        log.info("Read %d rows in %d pages.", progress.rows, progress.pages)

    async def rebuild_leads(self, agent_id: str) -> None:
        """Bring the leads up to date with the conversations that were read."""
        await self._run_in_thread(self._mirror.rebuild_leads, agent_id)

    def _half_done(self, unfinished: UnfinishedSync | None) -> UnfinishedSync | None:
        """`sweep`, if it is not so old that it would reach its bounds at once."""
        recent = (
            unfinished is not None and self._now() - unfinished.started_at < self._bounds.time / 2
        )
        return unfinished if recent else None

    async def _take_up(
        self, agent_id: str, half: UnfinishedSync, progress: Progress
    ) -> tuple[datetime, Front]:
        """Read what has moved to the front since a walk was cut short, and go on with it then."""
        log.info("Going on with the reading that was begun at %s.", half.started_at)
        then = Front(half.watermark)
        as_of, front, caught_up = await self._catch_up(agent_id, then, progress)
        if not caught_up:
            return half.started_at, then  # the end of the walk looks again
        await self._note(agent_id, as_of=as_of, full_sync_watermark=front.newest)
        return half.started_at, front

    async def _read_through(
        self,
        agent_id: str,
        started_at: datetime,
        half: UnfinishedSync | None,
        front: Front,
        progress: Progress,
    ) -> Front:
        """Read from the front, or from where `half` stopped, to the end; returns the front."""
        full_sync = self._source.conversations(
            agent_id, resume_token=half.resume_token if half else None
        )
        first, dirty = half is None, 0
        async with prefetch_pages(full_sync) as batches:
            async for pages in batches:
                if first:
                    front = Front.of(pages[0])
                    start = {
                        "full_sync_started_at": started_at,
                        "full_sync_watermark": front.newest,
                    }
                    await self._note(agent_id, **start, resume_token=None)
                await self._save(agent_id, pages, progress, unfinished=started_at)
                if first:
                    await self._note_first(agent_id, started_at)
                    first = False
                dirty += sum(len(page.rows) for page in pages)
                waiting = len(pages) == 1  # nothing had come while the last ones were written
                if dirty >= (REBUILD_SOON if waiting else REBUILD_EVERY):
                    await self.rebuild_leads(agent_id)
                    dirty = 0
                if self._beyond_bounds(progress):
                    break
        return front

    async def _note_first(self, agent_id: str, started_at: datetime) -> None:
        """Note that the front was read, where nothing was before."""
        coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
        if coverage.full_sync_at is None:
            await self._note(agent_id, as_of=started_at)

    async def incremental_sync(self, agent_id: str, progress: Progress) -> None:
        """Read what came or moved to the front since the last reading.

        Raises:
            ApiError: Convocore failed for good; the bookmark does not move.
        """
        progress.started_at = self._now()
        coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
        known = self._fronts.get(agent_id) or Front(coverage.watermark)
        as_of, front, _ = await self._catch_up(agent_id, known, progress)
        await self._run_in_thread(self._mirror.rebuild_leads, agent_id)
        if progress.gap is not None:
            await self._note(agent_id, as_of=as_of, gap=progress.gap)
            return
        self._fronts[agent_id] = front
        await self._note(agent_id, as_of=as_of, watermark=front.newest)

    async def _catch_up(
        self, agent_id: str, front: Front, progress: Progress
    ) -> tuple[datetime, Front, bool]:
        """Read what stands before `front`, until one request does.

        Returns when the last pass began, the front it saw, and whether it was one request. If not,
        what moved during that pass stands before the front, where the next tail finds it.
        """
        for _ in range(PASSES):
            started_at, first, pages, older, unchanged = self._now(), None, 0, 0, 0
            async with aclosing(self._source.conversations(agent_id)) as full_sync:
                async for page in full_sync:
                    first = first or Front.of(page)
                    saved = await self._save(agent_id, [page], progress)
                    pages += 1
                    older += front.older(page)
                    unchanged += saved.unchanged
                    done = front.reached_by(page) or min(older, unchanged) >= RUN
                    if done or self._beyond_bounds(progress):
                        break
            front = first or front
            if pages <= 1:
                return started_at, front, True
        return started_at, front, False

    async def _save(
        self,
        agent_id: str,
        pages: Sequence[Page],
        progress: Progress,
        *,
        unfinished: datetime | None = None,
    ) -> Saved:
        page = merge_pages(pages)
        read_at = page.read_at or self._now()
        saved = await self._run_in_thread(
            self._mirror.save, agent_id, page, read_at=read_at, unfinished=unfinished
        )
        for one in pages:
            progress.take(one)
        progress.moved()
        return saved

    async def _note(self, agent_id: str, **fields: datetime | str | None) -> None:
        await self._run_in_thread(self._mirror.update_coverage, agent_id, **fields)

    def _beyond_bounds(self, progress: Progress) -> bool:
        # An empty page counts as a row, so that a list of empty pages ends too.
        if progress.rows + progress.empty > self._bounds.rows:
            progress.gap = (
                f"Reading stopped after {progress.rows} rows, as CONVOCORE_MAX_ROWS says."
            )
        elif progress.started_at and self._now() - progress.started_at > self._bounds.time:
            progress.gap = "Reading stopped after the time that CONVOCORE_MAX_SYNC_SECONDS gives."
        else:
            return False
        return True

    async def _take_out(self, agent_id: str, progress: Progress) -> None:
        """Remove what this walk missed if it is not found by itself, or was missed before."""
        started_at = progress.started_at or self._now()
        missing = await self._run_in_thread(self._mirror.last_seen_before, agent_id, started_at)
        gone = {id_ for id_, missed in missing.items() if missed}
        doubtful = [id_ for id_, missed in missing.items() if not missed]
        try:
            for id_ in doubtful[:ASK_SINGLY]:
                if await self._is_gone(agent_id, id_):
                    gone.add(id_)
        except ApiError as error:
            # Asking is extra: a plan may not include it. The next sweep decides without.
            log.info("Missing conversations can't be asked for singly: %s", error.message)
        await self._run_in_thread(self._mirror.remove, agent_id, gone, at=self._now())
        await self._run_in_thread(self._mirror.mark_missed, agent_id, missing.keys() - gone)

    async def _is_gone(self, agent_id: str, id_: str) -> bool:
        try:
            return await self._source.conversation(agent_id, id_) is None
        except ContractError:  # it is there, though not as we know it
            return False
