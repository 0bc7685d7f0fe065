"""Several processes on one mirror: one reads, the others wait for what it brings."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from convocore_mcp.store.database.sync_locks import ReleaseLock, SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.list_reader import RunInThread
from convocore_mcp.sync.sync_run import SyncRun, last_read

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 1.5
"""Seconds after which a process that waits looks again; so long a turn may lie idle."""


class LockQueue:
    """Where a reading waits until it is this process's turn."""

    def __init__(
        self, sync_locks: SyncLocks, mirror: MirrorWriter, run_in_thread: RunInThread
    ) -> None:
        self._sync_locks = sync_locks
        self._mirror = mirror
        self._run_in_thread = run_in_thread

    @asynccontextmanager
    async def lock(self, agent_id: str, run: SyncRun) -> AsyncIterator[bool]:
        """Wait for the turn; gives whether there is still anything to be read.

        Not if another process has done it since the reading was decided on. One that dies or
        fails leaves it to us.
        """
        end = await self._take(agent_id, run.kind)
        if end is None:
            end = await self._wait(agent_id, run)
        try:
            coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
            run.elsewhere(last_read(coverage, run.kind) != run.last)
            yield not run.progress.elsewhere
        finally:
            with anyio.CancelScope(shield=True):
                await self._run_in_thread(end)

    async def _take(self, agent_id: str, kind: str) -> ReleaseLock | None:
        end: ReleaseLock | None = None
        # Shielded, so that a turn that was got is a turn that is ended.
        with anyio.CancelScope(shield=True):
            end = await self._run_in_thread(self._sync_locks.take, agent_id, kind)
        return end  # noqa: RET504  to mypy a scope may swallow an error

    async def _wait(self, agent_id: str, run: SyncRun) -> ReleaseLock:
        log.info("Another process runs this %s sync already; waiting for its result.", run.kind)
        run.elsewhere(True)
        pause, end = FIRST_PAUSE, None
        while end is None:
            if run.kind == "full" and run.last is None:
                await self._look(agent_id, run)
            await anyio.sleep(pause)
            end = await self._take(agent_id, run.kind)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
        return end

    async def _look(self, agent_id: str, run: SyncRun) -> None:
        """See how far the other's first reading has got: it may be enough for who waits."""
        coverage = await self._run_in_thread(self._mirror.coverage, agent_id)
        reached = await self._run_in_thread(self._mirror.first_sync_reached, agent_id)
        progress = run.progress
        if coverage.as_of is not None and reached is not None:  # else a crash left what is here
            progress.started_at = coverage.as_of
            progress.rows, progress.oldest = coverage.conversations, coverage.oldest
            progress.reached = reached
            progress.moved()
