"""What an answer says of its freshness, and when there is none, as tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from convocore_mcp.errors import (
    ConvocoreError,
    ForbiddenError,
    MirrorError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.models import EVERYTHING, Coverage, Freshness, ReadScope
from convocore_mcp.sync.freshness import (
    CLOCK_WAS_AHEAD,
    FULL_SYNC_OVERDUE,
    SyncState,
    freshness,
    refusal,
)
from convocore_mcp.sync.page_writer import LIST_MOVED_TOO_FAST, Progress

NOW = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)
DOWN, SLOW = UnavailableError("Convocore is down."), RateLimitedError("Too many requests.")
BUG = ConvocoreError("The sync failed because of a bug of ours.")


def ago(**amount: float) -> datetime:
    return NOW - timedelta(**amount)


EMPTY = Coverage()
PARTIAL = Coverage(as_of=ago(seconds=9), oldest=ago(days=2), conversations=40)
COMPLETE = Coverage(
    as_of=ago(seconds=9), full_sync_at=ago(hours=1), oldest=ago(days=90), conversations=400
)
WITH_GAP = Coverage(
    as_of=ago(seconds=9),
    full_sync_at=ago(hours=1),
    oldest=ago(days=90),
    conversations=400,
    gap=LIST_MOVED_TOO_FAST,
)
FIRST_SYNC = Progress(
    started_at=ago(seconds=5), rows=60, oldest=ago(days=3), complete_since=ago(days=3)
)
STOPPED = "The first full sync has stopped after 40 conversations; the rest is not known."
FULL_DISK = MirrorError("The disk is full.")
CANT_BE_KEPT = "The mirror can't be updated now and may be outdated: The disk is full."
CANT_BE_READ = "Convocore can't be read now, so the mirror may be outdated: Convocore is down."


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (SyncState(COMPLETE), None),
        (SyncState(COMPLETE, failure=DOWN), None),
        (SyncState(COMPLETE, still_waiting=True, upstream_error=DOWN), None),
        (SyncState(PARTIAL, failure=DOWN), None),
        (SyncState(Coverage(full_sync_at=ago(hours=1)), failure=DOWN), None),  # an empty list
        (SyncState(EMPTY), MirrorError),  # a mirror that has just replaced another one
        (SyncState(EMPTY, failure=DOWN), DOWN),
        (SyncState(EMPTY, failure=DOWN, sync_error=BUG), DOWN),
        (SyncState(EMPTY, sync_error=BUG), BUG),
        (SyncState(EMPTY, still_waiting=True, upstream_error=SLOW), SLOW),
        (SyncState(EMPTY, upstream_error=SLOW), MirrorError),
    ],
)
def test_an_answer_is_given_unless_the_mirror_is_empty(
    state: SyncState, error: ConvocoreError | type[ConvocoreError] | None
) -> None:
    """Promised by docs/architecture.md, "The mirror": if Convocore is down, the mirror answers."""
    found = refusal(state)
    assert isinstance(found, error) if isinstance(error, type) else found is error


@pytest.mark.parametrize("error", [UnauthorizedError, ForbiddenError, NotFoundError])
@pytest.mark.parametrize("coverage", [EMPTY, PARTIAL, COMPLETE])
def test_a_refused_key_or_agent_gets_no_answer(
    coverage: Coverage, error: type[ConvocoreError]
) -> None:
    """Ours: the key may have been revoked."""
    refused = error("No.")
    assert refusal(SyncState(coverage, failure=refused)) is refused


def test_no_answer_of_convocore_yet_is_an_error_that_says_when_to_ask_again() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `retry_after`."""
    error = refusal(SyncState(EMPTY, still_waiting=True))
    assert isinstance(error, UnavailableError)
    assert error.message == "Convocore has not answered yet."
    assert error.retry_after == 5


@pytest.mark.parametrize(
    ("state", "scope", "complete", "oldest"),
    [
        (SyncState(COMPLETE), EVERYTHING, True, None),
        (SyncState(WITH_GAP), EVERYTHING, False, ago(days=90)),
        (SyncState(replace(COMPLETE, doubt="Gone?")), EVERYTHING, False, ago(days=90)),
        (SyncState(replace(COMPLETE, dropped_fields=3)), EVERYTHING, False, None),
        (SyncState(COMPLETE, overdue=True), EVERYTHING, False, ago(days=90)),
        # Stale, or with rows that can't be read: all was read once, but later changes are missing.
        (SyncState(COMPLETE, failure=DOWN), EVERYTHING, False, None),
        (SyncState(COMPLETE, failure=FULL_DISK), EVERYTHING, False, None),
        (SyncState(COMPLETE, still_waiting=True), EVERYTHING, False, None),
        (SyncState(replace(COMPLETE, as_of=None)), EVERYTHING, False, None),
        (SyncState(replace(COMPLETE, quarantined=1)), EVERYTHING, False, None),
        (SyncState(PARTIAL), ReadScope(since=ago(days=1)), False, ago(days=2)),
        (SyncState(PARTIAL, FIRST_SYNC), EVERYTHING, False, ago(days=3)),
        (SyncState(PARTIAL, Progress()), EVERYTHING, False, ago(days=2)),
        (SyncState(PARTIAL, FIRST_SYNC), ReadScope(since=ago(days=2)), True, None),
        (SyncState(PARTIAL, FIRST_SYNC), ReadScope(since=ago(days=3)), False, ago(days=3)),
        (SyncState(PARTIAL, FIRST_SYNC), ReadScope(rows=20), False, ago(days=3)),
        (
            SyncState(PARTIAL, FIRST_SYNC),
            ReadScope(since=ago(days=2), people=True),
            False,
            ago(days=3),
        ),
    ],
)
def test_an_answer_is_complete_when_its_scope_was_read(
    state: SyncState, scope: ReadScope, complete: bool, oldest: datetime | None
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` and `oldest`.

    Holds docs/contract.md #freshness #never-falsely-complete.
    """
    answer = freshness(state, scope, now=NOW)
    assert (answer.complete, answer.oldest) == (complete, oldest)


@pytest.mark.parametrize(
    ("state", "as_of"),
    [
        (SyncState(COMPLETE), ago(seconds=9)),
        (SyncState(PARTIAL, FIRST_SYNC), ago(seconds=9)),
        (SyncState(Coverage(conversations=1), FIRST_SYNC), ago(seconds=5)),
        (SyncState(Coverage(conversations=1), Progress()), NOW),
    ],
)
def test_as_of_is_when_the_front_of_the_list_was_read(state: SyncState, as_of: datetime) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `as_of`.

    Holds docs/contract.md #freshness.
    """
    assert freshness(state, EVERYTHING, now=NOW).as_of == as_of


@pytest.mark.parametrize(
    ("state", "notes"),
    [
        (SyncState(COMPLETE), ()),
        (SyncState(PARTIAL), (STOPPED,)),
        (SyncState(PARTIAL, failure=DOWN), (STOPPED, CANT_BE_READ)),
        (SyncState(COMPLETE, failure=FULL_DISK), (CANT_BE_KEPT,)),
        (SyncState(replace(COMPLETE, as_of=None)), (CLOCK_WAS_AHEAD,)),
        (
            SyncState(PARTIAL, FIRST_SYNC, still_waiting=True),
            ("A first full sync is under way, 40 conversations so far; ask again for the rest.",),
        ),
        (
            SyncState(PARTIAL, Progress(rows=20)),
            ("A first full sync is under way, 40 conversations so far; ask again for the rest.",),
        ),
        (SyncState(WITH_GAP), (LIST_MOVED_TOO_FAST,)),
        (
            SyncState(Coverage(as_of=NOW, full_sync_at=NOW, quarantined=2)),
            ("2 records could not be read; left out (quarantined).",),
        ),
        (
            SyncState(replace(COMPLETE, dropped_fields=3, with_dropped_fields=2)),
            ("3 fields of 2 conversations could not be read; left out.",),
        ),
        (SyncState(replace(WITH_GAP, doubt="Gone?")), (LIST_MOVED_TOO_FAST, "Gone?")),
        (SyncState(COMPLETE, overdue=True), (FULL_SYNC_OVERDUE,)),
        (SyncState(COMPLETE, failure=DOWN), (CANT_BE_READ,)),
        (SyncState(COMPLETE, failure=DOWN, still_waiting=True), (CANT_BE_READ,)),
        (SyncState(COMPLETE, upstream_error=DOWN, still_waiting=True), (CANT_BE_READ,)),
        (SyncState(COMPLETE, upstream_error=DOWN), ()),
        (SyncState(COMPLETE, still_waiting=True), ("New conversations are still being read.",)),
        (SyncState(COMPLETE, upstream_note="It is slow."), ("It is slow.",)),
        (
            SyncState(WITH_GAP, still_waiting=True, upstream_note="It is slow."),
            (LIST_MOVED_TOO_FAST, "New conversations are still being read.", "It is slow."),
        ),
    ],
)
def test_notes_say_what_an_answer_lacks(state: SyncState, notes: tuple[str, ...]) -> None:
    """Promised by docs/contract.md, "Rules for every answer": each shortcoming is a note.

    Holds docs/contract.md #freshness-notes.
    """
    assert freshness(state, EVERYTHING, now=NOW).notes == notes


@pytest.mark.parametrize(
    ("state", "progress"),
    [
        (SyncState(COMPLETE, full_sync=Progress(rows=100)), None),
        (SyncState(WITH_GAP), None),
        (SyncState(WITH_GAP, full_sync=Progress(rows=100)), 0.25),
        (SyncState(WITH_GAP, full_sync=Progress(rows=900)), 0.99),
        (SyncState(PARTIAL, FIRST_SYNC, full_sync=FIRST_SYNC), None),
    ],
)
def test_progress_is_reported_where_a_full_sync_has_counted_the_list(
    state: SyncState, progress: float | None
) -> None:
    """Ours: the length of a list that was never read to its end is not known.

    Holds docs/contract.md #freshness-notes.
    """
    assert freshness(state, EVERYTHING, now=NOW).progress == progress


def test_how_old_a_mirror_is_whose_clock_was_ahead_is_not_made_up() -> None:
    """Ours: Convocore was read when its newest conversation was active, or later."""
    coverage = replace(COMPLETE, as_of=None, watermark=ago(hours=2))
    assert freshness(SyncState(coverage), EVERYTHING, now=NOW).as_of == ago(hours=2)


def test_a_complete_answer_has_nothing_to_add() -> None:
    """Promised by docs/contract.md, "Rules for every answer": the whole of `freshness`."""
    assert freshness(SyncState(COMPLETE), EVERYTHING, now=NOW) == Freshness(
        as_of=ago(seconds=9), complete=True, conversations=400
    )
