"""Who waits for a sync and how long, and what an answer says of its freshness."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from convocore_mcp.errors import (
    ConvocoreError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.sync.decisions import Schedule

from .sync_harness import Gate, activity_times, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
IMPATIENT = Schedule(first_sync_patience=0.3, incremental_patience=0.3)


@BOTH_DIALECTS
async def test_twenty_callers_share_one_full_sync(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": one run per agent, however many wait."""
    sandbox = Sandbox(size=300, dialect=dialect)
    async with running_harness(sandbox) as harness:
        answers = await asyncio.gather(*(harness.ensure_fresh() for _ in range(20)))
        assert all(freshness.complete for freshness in answers)
        assert harness.mirror_rows == harness.upstream_rows
    first_pages = [request for request in sandbox.requests if request.query == {"limit": "20"}]
    # With cursors, the sync ends with another look at the first page.
    assert len(first_pages) == (2 if dialect == "cursor" else 1)


async def test_a_fresh_mirror_is_not_synced_again() -> None:
    """Promised by docs/architecture.md, "The mirror": incremental sync when older than 30 s."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        await harness.count_requests()
        harness.clock.advance(seconds=25)
        await harness.ensure_fresh()
        assert await harness.count_requests() == 0
        harness.clock.advance(seconds=10)
        await harness.ensure_fresh()
        assert await harness.count_requests() == 2


async def test_a_full_sync_runs_behind_the_answers_when_it_is_due() -> None:
    """Promised by docs/architecture.md, "The mirror": full sync when older than six hours."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.edit([row["ID"] for row in sandbox.rows()][70], stage="won")
        harness.clock.advance(hours=7)
        await harness.ensure_fresh()
        await harness.wait_for_runs()
        assert harness.mirror_rows == harness.upstream_rows


@BOTH_DIALECTS
async def test_after_a_long_time_an_answer_is_complete_only_when_the_whole_list_was_read(
    dialect: Dialect,
) -> None:
    """Promised by docs/architecture.md, "The mirror": what a list read long ago may hide."""
    sandbox = Sandbox(size=300, dialect=dialect)
    async with running_harness(sandbox, schedule=IMPATIENT) as harness:
        while not (await harness.ensure_fresh()).complete:
            pass
        sandbox.edit([row["ID"] for row in sandbox.rows()][250], stage="won")
        harness.clock.advance(days=3)
        # The front of the list can be read; the rest comes when the gate is opened.
        gate = Gate(sandbox, after=sandbox.list_requests + 4)
        held_back = await harness.ensure_fresh()
        await gate.reached.wait()
        assert not held_back.complete
        gate.open()
        await harness.wait_for_runs()
        answer = await harness.ensure_fresh()
        assert answer.complete
        assert answer.notes == ()
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_full_sync_that_is_overdue_is_awaited_if_the_list_is_short() -> None:
    """Ours: so the first question of a Monday is answered with what is true on Monday."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.edit([row["ID"] for row in sandbox.rows()][50], stage="won")
        harness.clock.advance(days=3)
        answer = await harness.ensure_fresh()
        assert answer.complete
        assert harness.mirror_rows == harness.upstream_rows


async def test_the_freshness_of_a_complete_mirror_has_no_notes() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `as_of`, `complete`."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        before = harness.clock()
        freshness = await harness.ensure_fresh()
        assert freshness.complete
        assert freshness.oldest is None
        assert freshness.notes == ()
        assert freshness.conversations == len(list(sandbox.rows()))
        assert before <= freshness.as_of <= harness.clock()

        harness.clock.advance(minutes=1)
        later = await harness.ensure_fresh()
        assert later.as_of >= freshness.as_of + timedelta(minutes=1)


async def test_quarantined_records_are_counted_in_the_notes() -> None:
    """Promised by docs/contract.md, "Rules for every answer": quarantined rows are a note."""
    sandbox = Sandbox(size=0)
    sandbox.replace([{"ID": "a", "ts": 9}, "broken", {"ID": None, "ts": 8}, {"ID": "c", "ts": 7}])
    async with running_harness(sandbox) as harness:
        freshness = await harness.ensure_fresh()
    assert freshness.conversations == 2
    assert any("2 records" in note and "quarantined" in note for note in freshness.notes)


async def test_a_failed_sync_answers_from_the_mirror_and_is_not_repeated_at_once() -> None:
    """Promised by docs/architecture.md, "The mirror": if Convocore is down, a note says so."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        before = await harness.ensure_fresh()
        await harness.count_requests()
        sandbox.fail_next(503, times=1000)
        harness.clock.advance(minutes=1)
        for _ in range(5):
            freshness = await harness.ensure_fresh()
            assert freshness.as_of == before.as_of
            assert freshness.complete is False  # what has happened since is not known
            assert any("503" in note for note in freshness.notes)
        assert await harness.count_requests() == 3  # one request and its retries
        harness.clock.advance(seconds=20)
        await harness.ensure_fresh()
        assert await harness.count_requests() == 3


async def test_the_note_of_a_failure_goes_when_a_later_sync_succeeds() -> None:
    """Ours: an answer does not mention a failure that is over."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.fail_next(503, times=3)
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).notes
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).notes == ()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, UnauthorizedError), (403, ForbiddenError), (404, NotFoundError)],
)
async def test_after_a_refusal_the_mirror_gives_no_answer(
    status: int, error: type[ConvocoreError]
) -> None:
    """Ours: the caller's key may have been revoked."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.fail_next(status)
        harness.clock.advance(minutes=1)
        await harness.count_requests()
        for _ in range(3):
            with pytest.raises(error):
                await harness.ensure_fresh()
        assert await harness.count_requests() == 1
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).complete


async def test_an_empty_mirror_with_a_wrong_key_is_an_error_that_names_the_region() -> None:
    """Promised by docs/contract.md, "Rules for every answer": an error's hint says what to do."""
    async with running_harness(Sandbox(size=100), key="wrong-key") as harness:
        with pytest.raises(UnauthorizedError) as caught:
            await harness.ensure_fresh()
    assert "region" in caught.value.hint


async def test_an_empty_mirror_while_convocore_is_down_is_a_retryable_error() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `upstream_unavailable`."""
    sandbox = Sandbox(size=100)
    sandbox.fail_next(503, times=1000)
    async with running_harness(sandbox) as harness:
        for _ in range(4):
            with pytest.raises(UnavailableError):
                await harness.ensure_fresh()
        assert await harness.count_requests() == 3


async def test_an_empty_mirror_and_no_answer_yet_is_an_error_within_the_callers_patience() -> None:
    """Promised by docs/contract.md, "Rules for every answer": a call waits a bounded time."""
    sandbox = Sandbox(size=100)
    gate = Gate(sandbox, after=0)
    async with running_harness(sandbox, schedule=IMPATIENT) as harness:
        with pytest.raises(UnavailableError, match="not answered yet") as caught:
            await harness.ensure_fresh()
        assert caught.value.retry_after
        gate.open()
        await harness.wait_for_runs()
        assert (await harness.ensure_fresh()).complete


@BOTH_DIALECTS
async def test_during_a_slow_first_sync_answers_are_partial_and_say_so(dialect: Dialect) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never passed off as complete."""
    sandbox = Sandbox(size=400, dialect=dialect, max_limit=20)
    started_at = datetime.now(UTC)
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, schedule=IMPATIENT) as harness:
        full_sync = asyncio.ensure_future(harness.sync())
        await gate.reached.wait()
        freshness = await harness.ensure_fresh()
        assert freshness.complete is False
        assert 0 < freshness.conversations < 400
        assert freshness.oldest is not None
        assert started_at <= freshness.as_of <= harness.clock()
        assert any("first full sync is under way" in note for note in freshness.notes)

        gate.open()
        await full_sync
        assert (await harness.ensure_fresh()).complete
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_window_is_answered_as_soon_as_the_first_sync_has_read_it() -> None:
    """Promised by docs/architecture.md, "How a question travels": the read scope is awaited."""
    sandbox = Sandbox(size=400)
    since = activity_times(sandbox)[30]
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, schedule=Schedule(first_sync_patience=30)) as harness:
        freshness = await harness.ensure_fresh(since=since)
        assert freshness.complete
        assert freshness.conversations < 400
        gate.open()


async def test_a_full_sync_that_fails_late_is_not_started_again_at_once() -> None:
    """Ours: else a list with one bad place would be read up to there again and again."""
    sandbox = Sandbox(size=400)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        harness.clock.advance(hours=7)
        sandbox.fail_next(403, after=11)
        await harness.ensure_fresh()
        await harness.wait_for_runs()
        await harness.count_requests()
        for _ in range(5):
            harness.clock.advance(minutes=1)
            await harness.ensure_fresh()
            await harness.wait_for_runs()
        assert await harness.count_requests() <= 10  # two pages each time
        harness.clock.advance(minutes=10)
        freshness = await harness.ensure_fresh()
        await harness.wait_for_runs()
        assert freshness.complete
        assert 8 <= await harness.count_requests() <= 16  # it is resumed where it failed
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_bug_in_a_sync_is_logged_and_raised_to_the_caller(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours: nobody awaits a sync's task, so a bug in it must show elsewhere."""

    def broken(agent_id: str, **_: object) -> NoReturn:
        raise ZeroDivisionError(agent_id)

    async with running_harness(Sandbox(size=10)) as harness:
        harness.client.conversations = broken  # type: ignore[method-assign]
        with caplog.at_level(logging.ERROR), pytest.raises(ConvocoreError, match="a bug of ours"):
            await harness.ensure_fresh()
    assert "ZeroDivisionError" in caplog.text


async def test_one_agents_failure_does_not_affect_another_agent() -> None:
    """Ours: runs and failures are kept for each agent."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        answer = asyncio.ensure_future(harness.ensure_fresh())
        with pytest.raises(NotFoundError):
            await harness.syncs.ensure_fresh("nobody")
        assert (await answer).complete
        assert (await harness.ensure_fresh()).complete
