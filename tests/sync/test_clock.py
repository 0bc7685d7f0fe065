"""The clock was wrong: no stored time prevents new conversations from being read."""

from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.errors import ConvocoreError, UnavailableError
from convocore_mcp.models import Coverage, UnfinishedSync
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.sync.decisions import (
    LONG_AGO,
    Action,
    Failure,
    Failures,
    Schedule,
    full_sync_due,
    next_action,
    without_future,
)

from .sync_harness import SyncHarness, open_mirror, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
NOW = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)
AHEAD, BEFORE = NOW + timedelta(days=3), NOW - timedelta(hours=1)
SYNCED = Coverage(as_of=BEFORE, full_sync_at=BEFORE, watermark=BEFORE, conversations=7)


def change_everything(sandbox: Sandbox) -> None:
    """An arrival, a message, a silent edit and a deletion."""
    ids = [row["ID"] for row in sandbox.rows()]
    sandbox.touch(ids[40])
    sandbox.edit(ids[60], stage="won")
    sandbox.delete(ids[80])
    sandbox.insert(userName="New")


async def check_new_rows(harness: SyncHarness) -> None:
    """The next answer has the new rows, and the full sync after it finds the rest."""
    freshness = await harness.ensure_fresh()
    missing = {row[:3] for row in harness.upstream_rows} - {row[:3] for row in harness.mirror_rows}
    assert not missing
    assert freshness.as_of <= harness.clock()
    await harness.wait_for_runs()
    assert harness.mirror_rows == harness.upstream_rows
    assert (await harness.ensure_fresh()).complete


@BOTH_DIALECTS
async def test_a_mirror_that_a_clock_ahead_has_written_is_read_again(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": a time in the future is no watermark."""
    sandbox, mirror = Sandbox(size=200, dialect=dialect), open_mirror("memory")
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.clock.advance(days=3)
        await harness.sync()
        sandbox.insert(userName="Seen by an incremental sync")
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
    change_everything(sandbox)
    async with running_harness(sandbox, mirror=mirror) as harness:
        await check_new_rows(harness)
    mirror.close()


async def test_a_clock_that_is_set_back_while_the_server_runs_hides_nothing_new() -> None:
    """Promised by docs/architecture.md, "The mirror": a time in the future is no watermark."""
    sandbox = Sandbox(size=200)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        harness.clock.advance(days=-3)
        change_everything(sandbox)
        await check_new_rows(harness)


@BOTH_DIALECTS
@pytest.mark.parametrize("minutes", [1, 5, 9, 12])
async def test_a_clock_that_is_set_back_by_minutes_hides_no_silent_edit(
    minutes: int, dialect: Dialect
) -> None:
    """Ours: a page is no older than another because the clock that noted it was ahead."""
    sandbox = Sandbox(size=60, dialect=dialect)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        harness.clock.advance(minutes=-minutes)
        ids = [row["ID"] for row in sandbox.rows()]
        sandbox.edit(ids[30], stage="won", lastModified=None)
        sandbox.delete(ids[40])
        await harness.sync()
        complete = harness.coverage.complete
        assert harness.mirror_rows == harness.upstream_rows or not complete
        harness.clock.advance(minutes=minutes + 11)
        await harness.ensure_fresh()
        await harness.wait_for_runs()
        assert harness.mirror_rows == harness.upstream_rows
        assert (await harness.ensure_fresh()).complete


@pytest.mark.parametrize(("at_page", "back"), [(4, timedelta(days=3)), (8, timedelta(minutes=5))])
async def test_a_clock_that_is_set_back_during_a_full_sync_removes_nothing(
    at_page: int, back: timedelta
) -> None:
    """Ours: rows that were read "before" the sync began are not missing.

    Late in the list they are so few that the sync would seem to have found enough. By minutes, the
    rows that were read before the clock was set back are not taken for rows of a clock ahead; until
    these have passed, answers are not complete.
    """
    sandbox = Sandbox(size=200)
    for row in list(sandbox.rows())[-30:]:
        sandbox.without_item(row["ID"])
    async with running_harness(sandbox) as harness:
        await harness.sync()
        first = sandbox.list_requests

        def set_back(number: int) -> None:
            if number == first + at_page:
                harness.clock.offset -= back

        sandbox.on_request.append(set_back)
        for _ in range(2):
            await harness.sync()
            assert harness.mirror_rows == harness.upstream_rows
        assert harness.coverage.complete is (back > timedelta(days=1))


async def test_a_full_sync_that_began_in_the_future_is_not_resumed() -> None:
    """Ours: everything that is read now would count as missed by it."""
    sandbox, mirror = Sandbox(size=200), open_mirror("memory")
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.clock.advance(days=3)
        sandbox.fail_next(503, after=5, times=3)
        with pytest.raises(UnavailableError):
            await harness.sync()
        assert harness.coverage.unfinished is not None
    async with running_harness(sandbox, mirror=mirror) as harness:
        await check_new_rows(harness)
        assert harness.coverage.unfinished is None
    mirror.close()


async def test_a_failure_of_the_future_does_not_keep_anybody_waiting() -> None:
    """Ours: the pause after a failure is over when the clock says that the failure is to come."""
    sandbox = Sandbox(size=60)
    async with running_harness(sandbox) as harness:
        sandbox.fail_next(400)
        with pytest.raises(ConvocoreError):
            await harness.ensure_fresh()
        harness.clock.advance(days=-1)
        assert (await harness.ensure_fresh()).complete
        assert harness.mirror_rows == harness.upstream_rows


async def test_a_quarantined_row_that_a_clock_ahead_has_seen_is_dropped_when_it_is_gone() -> None:
    """Ours: else an answer stays incomplete until that time has come."""
    sandbox, mirror = Sandbox(size=60), open_mirror("memory")
    async with running_harness(sandbox, mirror=mirror) as harness:
        harness.clock.advance(days=3)
        sandbox.alter_page(lambda page, _: page | {"data": [*page["data"], {"ID": {}}]})
        await harness.sync()
        assert harness.coverage.quarantined
    sandbox.alter_page(None)
    async with running_harness(sandbox, mirror=mirror) as harness:
        await check_new_rows(harness)
        assert harness.coverage.quarantined == 0
    mirror.close()


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [
        (SYNCED, SYNCED),
        (Coverage(), Coverage()),
        (Coverage(as_of=AHEAD, full_sync_at=BEFORE), Coverage(full_sync_at=BEFORE)),
        (Coverage(as_of=BEFORE, full_sync_at=AHEAD), Coverage(BEFORE, LONG_AGO)),
        (Coverage(watermark=AHEAD), Coverage()),
        (Coverage(unfinished=UnfinishedSync(AHEAD, "t", BEFORE)), Coverage()),
        (
            Coverage(full_sync_at=BEFORE, lost_at=AHEAD),
            Coverage(
                full_sync_at=BEFORE, lost_at=BEFORE
            ),  # the agent was gone, until the next full sync
        ),
        (
            Coverage(unfinished=UnfinishedSync(BEFORE, "t", AHEAD)),
            Coverage(unfinished=UnfinishedSync(BEFORE, "t", None)),
        ),
    ],
)
def test_times_in_the_future_are_left_out(coverage: Coverage, expected: Coverage) -> None:
    """Promised by docs/architecture.md, "The mirror": a time in the future is no watermark."""
    assert without_future(coverage, now=NOW) == expected


def test_what_a_wrong_clock_has_noted_is_due_again() -> None:
    """Ours: new rows are read before the answer, and everything after it."""
    schedule, ahead = Schedule(), Failures(Failure(AHEAD, ConvocoreError("down")), AHEAD)
    known = without_future(Coverage(as_of=AHEAD, full_sync_at=AHEAD, conversations=7), now=NOW)
    for failures in (Failures(), ahead):
        action = next_action(known, failures, full_sync_running=False, now=NOW, schedule=schedule)
        assert action is Action.INCREMENTAL_SYNC
    assert full_sync_due(known, Failures(), now=NOW, schedule=schedule)
    assert full_sync_due(known, Failures(full_sync_at=AHEAD), now=NOW, schedule=schedule)
