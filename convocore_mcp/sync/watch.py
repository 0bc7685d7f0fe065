"""Reading on by itself: only while somebody wants to hear of changes."""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.models import Freshness

log = logging.getLogger(__name__)

LEAST_PAUSE = timedelta(seconds=1)
AFTER_TROUBLE = timedelta(seconds=30)


class Fresh(Protocol):
    """What reads (`upkeep.Upkeep`), and who is told when it has."""

    listeners: list[Callable[[str], None]]

    async def ensure_fresh(self, agent_id: str) -> Freshness:
        """Make the mirror fresh."""
        ...


class Watch:
    """Reads the front of watched agents' lists again, as soon as what is known gets old.

    `listeners` are called with the agent after every reading, whoever asked for it, and after
    every look at a mirror that another process keeps fresh; what changed the mirror says.
    """

    def __init__(
        self, agent_sync: Fresh, *, incremental_sync: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._agent_sync = agent_sync
        self._tail = incremental_sync
        self._now = now
        self._watching: dict[str, anyio.CancelScope] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.listeners: list[Callable[[str], None]] = []
        agent_sync.listeners.append(self._tell)

    def watch(self, agents: Collection[str]) -> None:
        """Watch these agents from now on, and no others."""
        for agent_id in self._watching.keys() - set(agents):
            self._watching.pop(agent_id).cancel()
        for agent_id in set(agents) - self._watching.keys():
            # Not a task's own `cancel`, which would leave a thread alone with the database.
            scope = self._watching[agent_id] = anyio.CancelScope()
            task = asyncio.create_task(self._keep_reading(agent_id, scope))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Watch nobody any more."""
        self.watch(())
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_reading(self, agent_id: str, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                pause = await self._read(agent_id)
                await asyncio.sleep(pause.total_seconds())

    async def _read(self, agent_id: str) -> timedelta:
        """Read once; returns how long nothing need be read."""
        try:
            fresh = await self._agent_sync.ensure_fresh(agent_id)
        except ConvocoreError as error:
            log.warning("Watching goes on in spite of %s: %s", error.code, error.message)
            return AFTER_TROUBLE
        except Exception:
            # Nobody awaits this task: a bug must show here, and not end the watch.
            log.exception("Watching failed, and is tried again.")
            return AFTER_TROUBLE
        self._tell(agent_id)
        return max(fresh.as_of + self._tail - self._now(), LEAST_PAUSE)

    def _tell(self, agent_id: str) -> None:
        for hear in self.listeners:
            hear(agent_id)
