"""What tools work with. Built at the first question: starting touches neither network nor disk."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import anyio

from convocore_mcp.errors import InvalidArgumentError, NotConfiguredError

if TYPE_CHECKING:  # not needed to list the tools
    from convocore_mcp.models import Coverage, Freshness, ReadScope
    from convocore_mcp.store.read.change_log import ChangeLog
    from convocore_mcp.store.read.completion import CompletionReader
    from convocore_mcp.store.read.mirror_reader import MirrorReader
    from convocore_mcp.sync.details import DetailsFetcher

P = ParamSpec("P")
T = TypeVar("T")
Report = Callable[[int], Awaitable[None]]
"""Told how many rows have been read so far."""
REPORT_EVERY = 0.25
"""Seconds between two reports of progress: pages may come faster than anybody looks."""


class Fresh(Protocol):
    """Makes the mirror fresh enough for a question (`sync.upkeep.Upkeep`)."""

    async def fresh(
        self, agent_id: str, read_scope: "ReadScope" = ..., *, report: Report | None = None
    ) -> "Freshness":
        """Wait, a bounded time, until what is needed has been read (by default everything)."""
        ...


class HasRead(Protocol):
    """What one reading has read (`sync.progress.Progress`)."""

    pages: int
    rows: int
    elsewhere: bool
    """Another process has read it instead."""


class Sync(Protocol):
    """Reads now, and waits for the end of it (`sync.upkeep.Upkeep.sync`)."""

    async def __call__(
        self,
        agent_id: str,
        *,
        full: bool = True,
        report: Report | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> HasRead:
        """Read everything, or what came since the last complete reading.

        `held_up` is called once if another process is at it already.
        """
        ...


class Watching(Protocol):
    """Reads on while somebody wants to hear of changes (`sync.watch.Watch`)."""

    listeners: list[Callable[[str], None]]
    """Called with the agent that was read."""

    def watch(self, agents: Collection[str]) -> None:
        """Watch these agents, and no others."""
        ...


class Progress(Protocol):
    """Tells a client how far a call has got (`Context.report_progress`)."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Send it, if the client asked for it."""
        ...


class Reported:
    """An upkeep whose caller hears how reading goes."""

    def __init__(self, agent_sync: Fresh, progress: Progress) -> None:
        self._agent_sync = agent_sync
        self._progress = progress
        self._told = 0
        self._due = 0.0

    async def fresh(
        self, agent_id: str, read_scope: "ReadScope | None" = None, *, report: Report | None = None
    ) -> "Freshness":
        """As `Fresh.fresh`."""
        scope = () if read_scope is None else (read_scope,)
        return await self._agent_sync.fresh(agent_id, *scope, report=report or self._report)

    async def _report(self, read: int) -> None:
        now = asyncio.get_running_loop().time()
        # Progress must grow, says the protocol: a second look at the front may bring nothing.
        if read > self._told and now >= self._due:
            self._told, self._due = read, now + REPORT_EVERY
            await self._progress(read, None, f"Reading Convocore: {read:,} conversations so far")


class Read(Protocol):
    """Runs a blocking read off the event loop."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Await what `call` returns."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """The parts behind the tools."""

    agents: tuple[str, ...]
    region: str
    mirror_reader: "MirrorReader"
    change_log: "ChangeLog"
    completion_reader: "CompletionReader"
    agent_sync: Fresh
    sync: Sync
    watch: Watching
    refresh_interval: timedelta
    """How old an answer may get before the front of the list is read again."""
    details: "DetailsFetcher"
    coverage: "Callable[[str], Coverage]"
    now: Callable[[], datetime]
    read: Read
    close: Callable[[], Awaitable[None]]

    def agent(self, agent_id: str) -> str:
        """The agent that is meant: the only one, or the one named.

        Raises:
            InvalidArgumentError: it is not configured, or there are several and none was named.
        """
        listed = ", ".join(self.agents)
        if not agent_id:
            if len(self.agents) == 1:
                return self.agents[0]
            raise InvalidArgumentError(
                "agent_id: several agents are configured, so one must be named.",
                hint=f"Valid agent_id: {listed}.",
            )
        if agent_id not in self.agents:
            raise InvalidArgumentError(
                f"agent_id: {agent_id!r} is not configured.", hint=f"Valid agent_id: {listed}."
            )
        return agent_id


class App:
    """Holds the backend for the server's lifetime; `record_schema` describes a record.

    `agents` reads the configured agents off the settings, so that they can be listed without
    opening the mirror.
    """

    def __init__(
        self,
        build: Callable[[], Awaitable[Backend]],
        *,
        agents: Callable[[], Awaitable[Sequence[str]]],
        version: str,
        record_schema: Callable[[], dict[str, Any]],
    ) -> None:
        self.version = version
        self.record_schema = record_schema
        self._build = build
        self._agents = agents
        self._backend: Backend | None = None
        self._building = anyio.Lock()

    async def agents(self) -> Sequence[str]:
        """The configured agents. Opens nothing.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        return self._backend.agents if self._backend else await self._agents()

    async def backend(self, progress: Progress | None = None) -> Backend:
        """The backend, built at the first call; `progress` hears of readings that are waited for.

        Raises:
            NotConfiguredError: a setting is missing or wrong; asked again at the next call.
            MirrorError: the mirror can't be opened.
        """
        async with self._building:
            if self._backend is None:
                self._backend = await self._build()
            if not self._backend.agents:
                raise NotConfiguredError(
                    "No agent is configured.",
                    hint="Set CONVOCORE_AGENT_ID to your agent's ID, or to several with commas.",
                )
            built = self._backend
        return (
            replace(built, agent_sync=Reported(built.agent_sync, progress)) if progress else built
        )

    async def aclose(self) -> None:
        """Stop reading and close the mirror."""
        if self._backend is not None:
            await self._backend.close()
            self._backend = None
