"""What is decided about details."""

from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.models import (
    DetailsOutcome,
    DetailsState,
    DetailsTrial,
    ReadDetails,
    TrialResult,
    WantedDetails,
)
from convocore_mcp.store.details.trial_rows import SHORT_TRIAL, TRIAL_SIZE
from convocore_mcp.sync.details.plan import (
    DetailsAction,
    DetailsMode,
    DetailsPlan,
    missing_details,
    next_details_action,
)
from convocore_mcp.sync.details.trial import Trial

SYNC = datetime(2026, 8, 1, 12, tzinfo=UTC)
AUTO, OFF, ALL = (DetailsPlan(mode) for mode in DetailsMode)


def trial(result: TrialResult) -> DetailsTrial:
    return DetailsTrial(int(SYNC.timestamp() * 1000), result.value)


def answers(outcome: DetailsOutcome, count: int) -> list[ReadDetails]:
    return [ReadDetails(WantedDetails(f"c{i}", i), outcome) for i in range(count)]


@pytest.mark.parametrize(
    ("plan", "result", "hours", "action"),
    [
        (AUTO, None, 0, DetailsAction.TRIAL),
        (AUTO, TrialResult.ADDS, 0, DetailsAction.READ),
        (AUTO, TrialResult.ADDS, 6, DetailsAction.READ),
        (AUTO, TrialResult.LIST_IS_FULL, 0, DetailsAction.NOTHING),
        (AUTO, TrialResult.LIST_IS_FULL, 6, DetailsAction.TRIAL),
        (AUTO, TrialResult.REFUSED, 6, DetailsAction.TRIAL),
        (ALL, None, 0, DetailsAction.READ),
        (ALL, TrialResult.LIST_IS_FULL, 0, DetailsAction.READ),
        (OFF, TrialResult.ADDS, 6, DetailsAction.NOTHING),
    ],
)
def test_a_trial_comes_first_and_again_after_each_full_sync(
    plan: DetailsPlan, result: TrialResult | None, hours: int, action: DetailsAction
) -> None:
    """Promised by docs/architecture.md, "Details"."""
    known = trial(result) if result else None
    assert next_details_action(plan, known, full_sync_at=SYNC + timedelta(hours=hours)) is action
    assert next_details_action(plan, known, full_sync_at=None) is DetailsAction.NOTHING


def test_a_trial_ends_when_something_was_added_or_enough_was_read() -> None:
    """Promised by docs/architecture.md, "Details": sixty 404s and nothing else tell that none is
    given, broken records tell nothing."""
    read = answers(DetailsOutcome.READ, TRIAL_SIZE)
    assert Trial().result_with(read[:4], added=1, exhausted=False) is TrialResult.ADDS
    trial = Trial()
    assert trial.result_with(read[:-1], added=0, exhausted=False) is None
    assert trial.result_with(read[:1], added=0, exhausted=False) is TrialResult.LIST_IS_FULL
    assert Trial().result_with(read[:1], added=0, exhausted=True) is TrialResult.LIST_IS_FULL
    trial = Trial()
    missing = answers(DetailsOutcome.MISSING, SHORT_TRIAL)
    assert trial.result_with(missing[:-1], added=0, exhausted=False) is None
    assert trial.is_short
    assert trial.result_with(missing[:1], added=0, exhausted=False) is TrialResult.REFUSED
    trial = Trial()
    assert trial.result_with(missing[:-1], added=0, exhausted=False) is None
    broken = answers(DetailsOutcome.BROKEN, SHORT_TRIAL)
    assert trial.result_with(broken, added=0, exhausted=False) is None
    assert not trial.is_short


def test_a_full_list_lacks_nothing_and_before_the_trial_nobody_knows() -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it isn't."""
    unknown = DetailsState(pending=5, refused=2)
    assert missing_details(AUTO, unknown) == unknown
    full = DetailsState(5, 2, trial(TrialResult.LIST_IS_FULL))
    assert (missing_details(AUTO, full).pending, missing_details(AUTO, full).refused) == (0, 0)
    refused = DetailsState(5, 2, trial(TrialResult.REFUSED))
    assert (missing_details(AUTO, refused).pending, missing_details(AUTO, refused).refused) == (
        0,
        7,
    )
    adds = DetailsState(5, 2, trial(TrialResult.ADDS))
    assert missing_details(AUTO, adds) == adds
    assert missing_details(ALL, full) == full
    off = DetailsState(unread=5, refused=2, trial=trial(TrialResult.ADDS))
    assert missing_details(OFF, adds) == off
    assert missing_details(OFF, DetailsState(5, 2, bare=True)).unread == 5
    assert missing_details(OFF, DetailsState(5, 2)).unread == 0
    full = DetailsState(5, 2, trial(TrialResult.LIST_IS_FULL), bare=True)
    assert missing_details(OFF, full).unread == 0
