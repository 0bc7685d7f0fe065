"""What a cold mirror reads before it answers depends on the question."""

from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.models import EVERYTHING, Freshness, ReadScope
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.sync.agent_sync import Schedule

from .sync_harness import SyncHarness, running_harness

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
HURRIED = Schedule(patience=20, grace=0.1, people_grace=0.1)
LARGE = 100_000
NOW = datetime.now(UTC)


async def cold(harness: SyncHarness, read_scope: ReadScope) -> tuple[Freshness, int]:
    """The answer, and how many list requests had been made by then."""
    fresh = await harness.agent_sync.fresh(harness.sandbox.agent_id, read_scope)
    return fresh, len(harness.sandbox.requests)


@BOTH
async def test_the_newest_rows_need_a_page_or_two(dialect: Dialect) -> None:
    """Promised by issue 3: the first list answers from the first page or two at once."""
    async with running_harness(
        Sandbox(size=LARGE, dialect=dialect, latency=0.1), schedule=HURRIED
    ) as harness:
        fresh, asked = await cold(harness, ReadScope(rows=21))
        assert not fresh.complete
        assert any("under way" in note for note in fresh.notes)
        assert len(harness.held) >= 21
    assert asked < 30


@BOTH
async def test_a_window_is_complete_as_soon_as_it_has_been_read(dialect: Dialect) -> None:
    """Promised by design.md: a question that needs a window needs reading only that far back."""
    async with running_harness(Sandbox(size=LARGE, dialect=dialect), schedule=HURRIED) as harness:
        since = harness.time() - timedelta(hours=3)
        fresh, _ = await cold(harness, ReadScope(since=since))
        assert fresh.complete
        assert {row.id for row in harness.held} >= {
            row.id for row in harness.wanted_since(since.timestamp() * 1000)
        }
        assert fresh.conversations < LARGE / 2


async def test_people_in_a_window_are_answered_from_it_and_not_called_complete() -> None:
    """Promised by issue 3: hot leads of a week read a week; contract.md: never passed off."""
    async with running_harness(Sandbox(size=LARGE), schedule=HURRIED) as harness:
        since = harness.time() - timedelta(hours=3)
        fresh, _ = await cold(harness, ReadScope(since=since, people=True))
        assert not fresh.complete  # what an older conversation says of them is not known yet
        assert fresh.oldest is not None
        assert fresh.oldest <= since
        assert fresh.conversations < LARGE / 2


async def test_nobody_waits_for_the_rest_of_a_long_list() -> None:
    """Promised by issue 3: a list at once, hot leads of a window when that has been read."""
    async with running_harness(Sandbox(size=LARGE, latency=0.1)) as harness:  # ten pages a second
        _, asked = await cold(harness, ReadScope(rows=21))
        assert asked < 20
        since = harness.time() - timedelta(hours=8)
        fresh, asked = await cold(harness, ReadScope(since=since, people=True))
        assert fresh.oldest is not None
        assert fresh.oldest <= since
        assert asked < 40


@BOTH
@pytest.mark.parametrize(
    "read_scope", [ReadScope(rows=21), ReadScope(since=NOW - timedelta(days=7), people=True)]
)
async def test_the_end_of_a_short_list_is_worth_a_wait(
    dialect: Dialect, read_scope: ReadScope
) -> None:
    """Ours: a small workspace's first answer holds all there is."""
    async with running_harness(Sandbox(size=300, dialect=dialect, latency=0.05)) as harness:
        fresh, _ = await cold(harness, read_scope)
        assert fresh.complete
        assert harness.held == harness.wanted


async def test_an_unbounded_question_is_answered_in_time_and_later_completely() -> None:
    """Promised by issue 3: `complete: false` within the budget, `true` later."""
    hurried = Schedule(patience=0.3, grace=0.1)
    async with running_harness(Sandbox(size=3000, latency=0.01), schedule=hurried) as harness:
        first, _ = await cold(harness, EVERYTHING)
        assert not first.complete
        await harness.at_rest()
        later, _ = await cold(harness, EVERYTHING)
        assert later.complete
        assert harness.held == harness.wanted
