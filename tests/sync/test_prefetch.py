"""Reading ahead: nothing is lost, nothing comes out of order, and nothing goes on afterwards."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import UnavailableError
from convocore_mcp.models import Page, Quarantined
from convocore_mcp.sync.prefetch import PREFETCH_LIMIT, merge_pages, prefetch_pages
from tests.conversations import NOW, conversation


class Walk:
    """Pages c0, c1, ... and what became of whoever reads them."""

    def __init__(self, size: int, *, fails: bool = False) -> None:
        self.given = 0
        self.closed = False
        self._size = size
        self._fails = fails

    async def pages(self) -> AsyncGenerator[Page, None]:
        try:
            while self.given < self._size:
                await asyncio.sleep(0)
                self.given += 1
                yield Page(
                    (conversation(f"c{self.given - 1}"),), resume_token=str(self.given), read_at=NOW
                )
            if self._fails:
                raise UnavailableError("It broke.")
        finally:
            self.closed = True


@given(size=st.integers(0, 20), pauses=st.lists(st.integers(0, 9), min_size=20, max_size=20))
def test_all_pages_come_once_and_in_order_however_slowly_they_are_taken(
    size: int, pauses: list[int]
) -> None:
    """Ours: a batch is what has come meanwhile, and only so much waits."""

    async def take() -> list[str]:
        full_sync, found, batches = Walk(size), list[str](), 0
        async with prefetch_pages(full_sync.pages()) as ahead:
            async for batch in ahead:
                assert 1 <= len(batch) <= PREFETCH_LIMIT + 1
                found += [row.id for page in batch for row in page.rows]
                for _ in range(pauses[batches]):
                    await asyncio.sleep(0)
                assert full_sync.given <= len(found) + PREFETCH_LIMIT + 2
                batches += 1
        assert full_sync.closed
        return found

    assert asyncio.run(take()) == [f"c{i}" for i in range(size)]


async def test_what_goes_wrong_comes_behind_the_pages_before_it_as_it_was() -> None:
    """Promised by design.md: what was read stays."""
    found: list[Page] = []

    async def take() -> None:
        async with prefetch_pages(Walk(7, fails=True).pages()) as ahead:
            async for batch in ahead:
                found.extend(batch)

    with pytest.raises(UnavailableError, match="It broke"):
        await take()
    assert len(found) == 7


async def test_leaving_early_ends_the_reading() -> None:
    """Ours: nobody reads on for nobody."""
    full_sync = Walk(1_000)

    async def take() -> None:
        async with prefetch_pages(full_sync.pages()) as ahead:
            async for batch in ahead:
                raise RuntimeError(len(batch))

    with pytest.raises(RuntimeError):
        await take()
    given = full_sync.given
    assert full_sync.closed
    await asyncio.sleep(0.01)
    assert full_sync.given == given < 10


def test_pages_together_are_read_at_the_first_and_lead_on_from_the_last() -> None:
    """Ours: what a crash leaves is whole pages, and no row counts as newer than it is."""
    bad = Quarantined("{}", "why", "c9")
    one = Page((conversation("c1"), conversation("c2")), read_at=NOW, resume_token="1")
    two = Page((conversation("c3"),), (bad,), certain=False, resume_token="2")
    both = merge_pages([one, two])
    assert [row.id for row in both.rows] == ["c1", "c2", "c3"]
    assert (both.quarantined, both.certain, both.resume_token, both.read_at) == (
        (bad,),
        False,
        "2",
        NOW,
    )
    assert merge_pages([one]) == one
