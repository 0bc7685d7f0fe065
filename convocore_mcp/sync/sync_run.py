"""One reading under way, and those who wait for it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.models import Coverage, ReadScope
from convocore_mcp.sync.list_reader import Report
from convocore_mcp.sync.progress import Progress

log = logging.getLogger(__name__)

TRIAL = 1.0
"""Seconds after which it shows whether waiting for the end of a list is any good."""
HEADWAY = timedelta(days=4)
"""How far back a reading must get in that time; what is slower won't be over in a few seconds."""


def last_read(coverage: Coverage, kind: str) -> datetime | None:
    """When the last reading of that kind was made; it moves when another is."""
    return coverage.full_sync_at if kind == "full" else coverage.as_of


class SyncRun:
    """One reading under way, however many callers wait for it.

    It was decided on when the newest of its kind was that of `last`.
    """

    def __init__(self, kind: str, last: datetime | None) -> None:
        self.kind = kind
        self.last = last
        self.progress = Progress(moved=self._wake)
        # Not a task's own `cancel`, which would leave a thread alone with the database.
        self.cancel_scope = anyio.CancelScope()
        self.error: ConvocoreError | None = None
        self.done = False
        self._moved = asyncio.Event()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def elsewhere(self, by_another: bool) -> None:
        """Say whether another process makes this reading."""
        if by_another != self.progress.elsewhere:
            # What is counted is what one process has read.
            self.progress.elsewhere, self.progress.rows = by_another, 0
            self._wake()

    def end(self, error: ConvocoreError | None) -> None:
        """Tell everybody that it is over."""
        self.error, self.done = error, True
        self._wake()

    def answers(self, read_scope: ReadScope) -> bool:
        """Whether all that an answer depends on has been read."""
        reached = self.progress.reached
        passed = read_scope.since is not None and reached is not None and reached < read_scope.since
        return passed and not read_scope.people

    def _suffices(self, read_scope: ReadScope) -> bool:
        """Whether there is something to answer with, if not in every number."""
        enough = read_scope.rows is not None and self.progress.rows >= read_scope.rows
        return enough or self.answers(replace(read_scope, people=False))

    async def wait(
        self,
        *,
        until: ReadScope | None = None,
        patience: float | None = None,
        report: Report | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> None:
        """Until it is over, has read enough to answer with, or patience ends.

        `held_up` is called once if another process makes this reading.
        """
        try:
            async with asyncio.timeout(patience):
                while not (self.done or (until and self._suffices(until))):
                    await self._moved.wait()
                    if on_lock_wait and self.progress.elsewhere:
                        on_lock_wait()
                        on_lock_wait = None
                    if report:
                        await report(self.progress.rows)
        except TimeoutError:
            log.info("A %s goes on while the question is answered without it.", self.kind)

    async def wait_on(self, *, patience: float, report: Report | None = None) -> None:
        """Until it is over, or patience ends; not for long where it won't be over by then."""
        before = self.progress.reached
        await self.wait(patience=min(TRIAL, patience), report=report)
        after = self.progress.reached
        # Where that can't be told, as with rows that bear no time, it may well be.
        if before is None or after is None or before - after >= HEADWAY:
            await self.wait(patience=max(0, patience - TRIAL), report=report)
