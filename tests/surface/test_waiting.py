"""A call that waits for a reading says how it goes, and can be given up."""

import asyncio
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import ReadResourceRequest, ReadResourceRequestParams, ReadResourceResult

from convocore_mcp.sandbox import Sandbox
from tests.sync.sync_harness import Gate
from tests.tool_client import connected

PATIENCE = 20


async def test_progress_is_told_while_a_reading_is_waited_for(era: Any) -> None:
    """Promised by issue 4: in both eras; progress grows, says the protocol."""
    sandbox = Sandbox(size=200, latency=0.03)
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with connected(sandbox, mode=era) as tool_client:
        await tool_client.client.call_tool("list_conversations", {}, progress_callback=hear)
        assert told
        rows = [progress for progress, _, _ in told]
        assert rows == sorted(set(rows))
        assert all(message and "Reading Convocore" in message for _, _, message in told)
        # There is nothing to wait for now, and so nothing to tell.
        told.clear()
        await tool_client.client.call_tool("list_conversations", {}, progress_callback=hear)
        assert not told


async def test_a_call_given_up_stops_at_once_and_the_reading_goes_on(era: Any) -> None:
    """Promised by issue 4: the shared walk goes on for others."""
    sandbox = Sandbox(size=200)
    gate = Gate(sandbox, after=3)
    started, ended = asyncio.Semaphore(0), asyncio.Event()

    async def watch(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        started.release()
        try:
            return await call_next(ctx)
        except asyncio.CancelledError:
            ended.set()
            raise

    async with (
        connected(sandbox, mode=era, middleware=[watch]) as tool_client,
        asyncio.timeout(PATIENCE),
    ):
        given_up, other = (
            asyncio.create_task(tool_client.ask("list_conversations", limit=1)) for _ in range(2)
        )
        await gate.reached.wait()
        await started.acquire()
        await started.acquire()
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        await ended.wait()  # while the reading is still held back
        assert not other.done()
        gate.open()
        answer = await other
    assert answer["total"] == len(list(sandbox.rows()))
    assert answer["freshness"]["complete"]


async def test_resources_tell_how_reading_goes_too(era: Any) -> None:
    """Ours: they wait for the same readings."""
    sandbox = Sandbox(size=100, latency=0.05)
    told: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with connected(sandbox, mode=era) as tool_client:
        await progress_of_reading(tool_client.client, hear)
    assert told


async def progress_of_reading(client: Client, hear: Any) -> None:
    """Read hot leads with a progress token; the SDK has no argument for one."""
    uri = "convocore://agents/demo-agent/hot-leads"
    request = ReadResourceRequest(params=ReadResourceRequestParams(uri=uri))
    with anyio.fail_after(PATIENCE):
        await client.session.send_request(request, ReadResourceResult, progress_callback=hear)
