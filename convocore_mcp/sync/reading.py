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
from convocore_mcp.models import Conversation, Page, Sweep
from convocore_mcp.store.mirror import Mirror, Saved
from convocore_mcp.sync.ahead import read_ahead, together
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
SETTLE_SOON, SETTLE_EVERY = 400, 2_000
"""Rows of a walk after which the leads are brought up to date: while Convocore is waited for, and
at the latest. The fewer at a time, the dearer each is."""
ASK_SINGLY = 100
"""Conversations that a sweep missed and that are asked for one by one; the others wait."""
NO_SWEEP: Mapping[str, None] = {"sweep_began": None, "sweep_mark": None, "sweep_place": None}


class Source(Protocol):
    """Where pages come from (`api.client.ConvocoreClient`)."""

    def conversations(
        self, agent_id: str, *, place: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Front to end, newest first; from behind `place` on, if there is one."""
        ...

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, `None` if it is not found."""
        ...


class Pace(Protocol):
    """How the upstream is doing (`api.pace.Pace`)."""

    @property
    def note(self) -> str | None:
        """Why reading is slow, if it is."""
        ...

    @property
    def trouble(self) -> ApiError | None:
        """The newest failure, if nothing has succeeded since."""
        ...


class InThread(Protocol):
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
        self._fronts: dict[str, Front] = {}

    async def walk(self, agent_id: str, progress: Progress) -> None:
        """Read the whole list, and take out what is no longer in it.

        Pages already saved stay whatever happens, and a walk that was cut short is gone on with;
        the bookmarks move when all is in.

        Raises:
            ApiError: Convocore failed for good.
        """
        coverage = await self._in_thread(self._mirror.coverage, agent_id)
        half = self._half_done(coverage.sweep)
        if half is None:
            began, front = self._now(), Front(None)
        else:
            began, front = await self._take_up(agent_id, half, progress)
        progress.began = began
        try:
            front = await self._read_through(agent_id, began, half, front, progress)
        except ContractError:
            await self._note(agent_id, **NO_SWEEP)  # going on there might fail forever
            raise
        as_of, front, settled = await self._catch_up(agent_id, front, progress)
        if progress.gap is None and not settled:
            progress.gap = MOVED
        if progress.gap is None:
            await self._take_out(agent_id, progress)
            await self._in_thread(self._mirror.release, agent_id, before=began)
        await self.settle(agent_id)
        self._fronts[agent_id] = front
        bookmarks = {"as_of": as_of, "mark": front.newest, "walked_at": began}
        await self._note(agent_id, **bookmarks, gap=progress.gap, **NO_SWEEP)
        await self._in_thread(self._mirror.prune, now=self._now())
        log.info("Read %d rows in %d pages.", progress.rows, progress.pages)

    async def settle(self, agent_id: str) -> None:
        """Bring the leads up to date with the conversations that were read."""
        await self._in_thread(self._mirror.settle, agent_id)

    def _half_done(self, sweep: Sweep | None) -> Sweep | None:
        """`sweep`, if it is not so old that it would reach its bounds at once."""
        recent = sweep is not None and self._now() - sweep.began < self._bounds.time / 2
        return sweep if recent else None

    async def _take_up(
        self, agent_id: str, half: Sweep, progress: Progress
    ) -> tuple[datetime, Front]:
        """Read what has moved to the front since a walk was cut short, and go on with it then."""
        log.info("Going on with the reading that was begun at %s.", half.began)
        then = Front(half.mark)
        as_of, front, settled = await self._catch_up(agent_id, then, progress)
        if not settled:
            return half.began, then  # the end of the walk looks again
        await self._note(agent_id, as_of=as_of, sweep_mark=front.newest)
        return half.began, front

    async def _read_through(
        self,
        agent_id: str,
        began: datetime,
        half: Sweep | None,
        front: Front,
        progress: Progress,
    ) -> Front:
        """Read from the front, or from where `half` stopped, to the end; returns the front."""
        walk = self._source.conversations(agent_id, place=half.place if half else None)
        first, unsettled = half is None, 0
        async with read_ahead(walk) as batches:
            async for pages in batches:
                if first:
                    front = Front.of(pages[0])
                    start = {"sweep_began": began, "sweep_mark": front.newest}
                    await self._note(agent_id, **start, sweep_place=None)
                await self._save(agent_id, pages, progress, sweep=began)
                if first:
                    await self._note_first(agent_id, began)
                    first = False
                unsettled += sum(len(page.rows) for page in pages)
                waiting = len(pages) == 1  # nothing had come while the last ones were written
                if unsettled >= (SETTLE_SOON if waiting else SETTLE_EVERY):
                    await self.settle(agent_id)
                    unsettled = 0
                if self._beyond_bounds(progress):
                    break
        return front

    async def _note_first(self, agent_id: str, began: datetime) -> None:
        """Note that the front was read, where nothing was before."""
        coverage = await self._in_thread(self._mirror.coverage, agent_id)
        if coverage.walked_at is None:
            await self._note(agent_id, as_of=began)

    async def tail(self, agent_id: str, progress: Progress) -> None:
        """Read what came or moved to the front since the last reading.

        Raises:
            ApiError: Convocore failed for good; the bookmark does not move.
        """
        progress.began = self._now()
        coverage = await self._in_thread(self._mirror.coverage, agent_id)
        known = self._fronts.get(agent_id) or Front(coverage.mark)
        as_of, front, _ = await self._catch_up(agent_id, known, progress)
        await self._in_thread(self._mirror.settle, agent_id)
        if progress.gap is not None:
            await self._note(agent_id, as_of=as_of, gap=progress.gap)
            return
        self._fronts[agent_id] = front
        await self._note(agent_id, as_of=as_of, mark=front.newest)

    async def _catch_up(
        self, agent_id: str, front: Front, progress: Progress
    ) -> tuple[datetime, Front, bool]:
        """Read what stands before `front`, until one request does.

        Returns when the last pass began, the front it saw, and whether it was one request. If not,
        what moved during that pass stands before the front, where the next tail finds it.
        """
        for _ in range(PASSES):
            began, first, pages, older, unchanged = self._now(), None, 0, 0, 0
            async with aclosing(self._source.conversations(agent_id)) as walk:
                async for page in walk:
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
                return began, front, True
        return began, front, False

    async def _save(
        self,
        agent_id: str,
        pages: Sequence[Page],
        progress: Progress,
        *,
        sweep: datetime | None = None,
    ) -> Saved:
        page = together(pages)
        read_at = page.read_at or self._now()
        saved = await self._in_thread(
            self._mirror.save, agent_id, page, read_at=read_at, sweep=sweep
        )
        for one in pages:
            progress.take(one)
        progress.moved()
        return saved

    async def _note(self, agent_id: str, **fields: datetime | str | None) -> None:
        await self._in_thread(self._mirror.note, agent_id, **fields)

    def _beyond_bounds(self, progress: Progress) -> bool:
        # An empty page counts as a row, so that a list of empty pages ends too.
        if progress.rows + progress.empty > self._bounds.rows:
            progress.gap = (
                f"Reading stopped after {progress.rows} rows, as CONVOCORE_MAX_ROWS says."
            )
        elif progress.began and self._now() - progress.began > self._bounds.time:
            progress.gap = "Reading stopped after the time that CONVOCORE_MAX_WALK_SECONDS gives."
        else:
            return False
        return True

    async def _take_out(self, agent_id: str, progress: Progress) -> None:
        """Remove what this walk missed if it is not found by itself, or was missed before."""
        began = progress.began or self._now()
        missing = await self._in_thread(self._mirror.missing, agent_id, before=began)
        gone = {id_ for id_, missed in missing.items() if missed}
        doubtful = [id_ for id_, missed in missing.items() if not missed]
        try:
            for id_ in doubtful[:ASK_SINGLY]:
                if await self._is_gone(agent_id, id_):
                    gone.add(id_)
        except ApiError as error:
            # Asking is extra: a plan may not include it. The next sweep decides without.
            log.info("Missing conversations can't be asked for singly: %s", error.message)
        await self._in_thread(self._mirror.remove, agent_id, gone, at=self._now())
        await self._in_thread(self._mirror.miss, agent_id, missing.keys() - gone)

    async def _is_gone(self, agent_id: str, id_: str) -> bool:
        try:
            return await self._source.conversation(agent_id, id_) is None
        except ContractError:  # it is there, though not as we know it
            return False
