"""Decides what to sync next. Pure: coverage, failures, time and schedule are arguments."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from typing import Self

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.models import Coverage, ReadScope
from convocore_mcp.sync.list_order import CLOCK_SKEW

CLOCK_JITTER = timedelta(seconds=30)
"""A stored time may be this much later than now: clocks of machines that share a mirror differ."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SyncKind(StrEnum):
    """The two kinds of sync."""

    FULL = "full"
    """Reads the whole list."""
    INCREMENTAL = "incremental"
    """Reads the front of the list, down to what is known."""


class Action(Enum):
    """What to do before a question is answered."""

    NOTHING = "the mirror is fresh enough"
    INCREMENTAL_SYNC = "join or start an incremental sync"
    FULL_SYNC = "join or start a full sync"
    BACK_OFF = "a sync has just failed: send no request yet"


SHARE_OF_A_CALL = 0.7
"""The share of a call's time that it may wait for a sync; the rest is for the answer."""
SHARE_OF_LEADS = 0.15
"""The share of it that the call may wait for the leads of the rows read so far."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How old the mirror may get, and how long a caller waits for a sync."""

    incremental_after: timedelta = timedelta(seconds=30)
    full_after: timedelta = timedelta(hours=6)
    retry_incomplete_after: timedelta = timedelta(minutes=10)
    """How old a full sync may get that may have missed rows, or that failed."""
    first_sync_patience: float = 2.8
    """Seconds a caller waits for the first full sync."""
    incremental_patience: float = 2.8
    """Seconds a caller waits for a sync when the mirror can already give an older answer."""
    min_seconds_when_patient: float = 18.0
    """Minimum seconds that a patient caller waits: one that receives progress meanwhile."""
    grace: float = 3.0
    """Seconds that a caller with an answer waits further for the end of the first full sync."""
    people_grace: float = 10.0
    """The same for a question about people, which needs every conversation to be complete."""
    leads_patience: float = 1.2
    """Seconds a caller waits until the leads follow what a first sync has read so far."""
    failure_pause: timedelta = timedelta(seconds=15)
    """After a failure, no request is sent to Convocore for this long."""

    @classmethod
    def for_answers_within(
        cls, seconds: float, *, incremental_after: timedelta, full_after: timedelta
    ) -> "Schedule":
        """A schedule by which a call answers within `seconds`, its own work included."""
        patience = SHARE_OF_A_CALL * seconds
        return cls(
            incremental_after=incremental_after,
            full_after=full_after,
            first_sync_patience=patience,
            incremental_patience=patience,
            leads_patience=SHARE_OF_LEADS * seconds,
        )

    @property
    def overdue_after(self) -> timedelta:
        """How old a full sync may get until answers say so.

        A running program has made the next one by then. So it did not run, or full syncs fail.
        """
        return 2 * self.full_after

    def patience(self, *, first_sync: bool, patient: bool) -> float:
        """Seconds a caller waits."""
        usual = self.first_sync_patience if first_sync else self.incremental_patience
        return max(usual, self.min_seconds_when_patient) if patient else usual

    def patience_when_overdue(self, *, patient: bool) -> float:
        """Seconds a caller waits for an overdue full sync, after having waited for the front."""
        return self.patience(first_sync=False, patient=patient) / 4

    def grace_for(self, scope: ReadScope) -> float:
        """Seconds to wait further once there is an answer for `scope`."""
        return self.people_grace if scope.people else self.grace


@dataclass(frozen=True, slots=True)
class Failure:
    """A sync that failed."""

    at: datetime
    error: ConvocoreError


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one agent's syncs that still matter."""

    latest: Failure | None = None
    """The newest failure of either kind, while no sync has succeeded since."""
    full_sync_at: datetime | None = None
    """When a full sync last failed."""

    def after_failure(self, kind: SyncKind, error: ConvocoreError, *, at: datetime) -> Self:
        """The failures once a sync of that kind has failed."""
        full_sync_at = at if kind is SyncKind.FULL else self.full_sync_at
        return replace(self, latest=Failure(at, error), full_sync_at=full_sync_at)

    def after_success(self) -> Self:
        """The failures once a sync has succeeded."""
        return replace(self, latest=None)

    def still_valid(self, coverage: Coverage) -> Self:
        """The failures without one that another process has overcome by a newer sync."""
        overcome = (
            self.latest is not None
            and coverage.as_of is not None
            and coverage.as_of > self.latest.at
        )
        return self.after_success() if overcome else self


def without_future(coverage: Coverage, *, now: datetime) -> Coverage:
    """`coverage` without times in the future, which come from a clock that was ahead.

    `as_of` becomes unknown, so the front is read again. A full sync stays complete, but counts as
    one of long ago. An unfinished full sync that can't be resumed is forgotten.
    """
    latest, unfinished, lost_at = now + CLOCK_JITTER, coverage.unfinished, coverage.lost_at
    if unfinished is not None and unfinished.started_at > latest:
        unfinished = None
    full_sync_at = _unless_later(coverage.full_sync_at, latest)
    if full_sync_at is None and coverage.full_sync_at is not None:
        full_sync_at = LONG_AGO
    return replace(
        coverage,
        as_of=_unless_later(coverage.as_of, latest),
        full_sync_at=full_sync_at,
        watermark=_unless_later(coverage.watermark, now + CLOCK_SKEW),
        unfinished=unfinished
        and replace(unfinished, watermark=_unless_later(unfinished.watermark, now + CLOCK_SKEW)),
        lost_at=lost_at and (_unless_later(lost_at, latest) or full_sync_at or LONG_AGO),
    )


def _unless_later(time: datetime | None, latest: datetime) -> datetime | None:
    return None if time is None or time > latest else time


def _within(duration: timedelta, since: datetime, *, now: datetime) -> bool:
    """Whether less than `duration` has passed; not if `since` lies in the future."""
    return timedelta() <= now - since < duration


def last_sync_at(coverage: Coverage, kind: SyncKind) -> datetime | None:
    """When the newest sync of that kind was made; changes with every further one."""
    return coverage.full_sync_at if kind is SyncKind.FULL else coverage.as_of


def next_action(
    coverage: Coverage,
    failures: Failures,
    *,
    full_sync_running: bool,
    now: datetime,
    schedule: Schedule,
) -> Action:
    """Decide what a question has to wait for.

    `coverage` has no times in the future (`without_future`). `full_sync_running` says whether this
    process has a full sync of the agent under way. A first one is joined even right after a
    failure: it sends its requests anyway.
    """
    if coverage.full_sync_at is None and full_sync_running:
        return Action.FULL_SYNC
    failure = failures.latest
    if failure is not None and _within(schedule.failure_pause, failure.at, now=now):
        return Action.BACK_OFF
    if coverage.full_sync_at is None or coverage.agent_was_gone:
        return Action.FULL_SYNC
    if coverage.as_of is None or now - coverage.as_of > schedule.incremental_after:
        return Action.INCREMENTAL_SYNC
    return Action.NOTHING


def full_sync_overdue(coverage: Coverage, *, now: datetime, schedule: Schedule) -> bool:
    """Whether edits and deletions that do not move a row may have been missed for too long."""
    read_at = coverage.full_sync_at
    return read_at is not None and now - read_at > schedule.overdue_after


def full_sync_due(
    coverage: Coverage, failures: Failures, *, now: datetime, schedule: Schedule
) -> bool:
    """Decide whether another full sync is due; it runs in the background.

    Only a full sync finds deletions, and edits that do not move a row to the front. None is due
    while Convocore fails. A full sync that failed late is not repeated at once: it would read the
    list up to the same row each time.
    """
    if coverage.full_sync_at is None or failures.latest is not None:
        return False
    retry_after, failed_at = schedule.retry_incomplete_after, failures.full_sync_at
    if failed_at is not None and _within(retry_after, failed_at, now=now):
        return False
    age = min(retry_after, schedule.full_after) if coverage.gap else schedule.full_after
    return now - coverage.full_sync_at > age
