"""What an empty mirror reads before it answers depends on the question."""

from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.models import EVERYTHING, Freshness, ReadScope
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.sync.decisions import Schedule

from .sync_harness import SyncHarness, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
SHORT_GRACE = Schedule(first_sync_patience=20, grace=0.1, people_grace=0.1)
LARGE = 100_000
NOW = datetime.now(UTC)


async def ask(harness: SyncHarness, scope: ReadScope) -> tuple[Freshness, int]:
    """The freshness of an answer, and how many list requests there were before it."""
    freshness = await harness.syncs.ensure_fresh(harness.sandbox.agent_id, scope)
    return freshness, len(harness.sandbox.requests)


@BOTH_DIALECTS
async def test_the_newest_rows_need_a_page_or_two(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "How a question travels": the read scope is awaited."""
    async with running_harness(
        Sandbox(size=LARGE, dialect=dialect, latency=0.1), schedule=SHORT_GRACE
    ) as harness:
        freshness, requests = await ask(harness, ReadScope(rows=21))
        assert not freshness.complete
        assert any("under way" in note for note in freshness.notes)
        assert len(harness.mirror_rows) >= 21
    assert requests < 30


@BOTH_DIALECTS
async def test_a_window_is_complete_as_soon_as_it_has_been_read(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "How a question travels": the read scope is awaited."""
    async with running_harness(
        Sandbox(size=LARGE, dialect=dialect), schedule=SHORT_GRACE
    ) as harness:
        since = harness.clock() - timedelta(hours=3)
        freshness, _ = await ask(harness, ReadScope(since=since))
        assert freshness.complete
        assert {row.id for row in harness.mirror_rows} >= harness.ids_since(since)
        assert freshness.conversations < LARGE / 2


async def test_people_in_a_window_are_answered_from_it_and_not_called_complete() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` is never a guess."""
    async with running_harness(Sandbox(size=LARGE), schedule=SHORT_GRACE) as harness:
        since = harness.clock() - timedelta(hours=3)
        freshness, _ = await ask(harness, ReadScope(since=since, people=True))
        assert not freshness.complete  # an older conversation may say more of these people
        assert freshness.oldest is not None
        assert freshness.oldest <= since
        assert freshness.conversations < LARGE / 2


async def test_no_caller_waits_for_the_end_of_a_long_list() -> None:
    """Ours: lists answer at once, hot leads of a window when the window has been read."""
    async with running_harness(Sandbox(size=LARGE, latency=0.1)) as harness:  # ten pages a second
        _, requests = await ask(harness, ReadScope(rows=21))
        assert requests < 20
        since = harness.clock() - timedelta(hours=8)
        freshness, requests = await ask(harness, ReadScope(since=since, people=True))
        assert freshness.oldest is not None
        assert freshness.oldest <= since
        assert requests < 40


@BOTH_DIALECTS
@pytest.mark.parametrize(
    "scope", [ReadScope(rows=21), ReadScope(since=NOW - timedelta(days=7), people=True)]
)
async def test_a_caller_waits_for_the_end_of_a_short_list(
    dialect: Dialect, scope: ReadScope
) -> None:
    """Ours: a small workspace's first answer is complete."""
    async with running_harness(Sandbox(size=300, dialect=dialect, latency=0.05)) as harness:
        freshness, _ = await ask(harness, scope)
        assert freshness.complete
        assert harness.mirror_rows == harness.upstream_rows


async def test_an_unbounded_question_is_answered_in_time_and_later_completely() -> None:
    """Promised by docs/contract.md, "Rules for every answer": incomplete first, complete later."""
    hasty = Schedule(first_sync_patience=0.3, grace=0.1)
    async with running_harness(Sandbox(size=1500, latency=0.02), schedule=hasty) as harness:
        first, _ = await ask(harness, EVERYTHING)
        assert not first.complete
        await harness.wait_for_runs()
        later, _ = await ask(harness, EVERYTHING)
        assert later.complete
        assert harness.mirror_rows == harness.upstream_rows
