"""The agents' syncs as the rest of the program sees them: one `AgentSync` for each agent."""

import asyncio
from collections.abc import Callable, Hashable
from datetime import timedelta

import anyio

from convocore_mcp.models import EVERYTHING, Freshness, ReadScope
from convocore_mcp.store.engines.data_version import DataVersion
from convocore_mcp.store.engines.shared_read import SharedRead
from convocore_mcp.sync.agent_sync import AgentSync, SyncParts
from convocore_mcp.sync.details.agent_details import AgentDetails
from convocore_mcp.sync.page_writer import Progress
from convocore_mcp.sync.sync_run import ReportProgress

MAX_STATE_SECONDS = 0.5
"""How long a call may wait for the state of the data, to learn whether anything has changed."""
ONE_SECOND = timedelta(seconds=1)


class AgentSyncs:
    """Keeps the mirror fresh for every agent; an `AgentSync` is made when first asked for.

    `listeners` are called with the agent's ID after every run of a sync, however it ended.
    """

    def __init__(self, parts: SyncParts) -> None:
        self._parts = parts
        self._by_agent: dict[str, AgentSync] = {}
        self._data_version = DataVersion(parts.mirror.database)
        self._state = SharedRead(self._read_state)
        self.listeners: list[Callable[[str], None]] = []

    async def ensure_fresh(
        self,
        agent_id: str,
        scope: ReadScope = EVERYTHING,
        *,
        report_progress: ReportProgress | None = None,
        patient: bool = False,
    ) -> Freshness:
        """Sync what a question needs, waiting a bounded time (`AgentSync.ensure_fresh`).

        Raises:
            ApiError: Convocore refuses the key or the agent, or fails while the mirror is empty.
        """
        return await self._of(agent_id).ensure_fresh(
            scope, report_progress=report_progress, patient=patient
        )

    async def sync(
        self,
        agent_id: str,
        *,
        full: bool = True,
        report_progress: ReportProgress | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> Progress:
        """Sync now, and wait for the end (`AgentSync.sync`).

        Raises:
            ApiError: Convocore failed for good.
            ConvocoreError: the sync was stopped by `aclose`, or failed because of a bug.
        """
        return await self._of(agent_id).sync(
            full=full, report_progress=report_progress, on_lock_wait=on_lock_wait
        )

    async def answer_state(self) -> Hashable | None:
        """Identifies the state that answers depend on: the second, the syncs and the data.

        Answers show times to the second. `None` if a sync is running, if syncs are due within each
        second, or if the state of the data can't be read soon.
        """
        if self._parts.schedule.incremental_after < ONE_SECOND:
            return None
        with anyio.move_on_after(MAX_STATE_SECONDS):
            return await self._state.get()
        return None

    async def _read_state(self) -> Hashable | None:
        states = tuple(agent_sync.state() for agent_sync in self._by_agent.values())
        second = int(self._parts.now().timestamp())
        if None in states:
            return None
        version = await self._parts.read_in_thread(self._data_version.read)
        return None if version is None else (second, states, version)

    def details(self, agent_id: str) -> AgentDetails:
        """What reads the details of an agent's conversations."""
        return self._of(agent_id).details

    async def aclose(self) -> None:
        """Stop all runs, and wait until they have ended; what was saved stays."""
        await asyncio.gather(*(agent_sync.aclose() for agent_sync in self._by_agent.values()))
        await self._state.finish()
        await self._parts.read_in_thread(self._data_version.close)

    def _of(self, agent_id: str) -> AgentSync:
        if agent_id not in self._by_agent:
            self._by_agent[agent_id] = AgentSync(
                agent_id, self._parts, on_run_end=self._notify_listeners
            )
        return self._by_agent[agent_id]

    def _notify_listeners(self, agent_id: str) -> None:
        for listener in self.listeners:
            listener(agent_id)
