"""Both ways through a list: nothing is missed, and nothing is left behind."""

import asyncio
import gc
import itertools
from contextlib import aclosing

import pytest

from convocore_mcp.sandbox import Dialect, Sandbox

from .api_client import all_pages_of_client, api_client, asked, found, quiet, truth

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])


@BOTH
@pytest.mark.parametrize("size", [0, 1, 19, 20, 21, 97, 100, 101, 640])
async def test_a_walk_finds_all_there_is_newest_first(dialect: Dialect, size: int) -> None:
    """Promised by issue 2: every conversation, in the list's order, in both dialects."""
    sandbox = Sandbox(size=size, dialect=dialect)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)
        assert await found(client, sandbox) == truth(sandbox)  # now that the dialect is known


@pytest.mark.parametrize("max_limit", [20, 33, 99, 100, 250])
async def test_any_limit_a_workspace_honours_will_do(max_limit: int) -> None:
    """Promised by upstream: `limit` is capped, and nobody says where."""
    sandbox = Sandbox(size=900, dialect="page", max_limit=max_limit, seed=3)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)


async def test_a_workspace_that_refuses_large_limits_is_read_in_small_ones() -> None:
    """Ours: 100 is a guess, 20 is documented."""
    sandbox = Sandbox(size=150, dialect="page", max_limit=20)
    sandbox.fail_next(400, after=1)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)


@BOTH
async def test_short_and_empty_pages_are_not_the_end(dialect: Dialect) -> None:
    """Promised by upstream: empty conversations are filtered, perhaps after slicing."""
    sandbox = Sandbox(size=2100, dialect=dialect, max_limit=20, seed=5)
    async with api_client(sandbox) as client:
        assert set(await found(client, sandbox)) == set(truth(sandbox))
    assert sandbox.max_limit == 20


@pytest.mark.parametrize("times", [1, 2, 3, 7])
async def test_empty_pages_by_cursor_go_on(times: int) -> None:
    """Promised by design.md: only a missing cursor ends the cursor dialect."""
    sandbox = Sandbox(size=120)
    sandbox.empty_next(after=2, times=times)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_page_that_is_empty_by_mistake_is_asked_for_again(times: int) -> None:
    """Promised by design.md: an empty page neither ends a walk by numbers nor hides its rows."""
    sandbox = Sandbox(size=700, dialect="page")
    sandbox.empty_next(after=4, times=times)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)


async def test_three_empty_pages_are_the_end_and_no_more_are_asked_for_than_are_under_way() -> None:
    """Promised by design.md: the page dialect ends after three empty pages in a row."""
    sandbox = Sandbox(size=50, dialect="page")
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)
        assert len(sandbox.requests) <= 2 + 3 + 1 + 3


async def test_the_rows_pulled_forward_by_a_deletion_at_the_end_are_found() -> None:
    """Ours: pages beyond the end prove nothing, the last rows are read again (`numbered`)."""
    sandbox = Sandbox(size=0, dialect="page", max_limit=20)
    sandbox.replace([{"ID": f"c{n}", "ts": 9000 - n} for n in range(23)])
    doomed = [f"c{n}" for n in range(5)]

    def shrink(number: int) -> None:
        if number == 3:  # the front is read: rows 20 to 22 slip onto the first page
            for conversation_id in doomed:
                sandbox.delete(conversation_id)

    sandbox.on_request.append(shrink)
    async with api_client(sandbox) as client:
        ids = await found(client, sandbox)
    assert set(ids) >= {f"c{n}" for n in range(5, 23)}


@BOTH
async def test_a_row_that_nobody_touches_is_found_though_the_list_shrinks(dialect: Dialect) -> None:
    """Promised by design.md: a deletion hides no row between two pages."""
    sandbox = Sandbox(size=900, dialect=dialect)
    ids = truth(sandbox)
    doomed = iter(ids[:200:2])

    def shrink(_: int) -> None:
        for conversation_id in itertools.islice(doomed, 2):
            sandbox.delete(conversation_id)

    sandbox.on_request.append(shrink)
    async with api_client(sandbox) as client:
        seen = await found(client, sandbox)
    assert set(truth(sandbox)) <= set(seen)


async def test_page_numbers_are_read_eight_at_a_time_at_most() -> None:
    """Promised by issue 2: bounded concurrency in the page dialect."""
    sandbox = Sandbox(size=1200, dialect="page", max_limit=20)
    under_way, most = 0, 0

    async def count(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _turn in range(20):
            await asyncio.sleep(0)
        under_way -= 1

    sandbox.on_request.append(count)
    async with api_client(sandbox) as client:
        assert set(await found(client, sandbox)) == set(truth(sandbox))
    assert 2 <= most <= 8


async def test_cursors_are_read_one_page_ahead() -> None:
    """Promised by issue 2: while a page is being saved, the next is on its way."""
    sandbox = Sandbox(size=130)
    third = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(number: int) -> None:
        if number == 3:
            loop.call_soon_threadsafe(third.set)

    sandbox.on_request.append(tell)
    async with (
        api_client(sandbox) as client,
        aclosing(client.conversations(sandbox.agent_id)) as walk,
    ):
        await anext(walk)
        await anext(walk)
        await third.wait()  # it was asked for without anybody taking it


@BOTH
async def test_the_front_alone_costs_one_request(dialect: Dialect) -> None:
    """Ours: a tail on a quiet list should cost no more."""
    sandbox = Sandbox(size=300, dialect=dialect)

    async def linger(number: int) -> None:
        if number > 9:  # what was asked for in vain, behind the end, is taken back
            await asyncio.sleep(0.05)

    sandbox.on_request.append(linger)
    async with api_client(sandbox) as client:
        await all_pages_of_client(client, sandbox)
        await quiet(sandbox)
        sandbox.requests.clear()
        async with aclosing(client.conversations(sandbox.agent_id)) as walk:
            await anext(walk)
    assert len(sandbox.requests) == 1


@BOTH
async def test_leaving_early_cancels_what_is_under_way(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: no request outlives its walk, and none complains about it."""
    sandbox = Sandbox(size=600, dialect=dialect)
    sandbox.delay_next(30, after=4, times=1000)
    async with api_client(sandbox) as client:
        before = asyncio.all_tasks()
        async with aclosing(client.conversations(sandbox.agent_id)) as walk:
            async for _ in walk:
                if len(asyncio.all_tasks() - before) and len(sandbox.requests) >= 3:
                    break
        assert asyncio.all_tasks() == before
    gc.collect()
    assert caplog.records == []


async def test_a_failure_nobody_waits_for_is_not_complained_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours: a page read ahead may fail after its walk has ended; that is nobody's business."""
    sandbox = Sandbox(size=600)
    sandbox.fail_next(403, after=2)
    async with api_client(sandbox) as client:
        before = asyncio.all_tasks()
        async with aclosing(client.conversations(sandbox.agent_id)) as walk:
            await anext(walk)
            await anext(walk)
            (ahead,) = asyncio.all_tasks() - before
            await asyncio.wait([ahead])
    assert asked(sandbox)[-1][1] == 403
    gc.collect()
    assert caplog.records == []
