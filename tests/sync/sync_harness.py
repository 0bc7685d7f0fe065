"""A mirror of a sandbox, and what keeps it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, ParamSpec, TypeVar

import anyio.to_thread
from sqlalchemy import select

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.models import Coverage, Freshness, ReadScope
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.schema import CURRENT, conversations
from convocore_mcp.store.database.sync_locks import NoSyncLocks, SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.agent_sync import AgentSync, Schedule
from convocore_mcp.sync.list_reader import Bounds, Reader, RunInThread
from tests.api.api_client import api_client, quiet

P = ParamSpec("P")
T = TypeVar("T")


async def at_once(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like a thread, but without one."""
    return call(*args, **kwargs)


async def run_in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await anyio.to_thread.run_sync(lambda: call(*args, **kwargs))


def memory_mirror() -> MirrorWriter:
    """An empty one, in memory."""
    return MirrorWriter(
        open_database("memory", owner="test"),
        Rules(keys=derive_keys, merge_affected=merge_affected),
    )


class Gate:
    """Holds back list requests from a certain one on, until it is opened."""

    def __init__(self, sandbox: Sandbox, *, after: int) -> None:
        self.reached = asyncio.Event()
        self._after = after
        self._home = asyncio.get_running_loop()
        self._away: asyncio.AbstractEventLoop | None = None  # the server has a loop of its own
        self._opened = asyncio.Event()
        sandbox.on_request.append(self.hold)

    async def hold(self, number: int) -> None:
        self._away = asyncio.get_running_loop()
        if number > self._after:
            self._home.call_soon_threadsafe(self.reached.set)
            await self._opened.wait()

    def open(self) -> None:
        assert self._away is not None
        self._away.call_soon_threadsafe(self._opened.set)


class Row(NamedTuple):
    """What is compared of a conversation."""

    id: str
    at: int
    messages: int
    stage: str | None


def held(mirror: MirrorWriter, agent_id: str) -> list[Row]:
    """What the mirror holds."""
    c = conversations.c
    query = select(c.id, c.last_activity, c.messages, c.stage).where(
        c.agent_id == agent_id, c.valid_to == CURRENT
    )
    with mirror.database.reading() as connection:
        return sorted(Row(*row) for row in connection.execute(query))


def wanted(sandbox: Sandbox) -> list[Row]:
    """The same of the sandbox's rows, worked out by hand."""

    def seen(row: dict[str, Any]) -> Row:
        return Row(row["ID"], _at(row), int(row["messagesNum"]), row.get("stage"))

    return sorted(map(seen, sandbox.rows()))


def _at(row: dict[str, Any]) -> int:
    return int(row["ts"] if row["ts"] > 10**11 else row["ts"] * 1000)


@dataclass
class Time:
    """The time of day, which a test can move on."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_(self, **amount: float) -> None:
        self.ahead += timedelta(**amount)


@dataclass
class SyncHarness:
    """Everything between a sandbox and a question."""

    sandbox: Sandbox
    client: ConvocoreClient
    mirror: MirrorWriter
    agent_sync: AgentSync
    time: Time

    async def fresh(self, since: datetime | None = None) -> Freshness:
        return await self.agent_sync.fresh(self.sandbox.agent_id, ReadScope(since=since))

    async def sync(self) -> None:
        await self.agent_sync.sync(self.sandbox.agent_id)

    async def at_rest(self) -> None:
        """Until nothing is read behind the answers any more."""
        for run in list(self.agent_sync._runs.values()):  # noqa: SLF001
            await run.wait()

    async def asked(self) -> int:
        """List requests since the last time."""
        await quiet(self.sandbox)
        count = len(self.sandbox.requests)
        self.sandbox.requests.clear()
        return count

    @property
    def coverage(self) -> Coverage:
        return self.mirror.coverage(self.sandbox.agent_id)

    @property
    def held(self) -> list[Row]:
        return held(self.mirror, self.sandbox.agent_id)

    @property
    def wanted(self) -> list[Row]:
        return wanted(self.sandbox)

    def wanted_since(self, at: float) -> list[Row]:
        """The rows from a time in milliseconds on."""
        fitting = itertools.takewhile(lambda row: _at(row) >= at, self.sandbox.rows())
        return [Row(row["ID"], _at(row), 0, None) for row in fitting]


@asynccontextmanager
async def running_harness(
    sandbox: Sandbox,
    *,
    schedule: Schedule | None = None,
    bounds: Bounds | None = None,
    key: str | None = None,
    mirror: MirrorWriter | None = None,
    run_in_thread: RunInThread = run_in_thread,
    sync_locks: SyncLocks | None = None,
) -> AsyncIterator[SyncHarness]:
    time, ours = Time(), mirror or memory_mirror()
    async with api_client(sandbox, key=key, now=time) as client:
        agent_sync = AgentSync(
            Reader(client, ours, now=time, run_in_thread=run_in_thread, bounds=bounds or Bounds()),
            ours,
            client.throttle,
            now=time,
            run_in_thread=run_in_thread,
            schedule=schedule or Schedule(),
            sync_locks=sync_locks or NoSyncLocks(),
        )
        try:
            yield SyncHarness(sandbox, client, ours, agent_sync, time)
        finally:
            await agent_sync.aclose()
            if mirror is None:
                ours.close()
