"""When to read, who waits for it and how long, and what an answer may say about itself."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from convocore_mcp.errors import (
    ConvocoreError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.models import Coverage, Freshness
from convocore_mcp.need import EVERYTHING, Need
from convocore_mcp.store.mirror import Mirror
from convocore_mcp.store.turn import Turns
from convocore_mcp.sync.flight import Flight, last_read
from convocore_mcp.sync.progress import Progress
from convocore_mcp.sync.queue import Queue
from convocore_mcp.sync.reading import InThread, Pace, Reader, Report

log = logging.getLogger(__name__)

REPORT = "Look into the log on stderr, and please report it."
REFUSALS = (UnauthorizedError, ForbiddenError, NotFoundError)
"""What no answer is given after, whatever the mirror holds: the key may have been taken away."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How old the mirror may get, and how long a caller waits for it to be read."""

    tail: timedelta = timedelta(seconds=30)
    sweep: timedelta = timedelta(hours=6)
    mend: timedelta = timedelta(minutes=10)
    """A walk that can't promise to have seen everything is followed by another after this."""
    patience: float = 18.0
    """Seconds a caller waits for the first walk; a call answers within 25."""
    tail_patience: float = 5.0
    """Seconds a caller waits for news, when there is an older answer already."""
    grace: float = 3.0
    """Seconds a caller goes on waiting for the rest, if that may come, when it has an answer."""
    people_grace: float = 10.0
    """The same for a question about people, which only everything answers completely."""
    rest: timedelta = timedelta(seconds=15)
    """After a failure, Convocore is not asked again before this has passed."""


class Upkeep:
    """Keeps the mirror fresh enough for each question. `aclose` ends what is under way."""

    def __init__(
        self,
        reader: Reader,
        mirror: Mirror,
        pace: Pace,
        *,
        now: Callable[[], datetime],
        in_thread: InThread,
        schedule: Schedule,
        turns: Turns,
    ) -> None:
        self._reader = reader
        self._mirror = mirror
        self._pace = pace
        self._now = now
        self._in_thread = in_thread
        self._schedule = schedule
        self._queue = Queue(turns, mirror, in_thread)
        self._flights: dict[tuple[str, str], Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: dict[str, tuple[datetime, ConvocoreError]] = {}
        self._walk_failed: dict[str, datetime] = {}
        self._landed = 0  # readings that are over, however they ended
        self.listeners: list[Callable[[str], None]] = []  # told of the agent that was read

    async def fresh(
        self, agent_id: str, need: Need = EVERYTHING, *, report: Report | None = None
    ) -> Freshness:
        """Read what a question needs.

        Waits a bounded time, and a moment for the rest where the answer would be better for it;
        reading goes on behind the answer, and without whoever gave up.

        Raises:
            ApiError: Convocore refuses the key or the agent, or fails and nothing is here yet.
        """
        coverage = await self._coverage(agent_id)
        self._forgive(agent_id, coverage)
        flight = self._needed(agent_id, coverage)
        if flight is not None:
            if coverage.walked_at is None:
                await self._first_reading(agent_id, flight, need, report)
            else:
                await flight.wait(patience=self._schedule.tail_patience, report=report)
            coverage = await self._coverage(agent_id)
        self._refuse(agent_id, coverage, flight)
        self._sweep_if_due(agent_id, coverage)
        return self._freshness(agent_id, coverage, flight, need)

    async def _first_reading(
        self, agent_id: str, flight: Flight, need: Need, report: Report | None
    ) -> None:
        """Wait until what is needed has been read, and a moment longer if that is not enough."""
        schedule, clock = self._schedule, asyncio.get_running_loop().time
        give_up = clock() + schedule.patience
        await flight.wait(until=need, patience=schedule.patience, report=report)
        if not (flight.done or flight.answers(need)):
            grace = schedule.people_grace if need.people else schedule.grace
            await flight.wait_on(patience=max(0, min(grace, give_up - clock())), report=report)
        if need.people and not flight.done:
            await self._reader.settle(agent_id)

    async def sync(
        self,
        agent_id: str,
        *,
        full: bool = True,
        report: Report | None = None,
        held_up: Callable[[], None] | None = None,
    ) -> Progress:
        """Read now, and wait for the end of it: all, or else what came since all was read.

        `held_up` is called once if another process is at it already.

        Raises:
            ApiError: Convocore failed for good.
        """
        coverage = await self._coverage(agent_id)
        walk = full or coverage.walked_at is None
        flight = self._join(agent_id, "walk" if walk else "tail", coverage)
        await flight.wait(report=report, held_up=held_up)
        if flight.error is not None:
            raise flight.error.with_traceback(None)
        return flight.progress

    async def aclose(self) -> None:
        """Stop reading, and see it end; what was saved stays."""
        for flight in self._flights.values():
            flight.scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _coverage(self, agent_id: str) -> Coverage:
        while True:
            landed = self._landed
            coverage = await self._in_thread(self._mirror.coverage, agent_id)
            if landed == self._landed:
                return coverage
            # A reading ended meanwhile: what we hold may say that it is still to be made.

    def _forgive(self, agent_id: str, coverage: Coverage) -> None:
        """Forget a failure since which another process has read."""
        failed = self._failed.get(agent_id)
        if failed and coverage.as_of is not None and coverage.as_of > failed[0]:
            del self._failed[agent_id]

    def _needed(self, agent_id: str, coverage: Coverage) -> Flight | None:
        under_way = self._flights.get((agent_id, "walk"))
        if coverage.walked_at is None and under_way is not None:
            return under_way
        failed = self._failed.get(agent_id)
        if failed and self._now() - failed[0] < self._schedule.rest:
            return None
        if coverage.walked_at is None or coverage.as_of is None:
            return self._join(agent_id, "walk", coverage)
        if self._now() - coverage.as_of > self._schedule.tail:
            return self._join(agent_id, "tail", coverage)
        return None

    def _sweep_if_due(self, agent_id: str, coverage: Coverage) -> None:
        if coverage.walked_at is None or agent_id in self._failed:
            return
        failed = self._walk_failed.get(agent_id)
        if failed and self._now() - failed < self._schedule.mend:
            return
        due = self._schedule.mend if coverage.gap else self._schedule.sweep
        if self._now() - coverage.walked_at > due:
            self._join(agent_id, "walk", coverage)

    def _join(self, agent_id: str, kind: str, coverage: Coverage) -> Flight:
        """The reading of that kind under way, or a new one: never two at a time."""
        key = (agent_id, kind)
        if key not in self._flights:
            self._flights[key] = Flight(kind, last_read(coverage, kind))
            task = asyncio.create_task(self._fly(key, self._flights[key]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._flights[key]

    async def _fly(self, key: tuple[str, str], flight: Flight) -> None:
        agent_id, kind = key
        read = self._reader.walk if kind == "walk" else self._reader.tail
        error: ConvocoreError | None = ConvocoreError("Reading was stopped.", hint="Ask again.")
        try:
            with flight.scope:
                async with self._queue.turn(agent_id, flight) as ours:
                    if ours:
                        await read(agent_id, flight.progress)
                error = None
                self._failed.pop(agent_id, None)
        except ConvocoreError as caught:
            error = caught
            log.warning("Reading failed (%s): %s", caught.code, caught.message)
            self._note_failure(key, caught)
        except Exception:
            # Nobody awaits this task: a bug must show here, and not be tried again at once.
            error = ConvocoreError("Reading failed for a reason of our own.", hint=REPORT)
            log.exception("Reading failed.")
            self._note_failure(key, error)
        finally:
            del self._flights[key]
            self._landed += 1
            flight.end(error)
            for hear in self.listeners:
                hear(agent_id)

    def _note_failure(self, key: tuple[str, str], error: ConvocoreError) -> None:
        agent_id, kind = key
        self._failed[agent_id] = (self._now(), error)
        if kind == "walk":
            self._walk_failed[agent_id] = self._now()

    def _refuse(self, agent_id: str, coverage: Coverage, flight: Flight | None) -> None:
        """Raise where there is nothing to answer from, or nobody who may be answered."""
        _, error = self._failed.get(agent_id, (None, None))
        if isinstance(error, REFUSALS):
            raise error.with_traceback(None)  # else it grows with each caller it is raised to
        if coverage.conversations or coverage.walked_at is not None:
            return
        if error is None and flight is not None:
            error = flight.error
        if error is None and flight is not None and not flight.done:
            error = self._pace.trouble or UnavailableError(
                "Convocore has not answered yet.",
                hint="Reading goes on; ask again in a few seconds.",
                retry_after=5,
            )
        if error is not None:
            raise error.with_traceback(None)

    def _freshness(
        self,
        agent_id: str,
        coverage: Coverage,
        flight: Flight | None,
        need: Need,
    ) -> Freshness:
        walk = self._flights.get((agent_id, "walk"))
        partial = walk if coverage.walked_at is None else None
        complete = coverage.complete or (partial is not None and partial.answers(need))
        began = partial.progress.began if partial is not None else None
        oldest = (partial.progress.oldest if partial is not None else None) or coverage.oldest
        notes = []
        if partial is not None:
            rows = max(partial.progress.rows, coverage.conversations)
            notes.append(
                f"A first reading is under way, {rows} conversations so far; "
                "ask again for the rest."
            )
        if coverage.gap:
            notes.append(coverage.gap)
        if coverage.quarantined:
            notes.append(
                f"{coverage.quarantined} record(s) could not be read and are left out "
                "(quarantined)."
            )
        _, trouble = self._failed.get(agent_id, (None, None))
        waiting = flight is not None and not flight.done
        if trouble is None and waiting:
            trouble = self._pace.trouble  # it is being tried again
        if trouble is not None:
            notes.append(f"Convocore can't be read now, this is what was known: {trouble.message}")
        elif waiting and coverage.walked_at is not None:
            notes.append("News is still being read.")
        if self._pace.note:
            notes.append(self._pace.note)
        return Freshness(
            as_of=coverage.as_of or began or self._now(),
            complete=complete,
            conversations=coverage.conversations,
            oldest=None if complete else oldest,
            notes=tuple(notes),
        )
