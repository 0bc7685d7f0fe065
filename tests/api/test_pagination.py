"""Reading a whole list in both dialects: no row is missed, and no request is left running."""

import asyncio
import gc
import itertools
from collections import defaultdict
from contextlib import aclosing
from threading import Event

import pytest

from convocore_mcp.api.pagination import PAGES_BEFORE_PREFETCH
from convocore_mcp.sandbox import Dialect, Sandbox

from .api_client import (
    all_pages_of_client,
    api_client,
    ids_in,
    listed_ids,
    requests_to,
    wait_until_idle,
)

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])


@BOTH_DIALECTS
@pytest.mark.parametrize("size", [0, 1, 19, 20, 21, 97, 100, 101, 640])
async def test_every_conversation_is_listed_newest_first(dialect: Dialect, size: int) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": all rows in the order of the list."""
    sandbox = Sandbox(size=size, dialect=dialect)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
        assert await listed_ids(client, sandbox) == ids_in(sandbox)  # the dialect is known now


@pytest.mark.parametrize("max_limit", [20, 33, 99, 100, 250])
async def test_a_list_is_complete_whatever_limit_the_workspace_honours(max_limit: int) -> None:
    """Promised by docs/upstream.md, "The list endpoint": `limit` has an unknown cap."""
    sandbox = Sandbox(size=900, dialect="page", max_limit=max_limit, seed=3)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_a_workspace_that_refuses_large_limits_is_read_with_the_default_limit() -> None:
    """Ours: a limit of 100 is an assumption, a limit of 20 is documented."""
    sandbox = Sandbox(size=150, dialect="page", max_limit=20)
    sandbox.fail_next(400, after=1)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_the_next_page_is_on_its_way_when_a_page_is_handed_out() -> None:
    """Ours: otherwise each page waits for the rows of the page before it to be parsed and saved.

    The test blocks the event loop while it looks, so a request that is only about to be sent would
    never arrive.
    """
    sandbox, pages_handed_out, arrived = Sandbox(size=150), 0, defaultdict[int, Event](Event)
    sandbox.on_request.append(lambda number: arrived[number].set())
    async with (
        api_client(sandbox) as client,
        aclosing(client.conversations(sandbox.agent_id)) as pages,
    ):
        async for page in pages:
            pages_handed_out += 1
            is_last = page.resume_token is None
            if pages_handed_out >= PAGES_BEFORE_PREFETCH and not is_last:
                assert arrived[pages_handed_out + 1].wait(10)
    assert pages_handed_out == 8


@BOTH_DIALECTS
async def test_a_short_or_empty_page_is_not_the_end(dialect: Dialect) -> None:
    """Promised by docs/upstream.md, "The list endpoint": rows may be filtered after slicing."""
    sandbox = Sandbox(size=600, dialect=dialect, max_limit=20, seed=152)
    async with api_client(sandbox) as client:
        assert set(await listed_ids(client, sandbox)) == set(ids_in(sandbox))
    assert sandbox.max_limit == 20


@pytest.mark.parametrize("times", [1, 2, 3, 7])
async def test_an_empty_page_with_a_cursor_is_not_the_end(times: int) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    Only a missing cursor ends the list.
    """
    sandbox = Sandbox(size=120)
    sandbox.empty_next(after=2, times=times)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_page_that_is_empty_by_mistake_is_read_again(times: int) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    An empty page neither ends the list nor hides rows.
    """
    sandbox = Sandbox(size=700, dialect="page")
    sandbox.empty_next(after=4, times=times)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_three_empty_pages_are_the_end_and_only_prefetched_requests_go_beyond() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    Three consecutive empty pages end the page dialect.
    """
    sandbox = Sandbox(size=50, dialect="page")
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
        assert len(sandbox.requests) <= 2 + 3 + 1 + 3


async def test_rows_that_deletions_move_forward_at_the_end_are_listed() -> None:
    """Ours: a page beyond the end proves nothing, so the last rows are read again."""
    sandbox = Sandbox(size=0, dialect="page", max_limit=20)
    sandbox.replace([{"ID": f"c{n}", "ts": 9000 - n} for n in range(23)])
    to_delete = [f"c{n}" for n in range(5)]

    def shrink(number: int) -> None:
        if number == 3:  # the front was read: rows 20 to 22 move onto the first page
            for conversation_id in to_delete:
                sandbox.delete(conversation_id)

    sandbox.on_request.append(shrink)
    async with api_client(sandbox) as client:
        ids = await listed_ids(client, sandbox)
    assert set(ids) >= {f"c{n}" for n in range(5, 23)}


@BOTH_DIALECTS
async def test_an_untouched_row_is_listed_although_other_rows_are_deleted(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A deletion between two requests hides no row.
    """
    sandbox = Sandbox(size=900, dialect=dialect)
    ids = ids_in(sandbox)
    to_delete = iter(ids[:200:2])

    def shrink(_: int) -> None:
        for conversation_id in itertools.islice(to_delete, 2):
            sandbox.delete(conversation_id)

    sandbox.on_request.append(shrink)
    async with api_client(sandbox) as client:
        listed = await listed_ids(client, sandbox)
    assert set(ids_in(sandbox)) <= set(listed)


async def test_at_most_eight_page_numbers_are_requested_at_a_time() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": bounded concurrency."""
    sandbox = Sandbox(size=1200, dialect="page", max_limit=20)
    under_way, most = 0, 0

    async def count(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _step in range(20):
            await asyncio.sleep(0)
        under_way -= 1

    sandbox.on_request.append(count)
    async with api_client(sandbox) as client:
        assert set(await listed_ids(client, sandbox)) == set(ids_in(sandbox))
    assert 2 <= most <= 8


async def test_one_page_is_prefetched_by_cursor() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    The next page is requested while a page is saved, from the third page on.
    """
    sandbox = Sandbox(size=130)
    fourth = asyncio.Event()
    loop = asyncio.get_running_loop()

    def notify(number: int) -> None:
        if number == 4:
            loop.call_soon_threadsafe(fourth.set)

    sandbox.on_request.append(notify)
    async with (
        api_client(sandbox) as client,
        aclosing(client.conversations(sandbox.agent_id)) as pages,
    ):
        for _ in range(3):
            await anext(pages)
        await fourth.wait()  # it was requested before anybody took it


@BOTH_DIALECTS
async def test_reading_only_the_front_sends_one_request(dialect: Dialect) -> None:
    """Ours: an incremental sync should cost no more than it reads."""
    sandbox = Sandbox(size=300, dialect=dialect)

    async def delay(number: int) -> None:
        if number > 9:  # most of these are beyond the end of the list, so the client cancels them
            for _step in range(100):
                await asyncio.sleep(0)

    sandbox.on_request.append(delay)
    async with api_client(sandbox) as client:
        await all_pages_of_client(client, sandbox)
        await wait_until_idle(sandbox)
        sandbox.requests.clear()
        async with aclosing(client.conversations(sandbox.agent_id)) as pages:
            await anext(pages)
    assert len(sandbox.requests) == 1


async def test_reading_two_pages_by_cursor_sends_two_requests() -> None:
    """Ours: an incremental sync of a quiet list takes two pages, and should cost no more."""
    sandbox = Sandbox(size=300)
    async with api_client(sandbox) as client:
        async with aclosing(client.conversations(sandbox.agent_id)) as pages:
            await anext(pages)
            await anext(pages)
        await wait_until_idle(sandbox)
    assert len(sandbox.requests) == 2


@BOTH_DIALECTS
async def test_leaving_early_cancels_the_requests_under_way(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: no request outlives the iterator that sent it, and nothing is logged."""
    sandbox = Sandbox(size=600, dialect=dialect)
    sandbox.delay_next(30, after=4, times=1000)
    async with api_client(sandbox) as client:
        before = asyncio.all_tasks()
        async with aclosing(client.conversations(sandbox.agent_id)) as pages:
            async for _ in pages:
                if len(asyncio.all_tasks() - before) and len(sandbox.requests) >= 3:
                    break
        assert asyncio.all_tasks() == before
    gc.collect()
    assert caplog.records == []


async def test_a_failed_prefetch_that_nobody_waits_for_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours: a prefetched page may fail after the caller has left the iterator."""
    sandbox = Sandbox(size=600)
    sandbox.fail_next(403, after=3)
    async with api_client(sandbox) as client:
        before = asyncio.all_tasks()
        async with aclosing(client.conversations(sandbox.agent_id)) as pages:
            for _ in range(3):
                await anext(pages)
            for prefetch in asyncio.all_tasks() - before:  # none, if it has failed already
                await asyncio.wait([prefetch])
    assert requests_to(sandbox)[-1][1] == 403
    gc.collect()
    assert caplog.records == []
