"""Incremental syncs: what they find, what they cost, and where they stop."""

import pytest

from convocore_mcp.sandbox import Dialect, Sandbox

from .sync_harness import open_mirror, running_harness

QUIET_REQUESTS: dict[Dialect, int] = {"cursor": 2, "page": 1}
BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
EMPTY_LIST = {"data": [], "hasMore": False}


@BOTH_DIALECTS
async def test_an_incremental_sync_reads_little_when_nothing_changed(dialect: Dialect) -> None:
    """Ours: freshness is cheap on a quiet list. One page of 20 rows does not prove enough."""
    sandbox = Sandbox(size=400, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        await harness.count_requests()
        for _ in range(3):
            harness.clock.advance(minutes=1)
            await harness.ensure_fresh()
            assert await harness.count_requests() == QUIET_REQUESTS[dialect]


@BOTH_DIALECTS
async def test_an_incremental_sync_finds_what_was_added_and_what_moved(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": reads down to what is unchanged."""
    sandbox = Sandbox(size=400, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        for conversation_id in (ids[0], ids[5], ids[300], ids[-1]):
            sandbox.touch(conversation_id)
        sandbox.insert(stage="new", messagesNum=2)
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert harness.mirror_rows == harness.upstream_rows

        for conversation_id in ids[100:350]:  # more than a page or two
            sandbox.touch(conversation_id)
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert harness.mirror_rows == harness.upstream_rows
        await harness.count_requests()
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert await harness.count_requests() == QUIET_REQUESTS[dialect]


@BOTH_DIALECTS
async def test_after_a_restart_the_watermark_says_where_to_stop(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": nothing behind a watermark is missing."""
    sandbox = Sandbox(size=400, dialect=dialect)
    mirror = open_mirror("memory")
    async with running_harness(sandbox, mirror=mirror) as harness:
        await harness.sync()
    ids = [row["ID"] for row in sandbox.rows()]
    for conversation_id in ids[100:250]:
        sandbox.touch(conversation_id)
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.clock.advance(minutes=1)
        await harness.count_requests()
        await harness.ensure_fresh()
        assert harness.mirror_rows == harness.upstream_rows
        assert await harness.count_requests() < 25  # not the whole list: 8 pages of 20 moved
    mirror.close()


async def test_an_incremental_sync_that_failed_leaves_no_gap() -> None:
    """Ours: the rows that a failed sync has saved must not make the next one stop early."""
    sandbox = Sandbox(size=400)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = [row["ID"] for row in sandbox.rows()]
        for conversation_id in ids[100:200]:
            sandbox.touch(conversation_id)
        sandbox.fail_next(503, after=2, times=3)
        harness.clock.advance(minutes=1)
        freshness = await harness.ensure_fresh()
        assert any("can't be read now" in note for note in freshness.notes)
        assert harness.mirror_rows != harness.upstream_rows

        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert harness.mirror_rows == harness.upstream_rows


async def test_one_old_row_out_of_order_does_not_end_an_incremental_sync() -> None:
    """Ours: one old date at the front does not mean that the rest of the list is old."""
    sandbox = Sandbox(size=200)
    mirror = open_mirror("memory")
    async with running_harness(sandbox, mirror=mirror) as harness:
        await harness.sync()
    for conversation_id in [row["ID"] for row in sandbox.rows()][50:90]:
        sandbox.touch(conversation_id)
    sandbox.insert(ts=5, lastMessageTS=5)
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert {row.id for row in harness.mirror_rows} == {row["ID"] for row in sandbox.rows()}
        different = set(harness.mirror_rows) ^ set(harness.upstream_rows)
        assert len(different) <= 2  # the old row, whose time stands in another unit
    mirror.close()


@BOTH_DIALECTS
@pytest.mark.parametrize("size", [5, 50])
async def test_a_list_that_looks_empty_for_a_moment_does_not_make_an_answer_complete(
    dialect: Dialect, size: int
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    sandbox = Sandbox(size=size, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        sandbox.insert(stage="new")
        sandbox.alter_page(lambda page, _: {"success": page["success"]} | EMPTY_LIST)
        harness.clock.advance(minutes=1)
        answer = await harness.ensure_fresh()
        assert not answer.complete
        assert "new conversations may be missing" in answer.notes[0]

        sandbox.alter_page(None)
        harness.clock.advance(minutes=10)
        await harness.ensure_fresh()
        await harness.wait_for_runs()
        assert (await harness.ensure_fresh()).complete
        assert harness.mirror_rows == harness.upstream_rows
