"""Several processes on one mirror: one reads, the others wait for what it brings."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from convocore_mcp.store.mirror import Mirror
from convocore_mcp.store.turn import EndTurn, Turns
from convocore_mcp.sync.flight import Flight, last_read
from convocore_mcp.sync.reading import InThread

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 1.5
"""Seconds after which a process that waits looks again; so long a turn may lie idle."""


class Queue:
    """Where a reading waits until it is this process's turn."""

    def __init__(self, turns: Turns, mirror: Mirror, in_thread: InThread) -> None:
        self._turns = turns
        self._mirror = mirror
        self._in_thread = in_thread

    @asynccontextmanager
    async def turn(self, agent_id: str, flight: Flight) -> AsyncIterator[bool]:
        """Wait for the turn; gives whether there is still anything to be read.

        Not if another process has done it since the reading was decided on. One that dies or
        fails leaves it to us.
        """
        end = await self._take(agent_id, flight.kind)
        if end is None:
            end = await self._wait(agent_id, flight)
        try:
            coverage = await self._in_thread(self._mirror.coverage, agent_id)
            flight.elsewhere(last_read(coverage, flight.kind) != flight.last)
            yield not flight.progress.elsewhere
        finally:
            with anyio.CancelScope(shield=True):
                await self._in_thread(end)

    async def _take(self, agent_id: str, kind: str) -> EndTurn | None:
        end: EndTurn | None = None
        # Shielded, so that a turn that was got is a turn that is ended.
        with anyio.CancelScope(shield=True):
            end = await self._in_thread(self._turns.take, agent_id, kind)
        return end  # noqa: RET504  to mypy a scope may swallow an error

    async def _wait(self, agent_id: str, flight: Flight) -> EndTurn:
        log.info("Another process makes this %s already; waiting for what it brings.", flight.kind)
        flight.elsewhere(True)
        pause, end = FIRST_PAUSE, None
        while end is None:
            if flight.kind == "walk" and flight.last is None:
                await self._look(agent_id, flight)
            await anyio.sleep(pause)
            end = await self._take(agent_id, flight.kind)
            pause = min(pause * GROWTH, LONGEST_PAUSE)
        return end

    async def _look(self, agent_id: str, flight: Flight) -> None:
        """See how far the other's first reading has got: it may be enough for who waits."""
        coverage = await self._in_thread(self._mirror.coverage, agent_id)
        reached = await self._in_thread(self._mirror.reached, agent_id)
        progress = flight.progress
        if coverage.as_of is not None and reached is not None:  # else a crash left what is here
            progress.began = coverage.as_of
            progress.rows, progress.oldest = coverage.conversations, coverage.oldest
            progress.reached = reached
            progress.moved()
