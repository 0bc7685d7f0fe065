"""When something becomes overdue: the one rule for filters, counts, `alerts` and `why`.

Overdue is an open activity past its due date, or an expected close date in the past while the stage
is open. Where no such date is known, the CRM's own alert decides. A day without a time is past when
it is over in the time zone. Neither `now` nor the zone is read here: both come from the caller.

Source: docs/contract.md, "Tools".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple, Protocol

from convocore_mcp.fields.crm_dates import crm_date
from convocore_mcp.leads.hotness import is_closed
from convocore_mcp.models import Conversation

ACTIVITY_ALERT, CLOSE_ALERT, STALE_ALERT = "overdue_activity", "overdue_ecd", "stale_lead"
"""The CRM's own alerts, as `Conversation.alerts` names them."""
_SECOND = timedelta(seconds=1)


class ActivityWithDueDate(Protocol):
    """What is read of an activity: `models.Activity` of a stored record, or the `PlannedActivity`
    of a parsed row.
    """

    @property
    def completed(self) -> bool | None: ...  # noqa: D102
    @property
    def due_date(self) -> str | datetime | None: ...  # noqa: D102


class Due(NamedTuple):
    """When something is due, and from when on it is overdue. Both are UTC, to the second."""

    at: datetime
    """The moment; of a day, its beginning in the time zone."""
    overdue_at: datetime
    """The first second at which it is overdue; of a day, the end of that day."""


@dataclass(frozen=True, slots=True)
class DueDates:
    """What of a conversation is or will be overdue."""

    activities: tuple[Due, ...] = ()
    """The known due dates of open activities, the first to be overdue first."""
    close: Due | None = None
    """The expected close date, where it is known and the stage is open."""
    activity_alert: bool = False
    """The CRM says that an activity is overdue, and no due date of an open one is known."""
    close_alert: bool = False
    """The CRM says that the close is overdue; the stage is open, and no date of it is known."""

    @property
    def activity_overdue_at(self) -> datetime | None:
        """From when on an activity is overdue; `None` where no due date is known."""
        return self.activities[0].overdue_at if self.activities else None

    @property
    def close_overdue_at(self) -> datetime | None:
        """From when on the close is overdue; `None` where no date is known or the stage closed."""
        return self.close.overdue_at if self.close else None

    def activity_overdue(self, now: datetime) -> bool:
        """Whether an activity is overdue at `now`."""
        overdue_at = self.activity_overdue_at
        return self.activity_alert if overdue_at is None else overdue_at <= now

    def close_overdue(self, now: datetime) -> bool:
        """Whether the expected close is overdue at `now`."""
        return self.close_alert if self.close is None else self.close.overdue_at <= now

    def overdue(self, now: datetime) -> bool:
        """Whether an activity or the expected close is overdue at `now`."""
        return self.activity_overdue(now) or self.close_overdue(now)

    def next_due(self, now: datetime) -> Due | None:
        """The first open activity that is not overdue at `now`: what is due today counts."""
        return min((due for due in self.activities if due.overdue_at > now), default=None)


def due_dates(conversation: Conversation, zone: tzinfo) -> DueDates:
    """The due dates of a conversation with its record parts; days are those of `zone`."""
    c = conversation
    return find_due_dates(
        c.record_parts.crm_activities, c.expected_close, c.stage, c.alerts or (), zone
    )


def due_dates_of_row(conversation: Conversation, zone: tzinfo) -> DueDates:
    """The due dates of a conversation that was just parsed; days are those of `zone`."""
    c = conversation
    return find_due_dates(c.facts.activities, c.expected_close, c.stage, c.alerts or (), zone)


def find_due_dates(
    activities: Iterable[ActivityWithDueDate],
    expected_close: str | None,
    stage: str | None,
    alerts: Iterable[str],
    zone: tzinfo,
) -> DueDates:
    """The due dates among the parts of a conversation; `alerts` are those that are on."""
    open_ = (activity for activity in activities if not activity.completed)
    due_times = (
        due_of(activity.due_date, zone) for activity in open_ if activity.due_date is not None
    )
    known = tuple(sorted((due for due in due_times if due is not None), key=_first_to_be_overdue))
    stage_open = not is_closed(stage)
    close = due_of(expected_close, zone) if stage_open else None
    active_alerts = frozenset(alerts)
    return DueDates(
        activities=known,
        close=close,
        activity_alert=not known and ACTIVITY_ALERT in active_alerts,
        close_alert=stage_open and close is None and CLOSE_ALERT in active_alerts,
    )


def due_of(text: str | datetime | None, zone: tzinfo) -> Due | None:
    """When a date of the CRM is due, and overdue; `None` where it can't be read."""
    found = crm_date(text)
    if found is None:
        return None
    if isinstance(found, datetime):
        moment = found.astimezone(UTC).replace(microsecond=0)
        # In the due second itself it is not overdue yet. Times here are whole seconds.
        return Due(moment, moment + _SECOND)
    return Due(_midnight(found, zone), _midnight(found + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _first_to_be_overdue(due: Due) -> tuple[datetime, datetime]:
    return (due.overdue_at, due.at)
