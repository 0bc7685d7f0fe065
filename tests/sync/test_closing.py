"""Closing during a sync: it ends at once, and no write is lost."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio.to_thread
import pytest

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.sandbox import Sandbox

from .sync_harness import Gate, open_mirror, running_harness

P = ParamSpec("P")
T = TypeVar("T")


async def test_closing_in_the_middle_of_a_full_sync_keeps_the_saved_pages() -> None:
    """Promised by docs/architecture.md, "The mirror": a run that is cut short keeps its rows."""
    sandbox = Sandbox(size=400)
    mirror = open_mirror("memory")
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, mirror=mirror) as harness:
        answer = asyncio.ensure_future(harness.ensure_fresh())
        await gate.reached.wait()
        await harness.syncs.aclose()
        freshness = await answer
        assert freshness.complete is False
        saved = harness.mirror_rows
        gate.open()
    assert 0 < len(saved) < 400
    async with running_harness(sandbox, mirror=mirror) as harness:
        assert (await harness.ensure_fresh()).complete
        assert set(saved) <= set(harness.mirror_rows)
        assert harness.mirror_rows == harness.upstream_rows
    mirror.close()


async def test_closing_waits_for_the_page_that_is_being_saved() -> None:
    """Ours: no write is lost, and the database is not closed while it is in use."""
    started, finish, saves_running = threading.Event(), threading.Event(), 0

    async def run_slowly(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def run() -> T:
            nonlocal saves_running
            if call.__name__ != "save":
                return call(*args, **kwargs)
            saves_running += 1
            started.set()
            finish.wait()
            try:
                return call(*args, **kwargs)
            finally:
                saves_running -= 1

        return await anyio.to_thread.run_sync(run)

    async with running_harness(Sandbox(size=100), run_in_thread=run_slowly) as harness:
        full_sync = asyncio.ensure_future(harness.sync())
        await anyio.to_thread.run_sync(started.wait)
        closing = asyncio.ensure_future(harness.syncs.aclose())
        for _ in range(100):  # a close that did not wait would be done by then
            await asyncio.sleep(0)
        assert not closing.done()
        assert saves_running
        finish.set()
        await closing
        assert saves_running == 0
        with pytest.raises(ConvocoreError, match="stopped"):
            await full_sync


async def test_closing_before_the_first_page_is_an_error_for_the_waiting_caller() -> None:
    """Ours: an empty mirror gives no answer."""
    sandbox = Sandbox(size=400)
    gate = Gate(sandbox, after=0)
    async with running_harness(sandbox) as harness:
        answer = asyncio.ensure_future(harness.ensure_fresh())
        await gate.reached.wait()
        await harness.syncs.aclose()
        with pytest.raises(ConvocoreError, match="stopped"):
            await answer
        gate.open()
