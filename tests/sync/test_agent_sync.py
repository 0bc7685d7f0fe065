"""Who waits for a reading, how long, and what an answer says about itself."""

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
from convocore_mcp.sync.agent_sync import Schedule

from .sync_harness import Gate, running_harness

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
IMPATIENT = Schedule(patience=0.3, incremental_patience=0.3)


@BOTH
async def test_twenty_callers_share_one_walk(dialect: Dialect) -> None:
    """Promised by design.md: one walk per agent at a time, however many wait for it."""
    sandbox = Sandbox(size=300, dialect=dialect)
    async with running_harness(sandbox) as harness:
        answers = await asyncio.gather(*(harness.ensure_fresh() for _ in range(20)))
        assert all(fresh.complete for fresh in answers)
        assert harness.held == harness.wanted
    begun = [request for request in sandbox.requests if request.query == {"limit": "20"}]
    assert len(begun) == (2 if dialect == "cursor" else 1)  # by cursor, the last look at the front


async def test_a_fresh_mirror_is_not_read_again() -> None:
    """Promised by design.md: tail when older than 30 seconds."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        await harness.asked()
        harness.time.pass_(seconds=25)
        await harness.ensure_fresh()
        assert await harness.asked() == 0
        harness.time.pass_(seconds=10)
        await harness.ensure_fresh()
        assert await harness.asked() == 1


async def test_a_sweep_runs_behind_the_answers_when_it_is_due() -> None:
    """Promised by design.md: sweep when older than six hours, in the background."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.edit([row["ID"] for row in sandbox.rows()][70], stage="won")
        harness.time.pass_(hours=7)
        await harness.ensure_fresh()
        await harness.at_rest()
        assert harness.held == harness.wanted


async def test_freshness_tells_what_a_complete_mirror_is() -> None:
    """Promised by contract.md: `as_of`, `complete`, and nothing to remark."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        before = harness.time()
        fresh = await harness.ensure_fresh()
        assert fresh.complete
        assert fresh.oldest is None
        assert fresh.notes == ()
        assert fresh.conversations == len(list(sandbox.rows()))
        assert before <= fresh.as_of <= harness.time()

        harness.time.pass_(minutes=1)
        later = await harness.ensure_fresh()
        assert later.as_of >= fresh.as_of + timedelta(minutes=1)


async def test_broken_records_are_counted_in_the_notes() -> None:
    """Promised by issue 2: a broken row shows up in `freshness.notes`."""
    sandbox = Sandbox(size=0)
    sandbox.replace([{"ID": "a", "ts": 9}, "broken", {"ID": "b", "ts": "x"}, {"ID": "c", "ts": 7}])
    async with running_harness(sandbox) as harness:
        fresh = await harness.ensure_fresh()
    assert fresh.conversations == 2
    assert any("2 record(s)" in note and "quarantined" in note for note in fresh.notes)


async def test_a_failed_refresh_answers_from_the_mirror_and_does_not_hammer() -> None:
    """Promised by design.md: Convocore down: answer from the mirror, with `as_of` and a note."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        good = await harness.ensure_fresh()
        await harness.asked()
        sandbox.fail_next(503, times=1000)
        harness.time.pass_(minutes=1)
        for _ in range(5):
            fresh = await harness.ensure_fresh()
            assert fresh.as_of == good.as_of
            assert fresh.complete
            assert any("503" in note for note in fresh.notes)
        assert await harness.asked() == 3  # one request and its retries
        harness.time.pass_(seconds=20)
        await harness.ensure_fresh()
        assert await harness.asked() == 3


async def test_convocore_is_asked_again_after_a_rest_and_the_note_goes() -> None:
    """Ours: trouble that is over is not spoken of."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.fail_next(503, times=3)
        harness.time.pass_(minutes=1)
        assert (await harness.ensure_fresh()).notes
        harness.time.pass_(minutes=1)
        assert (await harness.ensure_fresh()).notes == ()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, UnauthorizedError), (403, ForbiddenError), (404, NotFoundError)],
)
async def test_a_refusal_is_never_answered_from_the_mirror(
    status: int, error: type[ConvocoreError]
) -> None:
    """Ours: the key may have been taken away from whoever asks."""
    sandbox = Sandbox(size=100)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        sandbox.fail_next(status)
        harness.time.pass_(minutes=1)
        await harness.asked()
        for _ in range(3):
            with pytest.raises(error):
                await harness.ensure_fresh()
        assert await harness.asked() == 1
        harness.time.pass_(minutes=1)
        assert (await harness.ensure_fresh()).complete


async def test_a_cold_mirror_with_a_wrong_key_refuses() -> None:
    """Promised by contract.md: `unauthorized`, with what to do."""
    async with running_harness(Sandbox(size=100), key="wrong-key") as harness:
        with pytest.raises(UnauthorizedError) as caught:
            await harness.ensure_fresh()
    assert "region" in caught.value.hint


async def test_a_cold_mirror_and_convocore_down_is_an_error_that_can_be_tried_again() -> None:
    """Promised by contract.md: `upstream_unavailable`; and no hammering."""
    sandbox = Sandbox(size=100)
    sandbox.fail_next(503, times=1000)
    async with running_harness(sandbox) as harness:
        for _ in range(4):
            with pytest.raises(UnavailableError):
                await harness.ensure_fresh()
        assert await harness.asked() == 3


async def test_a_cold_mirror_and_no_answer_yet_is_an_error_within_patience() -> None:
    """Promised by design.md: within the budget; reading goes on."""
    sandbox = Sandbox(size=100)
    gate = Gate(sandbox, after=0)
    async with running_harness(sandbox, schedule=IMPATIENT) as harness:
        with pytest.raises(UnavailableError, match="not answered yet") as caught:
            await harness.ensure_fresh()
        assert caught.value.retry_after
        gate.open()
        await harness.at_rest()
        assert (await harness.ensure_fresh()).complete


@BOTH
async def test_a_slow_first_walk_is_answered_in_part_and_goes_on(dialect: Dialect) -> None:
    """Promised by design.md: a cold mirror answers from what it has, and says so."""
    sandbox = Sandbox(size=400, dialect=dialect, max_limit=20)
    started_at = datetime.now(UTC)
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, schedule=IMPATIENT) as harness:
        full_sync = asyncio.ensure_future(harness.sync())
        await gate.reached.wait()
        fresh = await harness.ensure_fresh()
        assert fresh.complete is False
        assert 0 < fresh.conversations < 400
        assert fresh.oldest is not None
        assert started_at <= fresh.as_of <= harness.time()
        assert any("first reading is under way" in note for note in fresh.notes)

        gate.open()
        await full_sync
        assert (await harness.ensure_fresh()).complete
        assert harness.held == harness.wanted


async def test_a_window_is_answered_as_soon_as_the_walk_has_passed_it() -> None:
    """Promised by design.md: a question that needs a window needs reading only that far back."""
    sandbox = Sandbox(size=400)
    times = [row["ts"] for row in sandbox.rows()]
    gate = Gate(sandbox, after=5)
    async with running_harness(sandbox, schedule=Schedule(patience=30)) as harness:
        at = times[30] if times[30] < 10**11 else times[30] / 1000
        fresh = await harness.ensure_fresh(since=datetime.fromtimestamp(at, UTC))
        assert fresh.complete
        assert fresh.conversations < 400
        gate.open()


async def test_a_sweep_that_fails_late_is_not_begun_again_at_once() -> None:
    """Ours: else a list with one bad place would be read up to there again and again."""
    sandbox = Sandbox(size=400)
    async with running_harness(sandbox) as harness:
        await harness.ensure_fresh()
        harness.time.pass_(hours=7)
        sandbox.fail_next(400, after=11)
        await harness.ensure_fresh()
        await harness.at_rest()
        await harness.asked()
        for _ in range(5):
            harness.time.pass_(minutes=1)
            await harness.ensure_fresh()
            await harness.at_rest()
        assert await harness.asked() <= 5
        harness.time.pass_(minutes=10)
        fresh = await harness.ensure_fresh()
        await harness.at_rest()
        assert fresh.complete
        assert 8 <= await harness.asked() <= 15  # it goes on where it failed
        assert harness.held == harness.wanted


async def test_a_mistake_of_our_own_is_told_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ours: nobody awaits a reading, so a bug in it must show elsewhere."""

    def broken(agent_id: str, **_: object) -> NoReturn:
        raise ZeroDivisionError(agent_id)

    async with running_harness(Sandbox(size=10)) as harness:
        harness.client.conversations = broken  # type: ignore[method-assign]
        with caplog.at_level(logging.ERROR), pytest.raises(ConvocoreError, match="our own"):
            await harness.ensure_fresh()
    assert "ZeroDivisionError" in caplog.text


async def test_two_agents_are_read_side_by_side() -> None:
    """Ours: single flight is per agent, failures too."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        good = asyncio.ensure_future(harness.ensure_fresh())
        with pytest.raises(NotFoundError):
            await harness.agent_sync.ensure_fresh("nobody")
        assert (await good).complete
        assert (await harness.ensure_fresh()).complete
