"""Full syncs: what they read, what they remove, and when they stop."""

from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.errors import UnavailableError
from convocore_mcp.models import Conversation, Page
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.changes.change_feed import ChangeFeed
from convocore_mcp.sync.page_writer import SyncLimits

from .sync_harness import mirror_rows, open_mirror, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])


@BOTH_DIALECTS
async def test_a_full_sync_fills_the_mirror(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": a full sync reads the whole list."""
    sandbox = Sandbox(size=640, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows
        assert harness.coverage.complete


async def test_changes_are_known_since_the_last_page_of_the_first_full_sync_was_read() -> None:
    """Promised by docs/contract.md, "`list_changes`": what came before is in the baseline."""
    sandbox = Sandbox(size=130)
    asked_at: list[datetime] = []
    async with running_harness(sandbox) as harness:

        async def take_a_minute(_: int) -> None:
            harness.clock.advance(minutes=1)
            asked_at.append(harness.clock())

        sandbox.on_request.append(take_a_minute)
        await harness.sync()
        of_first_sync = len(asked_at)
        harness.clock.advance(minutes=1)
        await harness.sync()
        page = ChangeFeed(harness.mirror.database).read(
            [sandbox.agent_id], None, now=harness.clock(), limit=1
        )
        assert page.known_since is not None
        assert asked_at[of_first_sync - 1] <= page.known_since < asked_at[of_first_sync]


@BOTH_DIALECTS
async def test_a_full_sync_finds_silent_edits_and_deletions(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": what Convocore lacks is removed at once."""
    sandbox = Sandbox(size=400, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        made_by_rest = next(id_ for id_ in ids if id_.startswith("demo-agent_"))
        sandbox.edit(ids[333], stage="won")
        sandbox.edit(ids[20], stage="lost")
        for conversation_id in (ids[0], ids[100], made_by_rest, ids[-1]):
            sandbox.delete(conversation_id)
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_conversation_that_only_the_list_lacks_is_removed_when_missed_twice() -> None:
    """Promised by docs/architecture.md, "The mirror": found by itself, or missed twice."""
    sandbox = Sandbox(size=130)
    hidden = next(
        row["ID"] for n, row in enumerate(sandbox.rows()) if n > 40 and "conv-" in row["ID"]
    )
    async with running_harness(sandbox) as harness:
        await harness.sync()
        sandbox.alter_page(
            lambda envelope, _: (
                envelope | {"data": [row for row in envelope["data"] if row["ID"] != hidden]}
            )
        )
        await harness.sync()
        assert hidden in {row.id for row in harness.mirror_rows}
        await harness.sync()
        assert hidden not in {row.id for row in harness.mirror_rows}


async def test_where_single_conversations_are_refused_two_full_syncs_decide() -> None:
    """Ours: these requests are optional; a plan that lacks them must not fail every full sync."""

    async def refuse(agent_id: str, conversation_id: str) -> Conversation | None:
        raise UnavailableError(f"no {conversation_id} of {agent_id}")

    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        deleted = [row["ID"] for row in sandbox.rows()][50]
        sandbox.delete(deleted)
        harness.client.conversation = refuse  # type: ignore[method-assign]
        await harness.sync()
        assert harness.coverage.complete
        assert deleted in {row.id for row in harness.mirror_rows}
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_row_whose_field_turns_unreadable_is_neither_removed_nor_quarantined() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the field is dropped alone."""
    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        row = list(sandbox.rows())[60]
        sandbox.edit(row["ID"], contactIdentityId="x" * 300)  # no index can hold that
        for _ in range(3):
            await harness.sync()
            assert row["ID"] in {row.id for row in harness.mirror_rows}
        assert (harness.coverage.quarantined, harness.coverage.dropped_fields) == (0, 1)
        sandbox.edit(row["ID"], contactIdentityId=None)
        await harness.sync()
        assert harness.coverage.dropped_fields == 0


@BOTH_DIALECTS
async def test_a_list_without_end_is_bounded_and_the_answer_says_so(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": rows are bounded."""
    sandbox = Sandbox(size=1_000_000, dialect=dialect)
    async with running_harness(sandbox, limits=SyncLimits(rows=300)) as harness:
        await harness.sync()
        freshness = await harness.ensure_fresh()
    assert freshness.complete is False
    assert any("CONVOCORE_MAX_ROWS" in note for note in freshness.notes)
    assert 300 <= freshness.conversations <= 500


async def test_empty_pages_without_end_are_bounded_too() -> None:
    """Ours: a cursor may lead on to empty pages for ever."""
    sandbox = Sandbox(size=100)
    sandbox.empty_next(after=2, times=1_000_000)
    async with running_harness(sandbox, limits=SyncLimits(rows=100)) as harness:
        await harness.sync()
        freshness = await harness.ensure_fresh()
        assert freshness.complete is False
        assert await harness.count_requests() < 150


async def test_a_sync_that_takes_too_long_stops_and_says_so() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the time is bounded."""
    sandbox = Sandbox(size=300)
    limits = SyncLimits(duration=timedelta(hours=1))
    async with running_harness(sandbox, limits=limits) as harness:
        sandbox.on_request.append(lambda _: harness.clock.advance(minutes=15))
        await harness.sync()
        assert harness.coverage.gap is not None
        assert "CONVOCORE_MAX_SYNC_SECONDS" in harness.coverage.gap
        sandbox.on_request.clear()
        await harness.sync()
        assert harness.coverage.complete


def test_an_older_page_never_overwrites_a_newer_one() -> None:
    """Ours: pages are read concurrently, and may be saved in any order."""
    mirror = open_mirror("memory")
    noon = datetime(2026, 8, 1, 12, tzinfo=UTC)
    for stage, seconds in (("new", 0), ("won", 2), ("engaged", 1)):
        read_at = noon + timedelta(seconds=seconds)
        row = Conversation("a", "c1", stage=stage, record=f'{{"stage":"{stage}"}}')
        mirror.save("a", Page((row,), read_at=read_at), read_at=read_at)

    assert [row.stage for row in mirror_rows(mirror, "a")] == ["won"]
    mirror.close()
