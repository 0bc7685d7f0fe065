"""A sandbox, a mirror of it, and the syncs between them."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import anyio.to_thread
from sqlalchemy import select

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.due_dates import due_dates_of_row
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.models import Coverage, Freshness, ReadScope
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import CURRENT, conversations
from convocore_mcp.store.database.sync_locks import NoSyncLocks, SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.agent_sync import SyncParts
from convocore_mcp.sync.agent_syncs import AgentSyncs
from convocore_mcp.sync.decisions import Schedule
from convocore_mcp.sync.full_sync import FullSync
from convocore_mcp.sync.incremental_sync import incremental_sync
from convocore_mcp.sync.page_writer import PageWriter, Progress, RunInThread, SyncLimits
from tests.api.api_client import api_client, utc_now, wait_until_idle

P = ParamSpec("P")
T = TypeVar("T")

PATIENT = Schedule(first_sync_patience=18, incremental_patience=18)
"""Tests run beside each other, and a busy machine takes longer."""


async def run_inline(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call where others use a thread: faster in tests with many short calls."""
    return call(*args, **kwargs)


async def run_in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await anyio.to_thread.run_sync(lambda: call(*args, **kwargs))


def mirror_on(database: Database) -> MirrorWriter:
    return MirrorWriter(
        database, Rules(keys=derive_keys, merge_affected=merge_affected, due_dates=due_dates_of_row)
    )


def open_mirror(location: str | Path, *, owner: str = "test") -> MirrorWriter:
    return mirror_on(open_database(location, owner=owner))


class Gate:
    """Holds back list requests after the first `after`, until it is opened."""

    def __init__(self, sandbox: Sandbox, *, after: int) -> None:
        self.reached = asyncio.Event()
        self._after = after
        self._test_loop = asyncio.get_running_loop()
        self._server_loop: asyncio.AbstractEventLoop | None = None
        self._opened = asyncio.Event()
        sandbox.on_request.append(self._hold)

    async def _hold(self, number: int) -> None:
        self._server_loop = asyncio.get_running_loop()
        if number > self._after:
            self._test_loop.call_soon_threadsafe(self.reached.set)
            await self._opened.wait()

    def open(self) -> None:
        assert self._server_loop is not None
        self._server_loop.call_soon_threadsafe(self._opened.set)


class Row(NamedTuple):
    """The fields of a conversation that tests compare."""

    id: str
    last_activity_ms: int
    messages: int
    stage: str | None


def mirror_rows(mirror: MirrorWriter, agent_id: str) -> list[Row]:
    """The conversations that the mirror holds now."""
    c = conversations.c
    query = select(c.id, c.last_activity, c.messages, c.stage).where(
        c.agent_id == agent_id, c.valid_to == CURRENT
    )
    with mirror.database.reading() as connection:
        return sorted(Row(*row) for row in connection.execute(query))


def upstream_rows(sandbox: Sandbox) -> list[Row]:
    """The same of the sandbox's rows, computed independently."""

    def expected(row: dict[str, Any]) -> Row:
        return Row(row["ID"], _last_activity_ms(row), int(row["messagesNum"]), row.get("stage"))

    return sorted(map(expected, sandbox.rows()))


def activity_times(sandbox: Sandbox) -> list[datetime]:
    """When each of the sandbox's conversations was last active, newest first."""
    return [datetime.fromtimestamp(_last_activity_ms(row) / 1000, UTC) for row in sandbox.rows()]


def _last_activity_ms(row: dict[str, Any]) -> int:
    return int(row["ts"] if row["ts"] > 10**11 else row["ts"] * 1000)


@dataclass
class AdjustableClock:
    """The time of day, plus what the test has added."""

    offset: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def advance(self, **amount: float) -> None:
        self.offset += timedelta(**amount)


@dataclass
class DirectSyncs:
    """The syncs of one agent in one process, run directly: no schedule, no lock, no waiting."""

    client: ConvocoreClient
    mirror: MirrorWriter
    agent_id: str
    run_in_thread: RunInThread = run_inline
    now: Callable[[], datetime] = utc_now

    async def full_sync(self) -> Progress:
        writer = self._writer()
        await FullSync(self.client, writer).run()
        return writer.progress

    async def incremental_sync(self) -> None:
        await incremental_sync(self.client, self._writer())

    def _writer(self) -> PageWriter:
        return PageWriter(
            self.agent_id,
            self.mirror,
            Progress(),
            now=self.now,
            run_in_thread=self.run_in_thread,
            limits=SyncLimits(),
        )


@dataclass
class SyncHarness:
    """Everything between a sandbox and a question, as one process builds it."""

    sandbox: Sandbox
    client: ConvocoreClient
    mirror: MirrorWriter
    syncs: AgentSyncs
    clock: AdjustableClock

    async def ensure_fresh(self, since: datetime | None = None) -> Freshness:
        return await self.syncs.ensure_fresh(self.sandbox.agent_id, ReadScope(since=since))

    async def sync(self) -> None:
        await self.syncs.sync(self.sandbox.agent_id)

    async def wait_for_runs(self) -> None:
        """Wait until no sync runs in the background any more."""
        for agent_sync in self.syncs._by_agent.values():  # noqa: SLF001
            for run in list(agent_sync._runs.values()):  # noqa: SLF001
                await run.wait()

    async def count_requests(self) -> int:
        """The number of list requests since the last count."""
        await wait_until_idle(self.sandbox)
        count = len(self.sandbox.requests)
        self.sandbox.requests.clear()
        return count

    @property
    def coverage(self) -> Coverage:
        return self.mirror.coverage(self.sandbox.agent_id)

    @property
    def mirror_rows(self) -> list[Row]:
        return mirror_rows(self.mirror, self.sandbox.agent_id)

    @property
    def upstream_rows(self) -> list[Row]:
        return upstream_rows(self.sandbox)

    def ids_since(self, since: datetime) -> set[str]:
        """The IDs of the sandbox's newest conversations, down to one last active before `since`."""
        oldest_ms = since.timestamp() * 1000
        recent = itertools.takewhile(
            lambda row: _last_activity_ms(row) >= oldest_ms, self.sandbox.rows()
        )
        return {row["ID"] for row in recent}


@asynccontextmanager
async def running_harness(
    sandbox: Sandbox,
    *,
    schedule: Schedule | None = None,
    limits: SyncLimits | None = None,
    key: str | None = None,
    mirror: MirrorWriter | None = None,
    run_in_thread: RunInThread = run_in_thread,
    sync_locks: SyncLocks | None = None,
) -> AsyncIterator[SyncHarness]:
    """A harness over `mirror`, which stays open, or over a new mirror in memory."""
    clock, used_mirror = AdjustableClock(), mirror or open_mirror("memory")
    async with api_client(sandbox, key=key, now=clock) as client:
        syncs = AgentSyncs(
            SyncParts(
                upstream=client,
                health=client.throttle,
                mirror=used_mirror,
                sync_locks=sync_locks or NoSyncLocks(),
                now=clock,
                write_in_thread=run_in_thread,
                read_in_thread=run_in_thread,
                schedule=schedule or PATIENT,
                limits=limits or SyncLimits(),
            )
        )
        try:
            yield SyncHarness(sandbox, client, used_mirror, syncs, clock)
        finally:
            await syncs.aclose()
            if mirror is None:
                used_mirror.close()
