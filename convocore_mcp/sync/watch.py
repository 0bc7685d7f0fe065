"""Syncs watched agents again and again, so that subscribers are notified without asking."""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import anyio

from convocore_mcp.errors import ConvocoreError, ReplacedMirrorError
from convocore_mcp.sync.agent_syncs import AgentSyncs

log = logging.getLogger(__name__)

MIN_PAUSE = timedelta(seconds=1)
PAUSE_AFTER_ERROR = timedelta(seconds=30)


class Watch:
    """Runs an incremental sync of each watched agent as soon as the mirror is `interval` old.

    `listeners` are called with the agent's ID after every sync, whatever caused it, and after
    every look at a mirror that another process keeps fresh. They find out themselves what changed.
    """

    def __init__(
        self, syncs: AgentSyncs, *, interval: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._syncs = syncs
        self._interval = interval
        self._now = now
        self._watching: dict[str, anyio.CancelScope] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.listeners: list[Callable[[str], None]] = []
        syncs.listeners.append(self._notify_listeners)

    def watch(self, agents: Collection[str]) -> None:
        """Watch these agents from now on, and no others."""
        for agent_id in self._watching.keys() - set(agents):
            self._watching.pop(agent_id).cancel()
        for agent_id in set(agents) - self._watching.keys():
            # A task's own `cancel` would abandon a thread that is using the database.
            scope = self._watching[agent_id] = anyio.CancelScope()
            task = asyncio.create_task(self._keep_fresh(agent_id, scope))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Stop watching."""
        self.watch(())
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_fresh(self, agent_id: str, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                pause = await self._refresh(agent_id)
                await asyncio.sleep(pause.total_seconds())

    async def _refresh(self, agent_id: str) -> timedelta:
        """Make the mirror fresh once; returns how long it stays fresh."""
        try:
            freshness = await self._syncs.ensure_fresh(agent_id)
        except ReplacedMirrorError as error:
            log.warning("The mirror is filled again: %s", error.message)
            return MIN_PAUSE
        except ConvocoreError as error:
            log.warning("Still watching after an error (%s): %s", error.code, error.message)
            return PAUSE_AFTER_ERROR
        except Exception:
            # Nobody awaits this task: a bug must show here, and not end the watch.
            log.exception("Still watching after a bug.")
            return PAUSE_AFTER_ERROR
        self._notify_listeners(agent_id)
        pause = freshness.as_of + self._interval - self._now()
        # At most the interval: the clock may have been set back.
        return max(min(pause, self._interval), MIN_PAUSE)

    def _notify_listeners(self, agent_id: str) -> None:
        for listener in self.listeners:
            listener(agent_id)
