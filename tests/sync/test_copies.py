"""Two copies of one conversation: the newer one wins, wherever an older one comes from."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import is_older
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.read.change_log import ChangeCounts, ChangeLog

from .sync_harness import SyncHarness, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
Envelope = dict[str, Any]
times = st.none() | st.integers(0, 3)


def with_copy(copy: dict[str, Any], beside: str, *, before: bool = False) -> Any:
    """Pages with `copy` before or after the row `beside`, as an upstream cache would serve it."""

    def alter(page: Envelope, _: int) -> Envelope:
        rows: list[dict[str, Any]] = []
        for row in page["data"]:
            both = [copy, row] if before else [row, copy]
            rows += both if row["ID"] == beside else [row]
        return page | {"data": rows}

    return alter


def counts(harness: SyncHarness, after: int) -> ChangeCounts:
    log = ChangeLog(harness.mirror.database)
    return log.count_changes(harness.sandbox.agent_id, after=after)


def stage_of(harness: SyncHarness, id_: str) -> str | None:
    (stage,) = (row.stage for row in harness.mirror_rows if row.id == id_)
    return stage


@BOTH_DIALECTS
@pytest.mark.parametrize("index", [70, 160, 250])
async def test_an_old_copy_before_or_after_the_new_one_changes_nothing(
    dialect: Dialect, index: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": and it adds no false changes, ever."""
    sandbox = Sandbox(size=280, dialect=dialect)
    async with running_harness(sandbox) as harness:
        ids = [row["ID"] for row in sandbox.rows()]
        moved = ids[160]
        old = dict(sandbox.row(moved) or {}) | {"stage": "engaged"}
        old |= {"ts": old["ts"] - 5000, "lastMessageTS": old["lastMessageTS"] - 5000}
        sandbox.edit(moved, stage="won")
        sandbox.alter_page(with_copy(old, beside=ids[index], before=index == 160))
        await harness.sync()
        assert stage_of(harness, moved) == "won"
        assert harness.mirror_rows == harness.upstream_rows
        before = harness.coverage.sequence_number
        for _ in range(3):
            await harness.sync()
            assert harness.mirror_rows == harness.upstream_rows
            assert harness.coverage.complete
        assert counts(harness, before) == ChangeCounts(0, 0, 0)


@pytest.mark.parametrize(
    ("dialect", "first", "second"), [("cursor", 10, 12), ("cursor", 10, 35), ("page", 115, 10)]
)
async def test_of_two_equally_old_copies_one_is_kept_whichever_stands_first(
    dialect: Dialect, first: int, second: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": no false changes, on one page or on two."""
    sandbox = Sandbox(size=120, dialect=dialect)
    async with running_harness(sandbox) as harness:
        ids = [row["ID"] for row in sandbox.rows()]
        id_, beside = ids[first], ids[second]
        sandbox.edit(id_, stage="won")
        copy = dict(sandbox.row(id_) or {}) | {"stage": "lost"}
        sandbox.alter_page(with_copy(copy, beside=beside))
        await harness.sync()
        before, kept = harness.coverage.sequence_number, stage_of(harness, id_)
        for stage in ("lost", "won"):  # the copies have changed places
            await harness.sync()
            assert (await harness.ensure_fresh()).complete
            sandbox.edit(id_, stage=stage)
            copy["stage"] = "won" if stage == "lost" else "lost"
        assert counts(harness, before) == ChangeCounts(0, 0, 0)
        assert stage_of(harness, id_) == kept


async def test_a_copy_that_is_alone_at_last_is_what_convocore_says() -> None:
    """Ours: of equally old copies the list may drop the one that was kept."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][10]
        sandbox.edit(id_, stage="won")
        copy = dict(sandbox.row(id_) or {}) | {"stage": "lost"}
        sandbox.alter_page(with_copy(copy, beside=id_))
        await harness.sync()
        kept = stage_of(harness, id_)
        other = "won" if kept == "lost" else "lost"
        sandbox.edit(id_, stage=other)
        copy["stage"] = other
        await harness.sync()
        assert not (await harness.ensure_fresh()).complete
        await harness.sync()
        assert (await harness.ensure_fresh()).complete
        assert stage_of(harness, id_) == other


async def test_a_value_that_differs_at_each_reading_is_no_copy() -> None:
    """Ours: a sync reads the front twice, and somebody may edit, and edit back."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][10]
        stages, shown = itertools.cycle(["won", "lost", "new"]), ""

        def alter(page: Envelope, _: int) -> None:
            nonlocal shown
            for row in page["data"]:
                if row["ID"] == id_:
                    row["stage"] = shown = next(stages)

        sandbox.alter_page(alter)
        for _ in range(3):
            await harness.sync()
            assert stage_of(harness, id_) == shown
            assert harness.coverage.complete


async def test_old_copies_on_several_pages_of_the_front_are_not_new() -> None:
    """Ours: else the front is read again and again, and each full sync ends in doubt."""
    sandbox = Sandbox(size=120)
    async with running_harness(sandbox) as harness:
        rows = list(sandbox.rows())
        copied = [row | {"ts": row["ts"] - 3} for row in rows[10:12]]
        first, second = (
            with_copy(copy, beside=row["ID"])
            for copy, row in zip(copied, (rows[22], rows[45]), strict=True)
        )
        sandbox.alter_page(lambda page, number: second(first(page, number), number))
        await harness.sync()
        await harness.count_requests()
        harness.clock.advance(minutes=2)
        assert (await harness.ensure_fresh()).complete
        assert await harness.count_requests() == 2


async def test_the_last_change_decides_where_the_activity_is_the_same() -> None:
    """Promised by docs/architecture.md, "The mirror": two copies on one page, either way round."""
    for before in (True, False):
        sandbox = Sandbox(size=60)
        async with running_harness(sandbox) as harness:
            id_ = [row["ID"] for row in sandbox.rows()][20]
            ts = (sandbox.row(id_) or {})["ts"]
            seconds = ts if ts < 10**11 else ts // 1000
            sandbox.edit(id_, stage="won", lastModified=seconds + 9)
            old = dict(sandbox.row(id_) or {}) | {"stage": "new", "lastModified": seconds + 8}
            sandbox.alter_page(with_copy(old, beside=id_, before=before))
            await harness.sync()
            assert stage_of(harness, id_) == "won"


async def test_an_edit_back_is_no_old_copy() -> None:
    """Ours: where `ts` and `lastModified` stay, what was read later is what Convocore says now."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][20]
        for stage in ("won", "engaged", "won"):
            sandbox.edit(id_, stage=stage)
            await harness.sync()
            assert stage_of(harness, id_) == stage
            assert harness.coverage.complete


async def test_an_edit_whose_time_lost_its_milliseconds_comes_through() -> None:
    """Promised by docs/upstream.md, "The single conversation": milliseconds, then seconds."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][20]
        sandbox.edit(id_, stage="new", lastModified=1_785_000_000_900)
        await harness.sync()
        sandbox.edit(id_, stage="won", lastModified=1_785_000_000)
        await harness.sync()
        assert stage_of(harness, id_) == "won"


@BOTH_DIALECTS
async def test_a_time_that_was_wrong_is_corrected_by_the_second_full_sync(dialect: Dialect) -> None:
    """Ours: a wrong time must not keep a conversation's old state for good."""
    sandbox = Sandbox(size=130, dialect=dialect)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][50]
        right = (sandbox.row(id_) or {})["ts"]
        ahead = 600 * (1 if right < 10**11 else 1000)
        sandbox.edit(id_, ts=right + ahead)
        await harness.sync()
        sandbox.edit(id_, ts=right, stage="lost")
        await harness.sync()
        freshness = await harness.ensure_fresh()
        assert freshness.complete is False
        assert any("1 conversation only in an older version" in n for n in freshness.notes)
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows
        assert (await harness.ensure_fresh()).complete


@BOTH_DIALECTS
async def test_a_time_in_the_future_keeps_no_newer_copy_out(dialect: Dialect) -> None:
    """Ours: a date in the future is newer than nothing."""
    sandbox = Sandbox(size=130, dialect=dialect)
    async with running_harness(sandbox) as harness:
        id_ = [row["ID"] for row in sandbox.rows()][50]
        right = (sandbox.row(id_) or {})["ts"]
        ahead = 30 * 86400 * (1 if right < 10**11 else 1000)
        sandbox.edit(id_, ts=right + ahead)
        await harness.sync()
        sandbox.edit(id_, ts=right, stage="lost")
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows
        assert (await harness.ensure_fresh()).complete


@given(st.tuples(times, times), st.tuples(times, times))
def test_of_two_copies_at_most_one_is_older(
    one: tuple[int | None, int | None], other: tuple[int | None, int | None]
) -> None:
    """Promised by docs/architecture.md, "The mirror": the activity decides, then the change."""
    assert not (is_older(one, other) and is_older(other, one))
    assert not is_older(one, one)
    if None not in (*one, *other):
        assert is_older(one, other) == (one < other)


@pytest.mark.parametrize(("dialect", "ahead"), [("cursor", 300), ("page", 40 * 86_400)])
async def test_a_change_of_a_conversation_that_has_a_future_time_is_no_old_copy(
    dialect: Dialect, ahead: int
) -> None:
    """Promised by docs/upstream.md, "The list endpoint": a row may have a date in the future."""
    sandbox = Sandbox(size=60, dialect=dialect)
    async with running_harness(sandbox) as harness:
        first = next(sandbox.rows())["ID"]
        future = int(harness.clock().timestamp()) + ahead
        sandbox.edit(first, ts=future, lastMessageTS=future, stage="new")
        await harness.sync()
        harness.clock.advance(minutes=2)
        now = int(harness.clock().timestamp()) - 30
        sandbox.edit(first, ts=now, lastMessageTS=now, stage="won")
        assert (await harness.ensure_fresh()).complete
        assert stage_of(harness, first) == "won"
