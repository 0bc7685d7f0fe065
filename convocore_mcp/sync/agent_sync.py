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
from convocore_mcp.models import EVERYTHING, Coverage, Freshness, ReadScope
from convocore_mcp.store.database.sync_locks import SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.list_reader import Reader, Report, RunInThread, Throttle
from convocore_mcp.sync.lock_queue import LockQueue
from convocore_mcp.sync.progress import Progress
from convocore_mcp.sync.sync_run import SyncRun, last_read

log = logging.getLogger(__name__)

REPORT = "Look into the log on stderr, and please report it."
REFUSALS = (UnauthorizedError, ForbiddenError, NotFoundError)
"""What no answer is given after, whatever the mirror holds: the key may have been taken away."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How old the mirror may get, and how long a caller waits for it to be read."""

    incremental_after: timedelta = timedelta(seconds=30)
    full_after: timedelta = timedelta(hours=6)
    retry_incomplete_after: timedelta = timedelta(minutes=10)
    """A walk that can't promise to have seen everything is followed by another after this."""
    patience: float = 18.0
    """Seconds a caller waits for the first walk; a call answers within 25."""
    incremental_patience: float = 5.0
    """Seconds a caller waits for news, when there is an older answer already."""
    grace: float = 3.0
    """Seconds a caller goes on waiting for the rest, if that may come, when it has an answer."""
    people_grace: float = 10.0
    """The same for a question about people, which only everything answers completely."""
    rest: timedelta = timedelta(seconds=15)
    """After a failure, Convocore is not asked again before this has passed."""


class AgentSync:
    """Keeps the mirror fresh enough for each question. `aclose` ends what is under way."""

    def __init__(
        self,
        reader: Reader,
        mirror: MirrorWriter,
        throttle: Throttle,
        *,
        now: Callable[[], datetime],
        run_in_thread: RunInThread,
        schedule: Schedule,
        sync_locks: SyncLocks,
    ) -> None:
        self._reader = reader
        self._mirror = mirror
        self._throttle = throttle
        self._now = now
        self._run_in_thread = run_in_thread
        self._schedule = schedule
        self._lock_queue = LockQueue(sync_locks, mirror, run_in_thread)
        self._runs: dict[tuple[str, str], SyncRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: dict[str, tuple[datetime, ConvocoreError]] = {}
        self._full_sync_failed: dict[str, datetime] = {}
        self._finished_runs = 0  # readings that are over, however they ended
        self.listeners: list[Callable[[str], None]] = []  # told of the agent that was read

    async def fresh(
        self, agent_id: str, read_scope: ReadScope = EVERYTHING, *, report: Report | None = None
    ) -> Freshness:
        """Read what a question needs.

        Waits a bounded time, and a moment for the rest where the answer would be better for it;
        reading goes on behind the answer, and without whoever gave up.

        Raises:
            ApiError: Convocore refuses the key or the agent, or fails and nothing is here yet.
        """
        coverage = await self._coverage(agent_id)
        self._forgive(agent_id, coverage)
        run = self._needed(agent_id, coverage)
        if run is not None:
            if coverage.full_sync_at is None:
                await self._first_reading(agent_id, run, read_scope, report)
            else:
                await run.wait(patience=self._schedule.incremental_patience, report=report)
            coverage = await self._coverage(agent_id)
        self._refuse(agent_id, coverage, run)
        self._full_sync_if_due(agent_id, coverage)
        return self._freshness(agent_id, coverage, run, read_scope)

    async def _first_reading(
        self, agent_id: str, run: SyncRun, read_scope: ReadScope, report: Report | None
    ) -> None:
        """Wait until what is needed has been read, and a moment longer if that is not enough."""
        schedule, clock = self._schedule, asyncio.get_running_loop().time
        give_up = clock() + schedule.patience
        await run.wait(until=read_scope, patience=schedule.patience, report=report)
        if not (run.done or run.answers(read_scope)):
            grace = schedule.people_grace if read_scope.people else schedule.grace
            await run.wait_on(patience=max(0, min(grace, give_up - clock())), report=report)
        if read_scope.people and not run.done:
            await self._reader.rebuild_leads(agent_id)

    async def sync(
        self,
        agent_id: str,
        *,
        full: bool = True,
        report: Report | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> Progress:
        """Read now, and wait for the end of it: all, or else what came since all was read.

        `held_up` is called once if another process is at it already.

        Raises:
            ApiError: Convocore failed for good.
        """
        coverage = await self._coverage(agent_id)
        full_sync = full or coverage.full_sync_at is None
        run = self._join(agent_id, "full" if full_sync else "incremental", coverage)
        await run.wait(report=report, on_lock_wait=on_lock_wait)
        if run.error is not None:
            raise run.error.with_traceback(None)
        return run.progress

    async def aclose(self) -> None:
        """Stop reading, and see it end; what was saved stays."""
        for run in self._runs.values():
            run.cancel_scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _coverage(self, agent_id: str) -> Coverage:
        while True:
            finished_runs = self._finished_runs
            coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
            if finished_runs == self._finished_runs:
                return coverage
            # A reading ended meanwhile: what we hold may say that it is still to be made.

    def _forgive(self, agent_id: str, coverage: Coverage) -> None:
        """Forget a failure since which another process has read."""
        failed = self._failed.get(agent_id)
        if failed and coverage.as_of is not None and coverage.as_of > failed[0]:
            del self._failed[agent_id]

    def _needed(self, agent_id: str, coverage: Coverage) -> SyncRun | None:
        under_way = self._runs.get((agent_id, "full"))
        if coverage.full_sync_at is None and under_way is not None:
            return under_way
        failed = self._failed.get(agent_id)
        if failed and self._now() - failed[0] < self._schedule.rest:
            return None
        if coverage.full_sync_at is None or coverage.as_of is None:
            return self._join(agent_id, "full", coverage)
        if self._now() - coverage.as_of > self._schedule.incremental_after:
            return self._join(agent_id, "incremental", coverage)
        return None

    def _full_sync_if_due(self, agent_id: str, coverage: Coverage) -> None:
        if coverage.full_sync_at is None or agent_id in self._failed:
            return
        failed = self._full_sync_failed.get(agent_id)
        if failed and self._now() - failed < self._schedule.retry_incomplete_after:
            return
        due = self._schedule.retry_incomplete_after if coverage.gap else self._schedule.full_after
        if self._now() - coverage.full_sync_at > due:
            self._join(agent_id, "full", coverage)

    def _join(self, agent_id: str, kind: str, coverage: Coverage) -> SyncRun:
        """The reading of that kind under way, or a new one: never two at a time."""
        key = (agent_id, kind)
        if key not in self._runs:
            self._runs[key] = SyncRun(kind, last_read(coverage, kind))
            task = asyncio.create_task(self._perform(key, self._runs[key]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._runs[key]

    async def _perform(self, key: tuple[str, str], run: SyncRun) -> None:
        agent_id, kind = key
        read = self._reader.full_sync if kind == "full" else self._reader.incremental_sync
        error: ConvocoreError | None = ConvocoreError("Reading was stopped.", hint="Ask again.")
        try:
            with run.cancel_scope:
                async with self._lock_queue.lock(agent_id, run) as ours:
                    if ours:
                        await read(agent_id, run.progress)
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
            del self._runs[key]
            self._finished_runs += 1
            run.end(error)
            for hear in self.listeners:
                hear(agent_id)

    def _note_failure(self, key: tuple[str, str], error: ConvocoreError) -> None:
        agent_id, kind = key
        self._failed[agent_id] = (self._now(), error)
        if kind == "full":
            self._full_sync_failed[agent_id] = self._now()

    def _refuse(self, agent_id: str, coverage: Coverage, run: SyncRun | None) -> None:
        """Raise where there is nothing to answer from, or nobody who may be answered."""
        _, error = self._failed.get(agent_id, (None, None))
        if isinstance(error, REFUSALS):
            raise error.with_traceback(None)  # else it grows with each caller it is raised to
        if coverage.conversations or coverage.full_sync_at is not None:
            return
        if error is None and run is not None:
            error = run.error
        if error is None and run is not None and not run.done:
            error = self._throttle.trouble or UnavailableError(
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
        run: SyncRun | None,
        read_scope: ReadScope,
    ) -> Freshness:
        full_sync = self._runs.get((agent_id, "full"))
        partial = full_sync if coverage.full_sync_at is None else None
        complete = coverage.complete or (partial is not None and partial.answers(read_scope))
        started_at = partial.progress.started_at if partial is not None else None
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
        waiting = run is not None and not run.done
        if trouble is None and waiting:
            trouble = self._throttle.trouble  # it is being tried again
        if trouble is not None:
            notes.append(f"Convocore can't be read now, this is what was known: {trouble.message}")
        elif waiting and coverage.full_sync_at is not None:
            notes.append("ChangedSince is still being read.")
        if self._throttle.note:
            notes.append(self._throttle.note)
        return Freshness(
            as_of=coverage.as_of or started_at or self._now(),
            complete=complete,
            conversations=coverage.conversations,
            oldest=None if complete else oldest,
            notes=tuple(notes),
        )
