"""Keeps one agent's part of the mirror fresh: runs its syncs, and lets callers wait for them."""

import asyncio
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime

import anyio

from convocore_mcp.errors import ConvocoreError, LostSyncLockError, NotFoundError
from convocore_mcp.models import EVERYTHING, Coverage, Freshness, ReadScope
from convocore_mcp.store.database.sync_locks import SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.decisions import (
    Action,
    Failures,
    Schedule,
    SyncKind,
    full_sync_due,
    full_sync_overdue,
    last_sync_at,
    next_action,
    without_future,
)
from convocore_mcp.sync.details.agent_details import AgentDetails
from convocore_mcp.sync.details.details_parts import DetailsParts
from convocore_mcp.sync.details.plan import DetailsPlan
from convocore_mcp.sync.freshness import SyncState, UpstreamHealth, freshness, refusal
from convocore_mcp.sync.full_sync import FullSync, note_lost_agent
from convocore_mcp.sync.incremental_sync import incremental_sync
from convocore_mcp.sync.page_writer import (
    PageWriter,
    Progress,
    RunInThread,
    SyncLimits,
    Upstream,
)
from convocore_mcp.sync.sync_run import LockQueue, ReportProgress, SyncRun

log = logging.getLogger(__name__)

REPORT_HINT = "See the traceback in the log on stderr, and please report it."


@dataclass(frozen=True, slots=True)
class SyncParts:
    """What the syncs of all agents share."""

    upstream: Upstream
    health: UpstreamHealth
    mirror: MirrorWriter
    sync_locks: SyncLocks
    now: Callable[[], datetime]
    write_in_thread: RunInThread
    """Runs writes, one at a time."""
    read_in_thread: RunInThread
    """Runs short reads, which must not wait behind a write."""
    lock_in_thread: RunInThread | None = None
    """Runs what concerns sync locks, which may have to wait for a writer; else as reads."""
    schedule: Schedule = field(default_factory=Schedule)
    limits: SyncLimits = field(default_factory=SyncLimits)
    details: DetailsPlan = field(default_factory=DetailsPlan)

    def for_details(self) -> DetailsParts:
        """What the reading of details shares with the syncs."""
        return DetailsParts(
            upstream=self.upstream,
            mirror=self.mirror,
            sync_locks=self.sync_locks,
            now=self.now,
            write_in_thread=self.write_in_thread,
            read_in_thread=self.read_in_thread,
            lock_in_thread=self.lock_in_thread or self.read_in_thread,
            plan=self.details,
        )


class AgentSync:
    """Keeps one agent's part of the mirror fresh enough for each question.

    At most one run of each kind is under way; every caller who needs it waits for the same run.
    """

    def __init__(
        self, agent_id: str, parts: SyncParts, *, on_run_end: Callable[[str], None]
    ) -> None:
        self._agent_id = agent_id
        self._parts = parts
        self._on_run_end = on_run_end
        self.details = AgentDetails(
            agent_id, parts.for_details(), on_progress=lambda: on_run_end(agent_id)
        )
        in_thread = parts.lock_in_thread or parts.read_in_thread
        self._lock_queue = LockQueue(agent_id, parts.sync_locks, parts.mirror, in_thread, parts.now)
        self._runs: dict[SyncKind, SyncRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = Failures()
        self._ended_runs = 0

    async def ensure_fresh(
        self,
        scope: ReadScope = EVERYTHING,
        *,
        report_progress: ReportProgress | None = None,
        patient: bool = False,
    ) -> Freshness:
        """Sync what a question needs, and describe how fresh its answer is.

        Waits a bounded time, and a moment for the rest of a first sync that is nearly done. The
        run goes on in the background after the answer, also if this caller is cancelled.

        Raises:
            ApiError: Convocore refuses the key or the agent, or fails while the mirror is empty.
        """
        parts, coverage = self._parts, await self._coverage()
        self._failures = self._failures.still_valid(coverage)
        action = next_action(
            coverage,
            self._failures,
            full_sync_running=SyncKind.FULL in self._runs,
            now=parts.now(),
            schedule=parts.schedule,
        )
        run = self._run_for(action, coverage)
        if run is not None:
            if coverage.full_sync_at is None:
                patience = parts.schedule.patience(first_sync=True, patient=patient)
                await self._wait_for_first_sync(run, scope, report_progress, patience)
            else:
                await run.wait(
                    patience=parts.schedule.patience(first_sync=False, patient=patient),
                    report_progress=report_progress,
                )
            coverage = await self._coverage()
        state = self._state(coverage, run)
        if error := refusal(state):
            raise error.with_traceback(None)  # else it grows with every caller
        if full_sync_due(coverage, self._failures, now=parts.now(), schedule=parts.schedule):
            full_run = self._join_or_start(SyncKind.FULL, coverage)
            if state.overdue and not state.still_waiting:  # a short list may be read in time
                await full_run.wait(patience=parts.schedule.patience_when_overdue(patient=patient))
                state = self._state(await self._coverage(), run)
        self.details.start_if_needed()
        state = replace(state, details=await self.details.state(scope))
        return freshness(state, scope, now=parts.now())

    def state(self) -> Hashable | None:
        """What answers depend on beside the mirror and the time; `None` while a sync runs.

        Equal states mean that no sync has ended and no request has failed in between.
        """
        health = self._parts.health
        return None if self._runs else (self._ended_runs, health.note, health.last_error)

    async def sync(
        self,
        *,
        full: bool = True,
        report_progress: ReportProgress | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> Progress:
        """Sync now, and wait for the end; incremental only if a full sync was ever completed.

        `on_lock_wait` is called once if another process runs this sync already.

        Raises:
            ApiError: Convocore failed for good.
            ConvocoreError: the sync was stopped by `aclose`, or failed because of a bug.
        """
        coverage = await self._coverage()
        kind = SyncKind.FULL if full or coverage.full_sync_at is None else SyncKind.INCREMENTAL
        run = self._join_or_start(kind, coverage)
        await run.wait(report_progress=report_progress, on_lock_wait=on_lock_wait)
        if run.error is not None:
            raise run.error.with_traceback(None)
        await self.details.trial_ended()
        return run.progress

    async def aclose(self) -> None:
        """Stop the runs, and wait until they have ended; what was saved stays."""
        for run in self._runs.values():
            run.cancel_scope.cancel()
        await asyncio.gather(*self._tasks, self.details.aclose(), return_exceptions=True)

    async def _coverage(self) -> Coverage:
        while True:
            ended_runs = self._ended_runs
            coverage = await self._parts.read_in_thread(self._parts.mirror.coverage, self._agent_id)
            if ended_runs == self._ended_runs:
                return without_future(coverage, now=self._parts.now())
            # A run has ended since: this coverage may ask for what that run has just done.

    def _run_for(self, action: Action, coverage: Coverage) -> SyncRun | None:
        match action:
            case Action.FULL_SYNC:
                return self._join_or_start(SyncKind.FULL, coverage)
            case Action.INCREMENTAL_SYNC:
                return self._join_or_start(SyncKind.INCREMENTAL, coverage)
            case Action.NOTHING | Action.BACK_OFF:
                return None

    async def _wait_for_first_sync(
        self,
        run: SyncRun,
        scope: ReadScope,
        report_progress: ReportProgress | None,
        patience: float,
    ) -> None:
        """Wait until there is an answer, and a moment longer if it would be a partial one."""
        schedule, clock = self._parts.schedule, asyncio.get_running_loop().time
        give_up_at = clock() + patience
        await run.wait(until=scope, patience=patience, report_progress=report_progress)
        if not (run.done or run.progress.covers(scope)):
            await run.wait_if_nearly_done(
                patience=max(0, min(schedule.grace_for(scope), give_up_at - clock())),
                report_progress=report_progress,
            )
        if scope.people and not run.done:
            # Another process may hold the write lock: then the answer has the leads as they are.
            with anyio.move_on_after(schedule.leads_patience):
                await self._parts.write_in_thread(self._parts.mirror.rebuild_leads, self._agent_id)

    def _join_or_start(self, kind: SyncKind, coverage: Coverage) -> SyncRun:
        if kind not in self._runs:
            run = self._runs[kind] = SyncRun(kind, last_sync_at(coverage, kind))
            task = asyncio.create_task(self._perform(run))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._runs[kind]

    async def _perform(self, run: SyncRun) -> None:
        error: ConvocoreError | None = ConvocoreError("The sync was stopped.", hint="Ask again.")
        try:
            with run.cancel_scope:
                async with self._lock_queue.lock(run) as mirror:
                    if mirror is not None:
                        await self._read_list(run, mirror)
                error = None
                self._failures = self._failures.after_success()
        except LostSyncLockError as lost:
            error = None  # the other process has synced, or still does
            log.warning("The %s sync was given up: %s", run.kind, lost.message)
        except ConvocoreError as caught:
            error = caught
            log.warning("The %s sync failed (%s): %s", run.kind, caught.code, caught.message)
            self._note_failure(run, caught)
        except Exception:
            # Nobody awaits this task: a bug must show here, and not be tried again at once.
            error = ConvocoreError("The sync failed because of a bug of ours.", hint=REPORT_HINT)
            log.exception("The %s sync failed because of a bug.", run.kind)
            self._note_failure(run, error)
        finally:
            del self._runs[run.kind]
            self._ended_runs += 1
            run.end(error)
            if error is None:
                self.details.list_was_read()
            self._on_run_end(self._agent_id)

    async def _read_list(self, run: SyncRun, mirror: MirrorWriter) -> None:
        parts = self._parts
        writer = PageWriter(
            self._agent_id,
            mirror,
            run.progress,
            now=parts.now,
            run_in_thread=parts.write_in_thread,
            limits=parts.limits,
        )
        try:
            if run.kind is SyncKind.FULL:
                await FullSync(parts.upstream, writer).run()
            else:
                await incremental_sync(parts.upstream, writer)
        except NotFoundError:
            await note_lost_agent(writer)
            raise

    def _note_failure(self, run: SyncRun, error: ConvocoreError) -> None:
        self._failures = self._failures.after_failure(run.kind, error, at=self._parts.now())

    def _state(self, coverage: Coverage, run: SyncRun | None) -> SyncState:
        """What an answer has to know; `run` is the one that its caller waited for."""
        full_run = self._runs.get(SyncKind.FULL)
        first_run = full_run if coverage.full_sync_at is None else None
        failure, schedule = self._failures.latest, self._parts.schedule
        return SyncState(
            coverage,
            first_sync=first_run.progress if first_run else None,
            full_sync=full_run.progress if full_run else None,
            overdue=full_sync_overdue(coverage, now=self._parts.now(), schedule=schedule),
            still_waiting=run is not None and not run.done,
            sync_error=run.error if run else None,
            failure=failure.error if failure else None,
            upstream_error=self._parts.health.last_error,
            upstream_note=self._parts.health.note,
            kept_since=self._parts.mirror.retention.limit(self._parts.now()),
        )
