"""What to sync next, as tables: coverage, failures, time and schedule decide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.errors import UnavailableError
from convocore_mcp.models import EVERYTHING, Coverage, ReadScope
from convocore_mcp.sync.decisions import (
    Action,
    Failure,
    Failures,
    Schedule,
    SyncKind,
    full_sync_due,
    last_sync_at,
    next_action,
)

NOW = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)
ERROR = UnavailableError("down")
SCHEDULE = Schedule(
    incremental_after=timedelta(seconds=30),
    full_after=timedelta(hours=6),
    retry_incomplete_after=timedelta(minutes=10),
    failure_pause=timedelta(seconds=15),
)


def ago(**amount: float) -> datetime:
    return NOW - timedelta(**amount)


def synced(as_of: datetime, full_sync_at: datetime, gap: str | None = None) -> Coverage:
    return Coverage(as_of=as_of, full_sync_at=full_sync_at, gap=gap, conversations=7)


EMPTY = Coverage()
PARTIAL = Coverage(as_of=ago(minutes=5), conversations=7)
FRESH = synced(ago(seconds=30), ago(hours=1))
OLD = synced(ago(seconds=31), ago(hours=1))
NO_FAILURES = Failures()
JUST_FAILED = Failures(Failure(ago(seconds=14), ERROR), full_sync_at=ago(seconds=14))
FAILED_BEFORE = Failures(Failure(ago(seconds=15), ERROR))


@pytest.mark.parametrize(
    ("coverage", "failures", "full_sync_running", "action"),
    [
        (EMPTY, NO_FAILURES, False, Action.FULL_SYNC),
        (EMPTY, NO_FAILURES, True, Action.FULL_SYNC),
        (PARTIAL, NO_FAILURES, False, Action.FULL_SYNC),
        (PARTIAL, NO_FAILURES, True, Action.FULL_SYNC),
        (FRESH, NO_FAILURES, False, Action.NOTHING),
        (FRESH, NO_FAILURES, True, Action.NOTHING),
        (OLD, NO_FAILURES, False, Action.INCREMENTAL_SYNC),
        # A repeated full sync takes long; new rows must not wait for it.
        (OLD, NO_FAILURES, True, Action.INCREMENTAL_SYNC),
        (EMPTY, JUST_FAILED, False, Action.BACK_OFF),
        (PARTIAL, JUST_FAILED, False, Action.BACK_OFF),
        (OLD, JUST_FAILED, False, Action.BACK_OFF),
        # A first full sync under way sends its requests anyway.
        (EMPTY, JUST_FAILED, True, Action.FULL_SYNC),
        (OLD, JUST_FAILED, True, Action.BACK_OFF),
        (EMPTY, FAILED_BEFORE, False, Action.FULL_SYNC),
        (OLD, FAILED_BEFORE, False, Action.INCREMENTAL_SYNC),
        (FRESH, FAILED_BEFORE, False, Action.NOTHING),
    ],
)
def test_what_a_question_waits_for(
    coverage: Coverage, failures: Failures, full_sync_running: bool, action: Action
) -> None:
    """Promised by docs/architecture.md, "The mirror": the schedule."""
    decided = next_action(
        coverage, failures, full_sync_running=full_sync_running, now=NOW, schedule=SCHEDULE
    )
    assert decided is action


@pytest.mark.parametrize(
    ("coverage", "failures", "due"),
    [
        (EMPTY, NO_FAILURES, False),  # a question starts the first one, and waits for it
        (PARTIAL, NO_FAILURES, False),
        (synced(NOW, ago(hours=6)), NO_FAILURES, False),
        (synced(NOW, ago(hours=6, seconds=1)), NO_FAILURES, True),
        (synced(NOW, ago(minutes=10), gap="moved"), NO_FAILURES, False),
        (synced(NOW, ago(minutes=10, seconds=1), gap="moved"), NO_FAILURES, True),
        (synced(NOW, ago(hours=7)), FAILED_BEFORE, False),
        (synced(NOW, ago(hours=7)), Failures(full_sync_at=ago(minutes=9)), False),
        (synced(NOW, ago(hours=7)), Failures(full_sync_at=ago(minutes=10)), True),
        (synced(NOW, ago(hours=1)), Failures(full_sync_at=ago(minutes=10)), False),
    ],
)
def test_when_another_full_sync_is_due(coverage: Coverage, failures: Failures, due: bool) -> None:
    """Promised by docs/architecture.md, "The mirror": the schedule."""
    assert full_sync_due(coverage, failures, now=NOW, schedule=SCHEDULE) is due


@pytest.mark.parametrize("gap", [None, "moved"])
def test_a_gap_delays_no_full_sync_that_a_short_interval_makes_due(gap: str | None) -> None:
    """Promised by docs/operations.md, "Settings": the age from which the whole list is read."""
    schedule = replace(SCHEDULE, full_after=timedelta(minutes=1))
    coverage = synced(NOW, ago(minutes=1, seconds=1), gap=gap)
    assert full_sync_due(coverage, NO_FAILURES, now=NOW, schedule=schedule)


def test_a_success_ends_a_failure_but_a_full_syncs_failure_is_remembered() -> None:
    """Ours: an incremental sync that succeeds does not make a failed full sync start again."""
    failed = Failures().after_failure(SyncKind.FULL, ERROR, at=NOW)
    assert failed == Failures(Failure(NOW, ERROR), full_sync_at=NOW)
    assert failed.after_success() == Failures(full_sync_at=NOW)
    assert Failures().after_failure(SyncKind.INCREMENTAL, ERROR, at=NOW).full_sync_at is None


@pytest.mark.parametrize(
    ("as_of", "still_valid"),
    [(None, True), (ago(seconds=20), True), (ago(seconds=14), True), (ago(seconds=13), False)],
)
def test_a_failure_is_forgotten_if_the_mirror_was_synced_after_it(
    as_of: datetime | None, still_valid: bool
) -> None:
    """Ours: another process has overcome it."""
    failures = JUST_FAILED.still_valid(Coverage(as_of=as_of))
    assert (failures.latest is not None) is still_valid
    assert failures.full_sync_at == JUST_FAILED.full_sync_at


def test_the_last_sync_of_each_kind_and_the_grace_of_each_scope() -> None:
    """Ours: an incremental sync moves `as_of`, a full sync also `full_sync_at`."""
    assert last_sync_at(OLD, SyncKind.FULL) == OLD.full_sync_at
    assert last_sync_at(OLD, SyncKind.INCREMENTAL) == OLD.as_of
    assert SCHEDULE.grace_for(ReadScope(people=True)) == SCHEDULE.people_grace
    assert SCHEDULE.grace_for(EVERYTHING) == SCHEDULE.grace
