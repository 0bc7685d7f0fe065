"""Ending while a list is being read: at once, with no write lost."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio.to_thread
import pytest

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.sandbox import Sandbox

from .sync_harness import Gate, memory_mirror, running_harness

P = ParamSpec("P")
T = TypeVar("T")


async def test_closing_in_the_middle_of_a_walk_keeps_the_pages_that_are_in() -> None:
    """Promised by design.md: ending loses no write that was made."""
    sandbox = Sandbox(size=400)
    mirror = memory_mirror()
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, mirror=mirror) as harness:
        waiting = asyncio.ensure_future(harness.ensure_fresh())
        await gate.reached.wait()
        await harness.agent_sync.aclose()
        fresh = await waiting
        assert fresh.complete is False
        saved = harness.held
        gate.open()
    assert 0 < len(saved) < 400
    async with running_harness(sandbox, mirror=mirror) as harness:
        assert (await harness.ensure_fresh()).complete
        assert set(saved) <= set(harness.held)
        assert harness.held == harness.wanted
    mirror.close()


async def test_closing_waits_for_the_page_that_is_being_saved() -> None:
    """Promised by design.md: no write is lost; and nobody closes a database in use."""
    started, finish, saving = threading.Event(), threading.Event(), 0

    async def slowly(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def write() -> T:
            nonlocal saving
            if call.__name__ != "save":
                return call(*args, **kwargs)
            saving += 1
            started.set()
            finish.wait()
            try:
                return call(*args, **kwargs)
            finally:
                saving -= 1

        return await anyio.to_thread.run_sync(write)

    async with running_harness(Sandbox(size=100), run_in_thread=slowly) as harness:
        full_sync = asyncio.ensure_future(harness.sync())
        await anyio.to_thread.run_sync(started.wait)
        closing = asyncio.ensure_future(harness.agent_sync.aclose())
        await asyncio.wait([closing], timeout=0.05)
        assert saving
        finish.set()
        await closing
        assert saving == 0
        with pytest.raises(ConvocoreError, match="stopped"):
            await full_sync


async def test_closing_before_anything_was_read_is_an_error_for_who_waits() -> None:
    """Ours: nothing is no answer."""
    sandbox = Sandbox(size=400)
    gate = Gate(sandbox, after=0)
    async with running_harness(sandbox) as harness:
        waiting = asyncio.ensure_future(harness.ensure_fresh())
        await gate.reached.wait()
        await harness.agent_sync.aclose()
        with pytest.raises(ConvocoreError, match="stopped"):
            await waiting
        gate.open()
