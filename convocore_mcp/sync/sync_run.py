"""One run of a sync: the callers who wait for it, and how it waits for the sync lock.

Several processes may share a mirror. The sync lock lets one of them sync an agent at a time; the
others wait and use its result.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio

from convocore_mcp.errors import ConvocoreError, MirrorError
from convocore_mcp.models import Coverage, ReadScope
from convocore_mcp.store.database.sequence import FencedDatabase
from convocore_mcp.store.database.sync_locks import SyncLocks
from convocore_mcp.store.locks.leases import HeldLock
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.decisions import SyncKind, last_sync_at, without_future
from convocore_mcp.sync.list_order import CLOCK_SKEW
from convocore_mcp.sync.page_writer import Progress, RunInThread

log = logging.getLogger(__name__)

ReportProgress = Callable[[int], Awaitable[None]]
"""Called after each batch of pages with the rows read so far; the total is not known."""

FIRST_LOOK_SECONDS = 1.0
"""Seconds after which a waiting caller estimates whether the end of the list is near."""
FIRST_LOOK_DISTANCE = timedelta(days=4)
"""How far back in time a run must get in these seconds to be worth waiting for."""
FIRST_PAUSE, MAX_PAUSE, PAUSE_GROWTH = 0.1, 1.0, 1.5
"""Seconds between two attempts to take the sync lock. A free lock stays unused that long."""

HEARTBEAT_SECONDS = 10.0
"""Seconds between two heartbeats of the holder of the sync lock."""
ANSWER_SECONDS = 0.5
"""Seconds that a call needs to build its answer, after it has waited for data."""


def time_left(budget: float) -> float:
    """`budget` in seconds, or less if the deadline of the call comes before.

    The deadline is that of the cancel scope around the call, if there is one. `ANSWER_SECONDS` are
    left for the answer.
    """
    left = anyio.current_effective_deadline() - anyio.current_time() - ANSWER_SECONDS
    return max(min(budget, left), 0)


class SyncRun:
    """One run of a full or incremental sync, however many callers wait for it.

    `previous_sync_at` is when the previous sync of this kind was made, as known when this run was
    decided on. If it has changed by the time the run gets the lock, another process has synced.
    """

    def __init__(self, kind: SyncKind, previous_sync_at: datetime | None) -> None:
        self.kind = kind
        self.previous_sync_at = previous_sync_at
        self.progress = Progress(on_change=self._wake_waiters)
        # A task's own `cancel` would abandon a thread that is using the database.
        self.cancel_scope = anyio.CancelScope()
        self.error: ConvocoreError | None = None
        self.done = False
        self._changed = asyncio.Event()

    def _wake_waiters(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def set_by_other_process(self, value: bool) -> None:
        """Note whether another process runs this sync, and wake the callers if that is new."""
        if value != self.progress.by_other_process:
            # `rows` counts what one process has read.
            self.progress.by_other_process, self.progress.rows = value, 0
            self._wake_waiters()

    def end(self, error: ConvocoreError | None) -> None:
        """Mark the run as done, and wake the callers."""
        self.error, self.done = error, True
        self._wake_waiters()

    async def wait(
        self,
        *,
        until: ReadScope | None = None,
        patience: float | None = None,
        report_progress: ReportProgress | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> None:
        """Wait until the run is done, has enough for `until`, or `patience` seconds have passed.

        `on_lock_wait` is called once if another process runs this sync.
        """
        try:
            async with asyncio.timeout(None if patience is None else time_left(patience)):
                while not (self.done or (until and self.progress.has_enough_for(until))):
                    await self._changed.wait()
                    if on_lock_wait and self.progress.by_other_process:
                        on_lock_wait()
                        on_lock_wait = None
                    if report_progress:
                        await report_progress(self.progress.rows)
        except TimeoutError:
            log.info("Answering now; the %s sync goes on in the background.", self.kind)

    async def wait_if_nearly_done(
        self, *, patience: float, report_progress: ReportProgress | None = None
    ) -> None:
        """Wait for the end up to `patience` seconds, or `FIRST_LOOK_SECONDS` if the end is far."""
        before = self.progress.reached
        await self.wait(patience=min(FIRST_LOOK_SECONDS, patience), report_progress=report_progress)
        after = self.progress.reached
        # Rows without a time do not show how far the end is: it may be near.
        if before is None or after is None or before - after >= FIRST_LOOK_DISTANCE:
            await self.wait(
                patience=max(0, patience - FIRST_LOOK_SECONDS), report_progress=report_progress
            )


class LockQueue:
    """Where the runs of one agent wait until this process holds the sync lock."""

    def __init__(
        self,
        agent_id: str,
        sync_locks: SyncLocks,
        mirror: MirrorWriter,
        run_in_thread: RunInThread,
        now: Callable[[], datetime],
    ) -> None:
        self._agent_id = agent_id
        self._sync_locks = sync_locks
        self._mirror = mirror
        self._run_in_thread = run_in_thread
        self._now = now

    @asynccontextmanager
    async def lock(self, run: SyncRun) -> AsyncIterator[MirrorWriter | None]:
        """Hold the sync lock; yields the mirror to write to if there is still anything to sync.

        Writing to it fails once the lock was taken over. There is nothing to sync if another
        process has synced since the run was decided on. If that process has failed or died
        instead, this process does the sync.

        Raises:
            MirrorError: the lock can't be taken or waited for.
        """
        lock = await self._take(run.kind)
        if lock is None:
            lock = await self._wait(run)
        try:
            coverage = await self._coverage()
            run.set_by_other_process(last_sync_at(coverage, run.kind) != run.previous_sync_at)
            if run.progress.by_other_process:
                yield None
                return
            async with self._heartbeat(lock):
                yield self._mirror.on(FencedDatabase(self._mirror.database, lock.check))
        finally:
            with anyio.CancelScope(shield=True):
                await self._run_in_thread(lock.release)

    @asynccontextmanager
    async def _heartbeat(self, lock: HeldLock) -> AsyncIterator[None]:
        """Show the other processes that this one is alive."""
        # A task's own `cancel` would abandon a thread that is using the database.
        scope = anyio.CancelScope()

        async def heartbeat() -> None:
            with scope:
                while True:
                    await anyio.sleep(HEARTBEAT_SECONDS)
                    try:
                        await self._run_in_thread(lock.heartbeat)
                    except MirrorError as error:
                        log.info("No heartbeat of the sync lock: %s", error.message)

        task = asyncio.create_task(heartbeat())
        try:
            yield
        finally:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                await task

    async def _coverage(self) -> Coverage:
        coverage = await self._run_in_thread(self._mirror.coverage, self._agent_id)
        return without_future(coverage, now=self._now())

    async def _take(self, kind: SyncKind) -> HeldLock | None:
        lock: HeldLock | None = None
        # Shielded: a lock that was taken in the thread must reach the code that releases it.
        with anyio.CancelScope(shield=True):
            lock = await self._run_in_thread(self._sync_locks.take, self._agent_id, kind)
        return lock  # noqa: RET504  to mypy a scope may swallow an error

    async def _wait(self, run: SyncRun) -> HeldLock:
        log.info("Another process runs this %s sync already; waiting for its result.", run.kind)
        run.set_by_other_process(True)
        pause, lock = FIRST_PAUSE, None
        while lock is None:
            if run.kind is SyncKind.FULL and run.previous_sync_at is None:
                await self._follow_first_sync(run)
            await anyio.sleep(pause)
            lock = await self._take(run.kind)
            pause = min(pause * PAUSE_GROWTH, MAX_PAUSE)
        return lock

    async def _follow_first_sync(self, run: SyncRun) -> None:
        """Copy the other process's progress: it may be enough for the callers of this run."""
        coverage = await self._coverage()
        complete_since = await self._run_in_thread(
            self._mirror.first_sync_reached, self._agent_id, self._now() + CLOCK_SKEW
        )
        if coverage.as_of is not None:  # else the other process has saved no page yet
            progress = run.progress
            progress.started_at = coverage.as_of
            progress.rows, progress.oldest = coverage.conversations, coverage.oldest
            progress.complete_since = progress.reached = complete_since
            progress.on_change()
