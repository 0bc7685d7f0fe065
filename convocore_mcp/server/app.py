"""What tools work with. Built at the first question: starting touches neither network nor disk."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import anyio

from convocore_mcp.errors import InvalidArgumentError, NotConfiguredError
from convocore_mcp.models import Coverage, Freshness
from convocore_mcp.server.singles import Singles

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.changes import History
    from convocore_mcp.store.queries import Queries

P = ParamSpec("P")
T = TypeVar("T")


class Fresh(Protocol):
    """Makes the mirror fresh enough for a question (`sync.upkeep.Upkeep`)."""

    async def fresh(self, agent_id: str, *, since: datetime | None = None) -> Freshness:
        """Wait, a bounded time, until the time from `since` on has been read."""
        ...


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
    queries: "Queries"
    history: "History"
    upkeep: Fresh
    singles: Singles
    coverage: Callable[[str], Coverage]
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
    """Holds the backend for the server's lifetime; `record_schema` describes a record."""

    def __init__(
        self,
        build: Callable[[], Awaitable[Backend]],
        *,
        version: str,
        record_schema: Callable[[], dict[str, Any]],
    ) -> None:
        self.version = version
        self.record_schema = record_schema
        self._build = build
        self._backend: Backend | None = None
        self._building = anyio.Lock()

    async def backend(self) -> Backend:
        """The backend, built at the first call.

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
            return self._backend

    async def aclose(self) -> None:
        """Stop reading and close the mirror."""
        if self._backend is not None:
            await self._backend.close()
            self._backend = None
