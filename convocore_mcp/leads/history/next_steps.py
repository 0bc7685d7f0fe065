"""What is planned and not done."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from convocore_mcp.leads.due_dates import Due, due_of
from convocore_mcp.models import Activity


@dataclass(frozen=True, slots=True)
class NextStep:
    """An activity that is planned and not yet done."""

    type: str | None
    title: str | None
    due: str | None
    """A day or RFC 3339 where it could be read, else as somebody wrote it."""
    due_at: datetime | None
    """The moment of `due`; of a day, its beginning in the time zone."""
    overdue: bool


def is_planned(activity: Activity) -> bool:
    """Whether an activity has a due date and is not done: a next step, and no history."""
    return not activity.completed and activity.due_date is not None


def next_steps(activities: Iterable[Activity], *, now: datetime, zone: tzinfo) -> list[NextStep]:
    """What is planned: what comes next first, then what is overdue, newest first.

    A step whose due date can't be read stands between the two.
    """
    planned = ((a, due_of(a.due_date, zone)) for a in activities if is_planned(a))
    found = [(activity, due, _is_overdue(due, now)) for activity, due in planned]
    steps = [
        NextStep(_text(a.type), _text(a.title), a.due_date, due.at if due else None, overdue)
        for a, due, overdue in found
    ]
    return sorted(steps, key=_order)


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _is_overdue(due: Due | None, now: datetime) -> bool:
    return due is not None and due.overdue_at <= now


def _order(step: NextStep) -> tuple[int, float, str]:
    if step.due_at is None:
        return (1, 0.0, step.due or "")
    at = step.due_at.timestamp()
    return (2, -at, step.title or "") if step.overdue else (0, at, step.title or "")
