"""What happened with a lead: all dated events of its conversations."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.leads.dates import format_duration, parse_date, plausible
from convocore_mcp.leads.history.next_steps import is_planned
from convocore_mcp.models import Activity, Assignment, Handoff, RecordParts, ScoreStep


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    kind: str
    text: str


def timeline(parts: Iterable[RecordParts], *, now: datetime) -> list[Event]:
    """All dated events of several conversations, each once, newest first.

    An activity that is only planned is no event (`next_steps`), and neither is one of the future.
    """
    events = {event for of_conversation in parts for event in _events(of_conversation, now)}
    return sorted(events, key=lambda event: (event.at, event.kind, event.text), reverse=True)


def _events(parts: RecordParts, now: datetime) -> Iterator[Event]:
    origin = parts.origin
    via = f" by {origin}" if isinstance(origin, str) and origin else ""
    yield from _event(parts.first_message_ts, "message", f"first message{via}")
    last_message = parts.last_message or f"last message{via}"
    yield from _event(parts.last_message_ts, "message", last_message)
    for step in parts.funnel_score_history:
        yield from _score_event(step)
    for activity in parts.crm_activities:
        yield from _activity_events(activity, now)
    for handoff in parts.handoff_history:
        yield from _handoff_events(handoff)
    if parts.assigned_to is not None:
        yield from _assignment_event(parts.assigned_to)


def _score_event(step: ScoreStep) -> Iterator[Event]:
    name = step.step_name or step.step_id or "funnel step"
    points = "?" if step.points_added is None else f"{step.points_added:+g}"
    score = "?" if step.new_score is None else f"{step.new_score:g}"
    yield from _event(step.timestamp, "score", f"{name}: {points} points, score {score}")


def _activity_events(activity: Activity, now: datetime) -> Iterator[Event]:
    kind = _visible(activity.type) or "Activity"
    at = plausible(parse_date(activity.date))
    happened = at is not None and at <= now and not is_planned(activity)
    text = ": ".join(filter(None, (activity.title, activity.note))) or kind
    done = " (done)" if activity.completed else ""
    yield from _event(at if happened else None, kind.casefold(), text + done)
    for note in activity.notes_history:
        text = ": ".join(filter(None, (note.agent_name, note.text)))
        yield from _event(parse_date(note.timestamp), "note", text)


def _handoff_events(handoff: Handoff) -> Iterator[Event]:
    requested, accepted = plausible(handoff.requested_at), plausible(handoff.accepted_at)
    waited = ""
    if requested and accepted and accepted >= requested:
        waited = f" after {format_duration(accepted - requested)}"
    yield from _event(requested, "handoff", "asked for a human")
    yield from _event(accepted, "handoff", f"a human took over{waited}")
    yield from _event(handoff.completed_at, "handoff", "the human was done")


def _assignment_event(assignment: Assignment) -> Iterator[Event]:
    assignee = assignment.name or assignment.email or assignment.user_id
    yield from _event(parse_date(assignment.assigned_at), "assignment", f"assigned to {assignee}")


def _event(at: datetime | None, kind: str, text: str) -> Iterator[Event]:
    """The event, if it has a date and a text."""
    moment = plausible(at)
    if moment is not None and _visible(text):
        yield Event(moment, kind, text)


def _visible(text: str | None) -> str | None:
    """`text`, unless it has only blanks and characters that nobody sees."""
    return text if text and any(c.isprintable() and not c.isspace() for c in text) else None
