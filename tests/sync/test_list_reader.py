"""Walks and tails: what they bring, what they take out, and when they stop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from convocore_mcp.errors import UnavailableError
from convocore_mcp.models import Conversation, Page
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.sync.list_reader import Bounds

from .sync_harness import held, memory_mirror, running_harness

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])


@BOTH
async def test_a_walk_fills_the_mirror(dialect: Dialect) -> None:
    """Promised by issue 2: the mirror is filled by a full walk."""
    sandbox = Sandbox(size=640, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        assert harness.held == harness.wanted
        assert harness.coverage.complete


@BOTH
async def test_a_tail_reads_one_page_when_nothing_changed(dialect: Dialect) -> None:
    """Ours: freshness is cheap on a quiet list."""
    sandbox = Sandbox(size=640, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        await harness.asked()
        for _ in range(3):
            harness.time.pass_(minutes=1)
            await harness.ensure_fresh()
            assert await harness.asked() == 1


@BOTH
async def test_a_tail_picks_up_what_came_and_what_moved(dialect: Dialect) -> None:
    """Promised by design.md: read from the front until a run of rows is unchanged."""
    sandbox = Sandbox(size=640, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        for conversation_id in (ids[0], ids[5], ids[300], ids[-1]):
            sandbox.touch(conversation_id)
        sandbox.insert(stage="new", messagesNum=2)
        harness.time.pass_(minutes=1)
        await harness.ensure_fresh()
        assert harness.held == harness.wanted

        for conversation_id in ids[100:350]:  # more than a page or two
            sandbox.touch(conversation_id)
        harness.time.pass_(minutes=1)
        await harness.ensure_fresh()
        assert harness.held == harness.wanted
        await harness.asked()
        harness.time.pass_(minutes=1)
        await harness.ensure_fresh()
        assert await harness.asked() == 1


@BOTH
async def test_a_tail_after_a_restart_knows_where_the_last_one_ended(dialect: Dialect) -> None:
    """Promised by design.md: a bookmark moves only when nothing behind it can be missing."""
    sandbox = Sandbox(size=640, dialect=dialect)
    mirror = memory_mirror()
    async with running_harness(sandbox, mirror=mirror) as harness:
        await harness.sync()
    ids = [row["ID"] for row in sandbox.rows()]
    for conversation_id in ids[100:250]:
        sandbox.touch(conversation_id)
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.time.pass_(minutes=1)
        await harness.asked()
        await harness.ensure_fresh()
        assert harness.held == harness.wanted
        assert await harness.asked() < 25  # not the whole list: 8 pages of 20 moved
    mirror.close()


async def test_a_tail_that_broke_off_leaves_no_gap_behind_it() -> None:
    """Promised by design.md: what a failed tail has read does not make the next one stop early."""
    sandbox = Sandbox(size=640)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        for conversation_id in ids[100:200]:
            sandbox.touch(conversation_id)
        sandbox.fail_next(503, after=2, times=3)
        harness.time.pass_(minutes=1)
        fresh = await harness.ensure_fresh()
        assert any("can't be read now" in note for note in fresh.notes)
        assert harness.held != harness.wanted

        harness.time.pass_(minutes=1)
        await harness.ensure_fresh()
        assert harness.held == harness.wanted


async def test_a_row_that_stands_out_of_order_ends_no_tail() -> None:
    """Ours: one old date at the front is not the old part of the list."""
    sandbox = Sandbox(size=200)
    mirror = memory_mirror()
    async with running_harness(sandbox, mirror=mirror) as harness:
        await harness.sync()
    for conversation_id in [row["ID"] for row in sandbox.rows()][50:90]:
        sandbox.touch(conversation_id)
    sandbox.insert(ts=5, lastMessageTS=5)
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.time.pass_(minutes=1)
        await harness.ensure_fresh()
        assert {row.id for row in harness.held} == {row["ID"] for row in sandbox.rows()}
        moved = set(harness.held) ^ set(harness.wanted)
        assert len(moved) <= 2  # the odd one, whose date is told in another unit
    mirror.close()


@BOTH
async def test_a_sweep_picks_up_silent_edits_and_deletions(dialect: Dialect) -> None:
    """Promised by design.md: what is not in the list, nor found by itself, is gone at once."""
    sandbox = Sandbox(size=640, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        by_rest = next(id_ for id_ in ids if id_.startswith("demo-agent_"))
        sandbox.edit(ids[333], stage="won")
        sandbox.edit(ids[20], stage="lost")
        for conversation_id in (ids[0], ids[100], by_rest, ids[-1]):
            sandbox.delete(conversation_id)
        await harness.sync()
        assert harness.held == harness.wanted


async def test_what_the_list_does_not_show_but_is_there_stays_until_it_was_missed_twice() -> None:
    """Promised by design.md: asking finds it, or two sweeps missed it."""
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
        assert hidden in {row.id for row in harness.held}
        await harness.sync()
        assert hidden not in {row.id for row in harness.held}


async def test_where_single_conversations_are_refused_two_sweeps_decide() -> None:
    """Ours: asking singly is extra; a plan that lacks it must not end every sweep."""

    class Refusing:
        """A list, and nobody to ask about one conversation."""

        def __init__(self, source: Any) -> None:
            self.conversations = source.conversations

        async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
            raise UnavailableError(f"no {conversation_id} of {agent_id}")

    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        doomed = [row["ID"] for row in sandbox.rows()][50]
        sandbox.delete(doomed)
        harness.agent_sync._reader._source = Refusing(harness.client)  # noqa: SLF001
        await harness.sync()
        assert harness.coverage.complete
        assert doomed in {row.id for row in harness.held}
        await harness.sync()
        assert harness.held == harness.wanted


async def test_a_row_that_turns_unreadable_is_not_taken_for_gone() -> None:
    """Ours: it stands in the list, so it is there; what was last read of it stays."""
    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        row = list(sandbox.rows())[60]
        sandbox.edit(row["ID"], rating_from5="x", ratingFrom5="many")
        for _ in range(3):
            await harness.sync()
            assert row["ID"] in {row.id for row in harness.held}
        assert harness.coverage.quarantined == 1
        sandbox.edit(row["ID"], ratingFrom5=None)
        await harness.sync()
        assert harness.coverage.quarantined == 0


@BOTH
async def test_a_list_without_end_is_bounded_and_says_so(dialect: Dialect) -> None:
    """Promised by design.md: rows and time are bounded, and the answer says so."""
    sandbox = Sandbox(size=1_000_000, dialect=dialect)
    async with running_harness(sandbox, bounds=Bounds(rows=300)) as harness:
        await harness.sync()
        fresh = await harness.ensure_fresh()
    assert fresh.complete is False
    assert any("CONVOCORE_MAX_ROWS" in note for note in fresh.notes)
    assert 300 <= fresh.conversations <= 500


async def test_empty_pages_without_end_are_bounded_too() -> None:
    """Ours: a cursor that leads nowhere, for ever."""
    sandbox = Sandbox(size=100)
    sandbox.empty_next(after=2, times=1_000_000)
    async with running_harness(sandbox, bounds=Bounds(rows=100)) as harness:
        await harness.sync()
        fresh = await harness.ensure_fresh()
        assert fresh.complete is False
        assert await harness.asked() < 150


async def test_a_reading_that_takes_too_long_stops_and_says_so() -> None:
    """Promised by design.md: rows and time are bounded."""
    sandbox = Sandbox(size=300)
    async with running_harness(sandbox, bounds=Bounds(time=timedelta(hours=1))) as harness:
        sandbox.on_request.append(lambda _: harness.time.pass_(minutes=15))
        await harness.sync()
        assert harness.coverage.gap is not None
        assert "CONVOCORE_MAX_SYNC_SECONDS" in harness.coverage.gap
        sandbox.on_request.clear()
        await harness.sync()
        assert harness.coverage.complete


def test_a_page_read_earlier_never_overwrites_what_was_read_later() -> None:
    """Ours: pages are read several at a time, and saved in any order."""
    mirror = memory_mirror()
    noon = datetime(2026, 8, 1, 12, tzinfo=UTC)
    for stage, seconds in (("new", 0), ("won", 2), ("engaged", 1)):
        read_at = noon + timedelta(seconds=seconds)
        row = Conversation("a", "c1", stage=stage, record=f'{{"stage":"{stage}"}}')
        mirror.save("a", Page((row,), read_at=read_at), read_at=read_at)

    assert [row.stage for row in held(mirror, "a")] == ["won"]
    mirror.close()
