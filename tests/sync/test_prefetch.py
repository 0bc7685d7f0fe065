"""Prefetch: no page is lost, none comes out of order, and no request follows the last page."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import UnavailableError
from convocore_mcp.models import Page, Quarantined
from convocore_mcp.sync.prefetch import PREFETCH_LIMIT, merge_pages, prefetch_pages
from tests.conversations import NOW, conversation


class PageStream:
    """Yields pages with one row each (c0, c1, ...), and records how it was used."""

    def __init__(self, size: int, *, fails: bool = False) -> None:
        self.yielded = 0
        self.closed = False
        self._size = size
        self._fails = fails

    async def pages(self) -> AsyncGenerator[Page, None]:
        try:
            while self.yielded < self._size:
                await asyncio.sleep(0)
                row = conversation(f"c{self.yielded}")
                self.yielded += 1
                yield Page((row,), resume_token=str(self.yielded), read_at=NOW)
            if self._fails:
                raise UnavailableError("It broke.")
        finally:
            self.closed = True


@given(size=st.integers(0, 20), pauses=st.lists(st.integers(0, 9), min_size=20, max_size=20))
def test_all_pages_come_once_and_in_order_however_slowly_they_are_taken(
    size: int, pauses: list[int]
) -> None:
    """Ours: a batch holds the pages that have arrived, and few pages wait."""

    async def take_all() -> list[str]:
        stream, ids, batches_taken = PageStream(size), list[str](), 0
        async with prefetch_pages(stream.pages()) as batches:
            async for batch in batches:
                assert 1 <= len(batch) <= PREFETCH_LIMIT + 1
                ids += [row.id for page in batch for row in page.rows]
                for _ in range(pauses[batches_taken]):
                    await asyncio.sleep(0)
                assert stream.yielded <= len(ids) + PREFETCH_LIMIT + 2
                batches_taken += 1
        assert stream.closed
        return ids

    assert asyncio.run(take_all()) == [f"c{i}" for i in range(size)]


async def test_an_error_comes_unchanged_after_the_pages_before_it() -> None:
    """Promised by docs/architecture.md, "The mirror": a run that is cut short keeps its rows."""
    taken: list[Page] = []

    async def take_all() -> None:
        async with prefetch_pages(PageStream(7, fails=True).pages()) as batches:
            async for batch in batches:
                taken.extend(batch)

    with pytest.raises(UnavailableError, match="It broke"):
        await take_all()
    assert len(taken) == 7


async def test_leaving_early_closes_the_stream() -> None:
    """Ours: no request is sent for pages that nobody takes."""
    stream = PageStream(1_000)

    async def take_one_batch() -> None:
        async with prefetch_pages(stream.pages()) as batches:
            async for batch in batches:
                raise RuntimeError(len(batch))

    with pytest.raises(RuntimeError):
        await take_one_batch()
    yielded = stream.yielded
    assert stream.closed
    for _ in range(100):  # a task left behind would run on here
        await asyncio.sleep(0)
    assert stream.yielded == yielded < 10


def test_merged_pages_have_the_first_read_time_and_the_last_resume_token() -> None:
    """Ours: a crash leaves whole pages, and no row counts as newer than it is."""
    bad = Quarantined("{}", "why", "c9")
    first = Page((conversation("c1"), conversation("c2")), read_at=NOW, resume_token="1")
    second = Page((conversation("c3"),), (bad,), certain=False, resume_token="2")
    merged = merge_pages([first, second])
    assert [row.id for row in merged.rows] == ["c1", "c2", "c3"]
    assert merged.quarantined == (bad,)
    assert merged.certain is False
    assert merged.resume_token == "2"
    assert merged.read_at == NOW
    assert merge_pages([first]) == first
