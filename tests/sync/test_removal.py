"""What a full sync removes, and when it does not trust what it has read."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import NotFoundError
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.read.change_log import ChangeCounts, ChangeLog
from convocore_mcp.sync.full_sync import decide_removal
from convocore_mcp.sync.short_lists import SMALL_LIST, is_short_list

from .sync_harness import SyncHarness, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
Envelope = dict[str, Any]


def showing(ids: set[str]) -> Callable[[Envelope, int], Envelope]:
    """Pages that show only these conversations, as a broken index would."""
    return lambda page, _: page | {"data": [row for row in page["data"] if row["ID"] in ids]}


def nothing(page: Envelope, _: int) -> Envelope:
    """An empty list, without an error."""
    return page | {"data": [], "hasMore": False, "nextCursor": None} if "hasMore" in page else {
        **page, "data": []
    }  # fmt: skip


def held(harness: SyncHarness) -> set[str]:
    return {row.id for row in harness.mirror_rows}


def changes_since(harness: SyncHarness, sequence_number: int) -> ChangeCounts:
    change_log = ChangeLog(harness.mirror.database)
    return change_log.count_changes(harness.sandbox.agent_id, after=sequence_number)


@BOTH_DIALECTS
async def test_an_empty_list_removes_nothing_until_a_third_full_sync_says_the_same(
    dialect: Dialect,
) -> None:
    """Promised by docs/architecture.md, "The mirror": and when all is back, nothing is news."""
    sandbox = Sandbox(size=130, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        before = harness.coverage
        sandbox.alter_page(nothing)
        for _ in range(2):
            await harness.sync()
            freshness = await harness.ensure_fresh()
            assert harness.mirror_rows == harness.upstream_rows
            assert freshness.complete is False
            assert any(f"only 0 of the {before.conversations}" in n for n in freshness.notes)
        sandbox.alter_page(None)
        await harness.sync()
        assert changes_since(harness, before.sequence_number) == ChangeCounts(0, 0, 0)
        assert (await harness.ensure_fresh()).complete

        sandbox.alter_page(nothing)
        for _ in range(2):
            await harness.sync()
            assert held(harness)
        await harness.sync()
        assert not held(harness)
        assert (await harness.ensure_fresh()).complete


@BOTH_DIALECTS
async def test_much_less_than_before_removes_nothing_until_it_was_missed_three_times(
    dialect: Dialect,
) -> None:
    """Promised by docs/architecture.md, "The mirror". No single conversation is asked for."""
    sandbox = Sandbox(size=130, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        rows = list(sandbox.rows())
        ids = [row["ID"] for row in rows]
        for shown in (40, 41):
            sandbox.replace(list(rows[:shown]))
            await harness.sync()
            assert held(harness) == set(ids)
            assert not harness.coverage.complete
        assert {request.path for request in sandbox.requests} == {
            f"/v3/agents/{sandbox.agent_id}/convos"
        }
        sandbox.replace(list(rows[:40]))
        await harness.sync()
        assert held(harness) == set(ids[:41])  # one was seen by the second of the three


async def test_deleting_some_of_a_list_or_most_of_a_small_one_is_nothing_suspicious() -> None:
    """Promised by docs/architecture.md, "The mirror": what Convocore lacks is removed at once."""
    for size, deleted in ((60, 25), (12, 10)):
        sandbox = Sandbox(size=size)
        async with running_harness(sandbox) as harness:
            await harness.sync()
            for id_ in sorted(held(harness))[:deleted]:
                sandbox.delete(id_)
            await harness.sync()
            assert harness.mirror_rows == harness.upstream_rows
            assert harness.coverage.complete


@pytest.mark.parametrize("made_by_rest", [False, True])
async def test_a_small_list_is_believed_to_be_empty_if_each_conversation_is_gone(
    made_by_rest: bool,
) -> None:
    """Ours: an error would hardly hit the list and every conversation alike, unless by rule."""
    sandbox = Sandbox(size=0)
    for n in range(5):
        sandbox.insert(ID=f"{sandbox.agent_id}_{n}" if made_by_rest and n == 3 else f"c{n}")
    async with running_harness(sandbox) as harness:
        await harness.sync()
        sandbox.alter_page(nothing)
        await harness.sync()
        assert len(held(harness)) == 5
        assert not harness.coverage.complete
        sandbox.alter_page(None)
        sandbox.replace([])
        await harness.sync()
        assert len(held(harness)) == (5 if made_by_rest else 0)
        assert harness.coverage.complete is not made_by_rest
        await harness.sync()
        assert not held(harness)


async def test_a_record_that_convocore_cannot_serve_is_not_gone_and_hides_no_other_that_is() -> (
    None
):
    """Ours: "Output validation failed" is said of a record that exists."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        first, *others = sorted(held(harness))[:4]
        sandbox.alter_page(showing(held(harness) - {first}))
        sandbox.break_record(first)
        for id_ in others:
            sandbox.delete(id_)
        await harness.sync()
        assert first in held(harness)
        assert held(harness).isdisjoint(others)


async def test_what_a_doubtful_full_sync_missed_is_not_removed_by_the_next_good_one() -> None:
    """Ours: a sync that is not believed says nothing about a single conversation either."""
    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        ids = sorted(held(harness))
        sandbox.alter_page(nothing)
        await harness.sync()
        # More than half are shown, and the others can be had one by one or are a REST client's.
        made_by_rest = {id_ for id_ in ids if id_.startswith(f"{sandbox.agent_id}_")}
        hidden = set([id_ for id_ in ids if id_ not in made_by_rest][:40])
        sandbox.alter_page(showing(set(ids) - hidden))
        await harness.sync()
        assert held(harness) == set(ids)
        await harness.sync()
        assert held(harness) == set(ids) - hidden


missed_counts = st.dictionaries(st.integers().map(str), st.integers(0, 4), max_size=60)


@given(missed_counts, st.integers(0, 60), st.integers(0, 4))
def test_only_what_was_missed_often_enough_is_removed(
    missing: dict[str, int], found: int, short_syncs: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": twice, or three times where little came."""
    known = found + len(missing)
    removal = decide_removal(missing, known=known, short_syncs=short_syncs, agent_was_gone=False)
    little = bool(missing) and (found == 0 or (known > SMALL_LIST and found < known / 2))
    assert is_short_list(found, known) == little
    assert removal.gone.isdisjoint(removal.doubtful)
    assert removal.gone | set(removal.doubtful) <= missing.keys()
    if little and short_syncs < 2:
        asked = tuple(missing) if known <= SMALL_LIST else ()
        assert (removal.gone, removal.doubtful) == (frozenset(), asked)
    if little:
        assert all(missing[id_] >= 2 for id_ in removal.gone)
        assert removal.postponed == (len(removal.gone) < len(missing))
    else:
        assert all(missing[id_] >= 1 for id_ in removal.gone)
        assert (removal.short_syncs, removal.postponed) == (0, False)
        assert len(removal.gone) + len(removal.doubtful) == len(missing)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 3))
def test_three_full_syncs_in_a_row_that_find_the_same_are_believed(
    lost: int, kept: int, before: int
) -> None:
    """Ours: whatever share of a list is gone, three full syncs settle it without asking."""
    missing, short_syncs = {str(n): 0 for n in range(lost)}, 0
    for _ in range(before):  # as many that find little and then everything
        assert (
            decide_removal({}, known=lost + kept, short_syncs=1, agent_was_gone=False).short_syncs
            == 0
        )
    for _ in range(3):
        removal = decide_removal(missing, known=kept + len(missing), short_syncs=short_syncs,
                                 agent_was_gone=False)  # fmt: skip
        short_syncs = removal.short_syncs
        missing = {id_: n + 1 for id_, n in missing.items() if id_ not in removal.gone}
    assert not missing


@BOTH_DIALECTS
async def test_an_agent_that_was_gone_is_read_again_at_once_and_its_old_rows_go(
    dialect: Dialect,
) -> None:
    """Promised by docs/architecture.md, "The mirror". Its list may be another one."""
    sandbox = Sandbox(size=130, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        harness.mirror.update_coverage(
            sandbox.agent_id, full_sync_started_at=harness.clock(), resume_token="{}"
        )
        assert harness.coverage.unfinished
        sandbox.fail_next(404)
        harness.clock.advance(minutes=1)
        with pytest.raises(NotFoundError):
            await harness.ensure_fresh()
        coverage = harness.coverage
        assert (coverage.complete, coverage.agent_was_gone) == (False, True)
        assert coverage.unfinished is None

        other_rows = [row | {"ID": f"other-{n}"} for n, row in enumerate(sandbox.rows()) if n < 30]
        sandbox.replace(list(other_rows))
        harness.clock.advance(minutes=1)
        freshness = await harness.ensure_fresh()
        assert held(harness) == {row["ID"] for row in other_rows}
        assert (freshness.complete, freshness.conversations) == (True, 30)
        assert harness.coverage.lost_at is None


async def test_an_agent_that_is_there_again_with_the_same_rows_keeps_them() -> None:
    """Ours: a proxy may answer 404 by mistake; that is no news of any conversation."""
    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        before = harness.coverage.sequence_number
        sandbox.fail_next(404)
        harness.clock.advance(minutes=1)
        with pytest.raises(NotFoundError):
            await harness.ensure_fresh()
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).complete
        assert changes_since(harness, before) == ChangeCounts(0, 0, 0)


async def test_an_agent_that_is_there_again_with_an_empty_list_is_not_believed_at_once() -> None:
    """Promised by docs/architecture.md, "The mirror": nothing is removed until a third says so."""
    sandbox = Sandbox(size=130)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        sandbox.fail_next(404)
        harness.clock.advance(minutes=1)
        with pytest.raises(NotFoundError):
            await harness.ensure_fresh()
        sandbox.alter_page(nothing)
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).complete is False
        assert harness.mirror_rows == harness.upstream_rows
        assert harness.coverage.lost_at is not None
        await harness.count_requests()
        assert (await harness.ensure_fresh()).complete is False
        assert await harness.count_requests() == 0  # it is not read again for each question
        sandbox.alter_page(None)
        await harness.sync()
        assert (await harness.ensure_fresh()).complete


@pytest.mark.parametrize(("size", "full_syncs"), [(130, 3), (5, 2)])
async def test_an_agent_that_is_there_again_and_stays_empty_is_believed_in_the_end(
    size: int, full_syncs: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": else no answer is ever complete again."""
    sandbox = Sandbox(size=size)
    sandbox.replace([row | {"ID": f"c{n}"} for n, row in enumerate(sandbox.rows())])
    async with running_harness(sandbox) as harness:
        await harness.sync()
        sandbox.fail_next(404)
        harness.clock.advance(minutes=1)
        with pytest.raises(NotFoundError):
            await harness.ensure_fresh()
        sandbox.replace([])
        for _ in range(full_syncs):
            assert harness.coverage.lost_at is not None
            await harness.sync()
        harness.clock.advance(minutes=1)
        freshness = await harness.ensure_fresh()
        assert (freshness.complete, freshness.conversations, freshness.notes) == (True, 0, ())
        assert not harness.coverage.agent_was_gone
