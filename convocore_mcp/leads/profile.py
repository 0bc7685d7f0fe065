"""The profile of one person, put together from the details of all their conversations."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from convocore_mcp.leads.dates import format_duration, parse_date, plausible
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.models import Activity, Assignment, Conversation, Details, Handoff, ScoreStep

TIMELINE_LENGTH = 15
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """An activity that is planned and not yet done."""

    type: str | None
    title: str | None
    due: str | None
    """RFC 3339 where it could be read as a time, else as somebody wrote it."""
    overdue: bool


class Profile:
    """What is known about a lead, each part worked out when asked for."""

    def __init__(self, conversations: Sequence[Conversation], *, now: datetime) -> None:
        """`conversations` are all of the lead's, newest first, with their details."""
        self._conversations = conversations
        self._now = now

    @property
    def _details(self) -> Iterator[Details]:
        return (c.details for c in self._conversations)

    @property
    def emails(self) -> list[str]:
        """Every address once, newest first."""
        return _distinct((c.email, email_key(c.email)) for c in self._conversations)

    @property
    def phones(self) -> list[str]:
        """Every number once, as it was last written, newest first."""
        return _distinct((c.phone, phone_key(c.phone, c.country)) for c in self._conversations)

    @property
    def links(self) -> list[str]:
        """Profiles, handles and websites, newest first."""
        return list(dict.fromkeys(link for c in self._conversations for link in c.links))

    @property
    def country(self) -> str | None:
        """The newest known country."""
        return _first(c.country for c in self._conversations)

    @property
    def language(self) -> str | None:
        """The newest known language."""
        return _first(c.language for c in self._conversations)

    @property
    def summary(self) -> str | None:
        """The newest summary, of the conversation or of its funnel."""
        return _first(details.summary or details.funnel_summary for details in self._details)

    @property
    def notes(self) -> str | None:
        """The newest notes."""
        return _first(c.notes for c in self._conversations)

    @property
    def wants(self) -> str | None:
        """What the person wants, as well as it is known: summary, last message or title."""
        return self.summary or _first(c.last_message or c.title for c in self._conversations)

    @property
    def tags(self) -> list[str]:
        """Every tag once, newest first."""
        return list(dict.fromkeys(tag for c in self._conversations for tag in c.tags))

    @property
    def extracted(self) -> dict[str, object]:
        """What the agent captured, by name; the newest value of a name wins.

        Captured variables that have no names are under `captured_variables`.
        """
        extracted: dict[str, object] = {}
        for details in self._details:
            extracted = (details.funnel_extracted_data or {}) | extracted
            captured = details.captured_variables
            if isinstance(captured, dict):
                extracted = captured | extracted
            elif captured not in (None, "", []):
                extracted.setdefault("captured_variables", captured)
        return extracted

    @cached_property
    def next_steps(self) -> list[NextStep]:
        """What is planned, the first due first."""
        activities = (a for details in self._details for a in details.crm_activities)
        return next_steps(activities, now=self._now)

    @property
    def timeline(self) -> list[Event]:
        """The newest events, newest first."""
        return timeline(self._details)[:TIMELINE_LENGTH]

    @property
    def score_history(self) -> list[tuple[datetime, float]]:
        """When the score changed, and what it became, newest first."""
        changes = [
            (at, step.new_score)
            for details in self._details
            for step in details.funnel_score_history
            if (at := plausible(step.timestamp)) is not None and step.new_score is not None
        ]
        # Reversed after sorting: of equal times, the last one listed is the newest.
        return sorted(changes, key=lambda change: change[0])[::-1]

    @property
    def demo(self) -> str | None:
        """The day of the demo, as somebody wrote it."""
        return _first(details.demo_date for details in self._details)

    @property
    def tokens(self) -> int | None:
        """Tokens of all conversations, where any are known."""
        known = [c.tokens for c in self._conversations if c.tokens is not None]
        return sum(known) if known else None

    @property
    def usd(self) -> float | None:
        """Cost of all conversations in US dollars, where any is known."""
        known = [c.usd for c in self._conversations if c.usd is not None]
        return round(sum(known), 6) if known else None


def next_steps(activities: Iterable[Activity], *, now: datetime) -> list[NextStep]:
    """Activities that are planned and not completed, the first due first."""
    steps = []
    for activity in activities:
        if activity.completed or activity.due_date is None:
            continue
        due = parse_date(activity.due_date)
        overdue = due is not None and due < now
        steps.append(NextStep(activity.type, activity.title, activity.due_date, overdue))
    return sorted(steps, key=lambda step: (parse_date(step.due) or _NEVER, step.due or ""))


def timeline(details: Iterable[Details]) -> list[Event]:
    """All dated events of several conversations, each once, newest first."""
    events = {event for of_conversation in details for event in _events(of_conversation)}
    return sorted(events, key=lambda event: (event.at, event.kind, event.text), reverse=True)


def _events(details: Details) -> Iterator[Event]:
    origin = details.origin
    via = f" by {origin}" if isinstance(origin, str) and origin else ""
    yield from _event(details.first_message_ts, "message", f"first message{via}")
    last_message = details.last_message or f"last message{via}"
    yield from _event(details.last_message_ts, "message", last_message)
    for step in details.funnel_score_history:
        yield from _score_event(step)
    for activity in details.crm_activities:
        yield from _activity_events(activity)
    for handoff in details.handoff_history:
        yield from _handoff_events(handoff)
    if details.assigned_to is not None:
        yield from _assignment_event(details.assigned_to)


def _score_event(step: ScoreStep) -> Iterator[Event]:
    name = step.step_name or step.step_id or "funnel step"
    points = "?" if step.points_added is None else f"{step.points_added:+g}"
    score = "?" if step.new_score is None else f"{step.new_score:g}"
    yield from _event(step.timestamp, "score", f"{name}: {points} points, score {score}")


def _activity_events(activity: Activity) -> Iterator[Event]:
    kind = _visible(activity.type) or "Activity"
    text = ": ".join(filter(None, (activity.title, activity.note))) or kind
    done = " (done)" if activity.completed else ""
    yield from _event(parse_date(activity.date), kind.casefold(), text + done)
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


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _distinct(texts_and_keys: Iterable[tuple[str | None, str | None]]) -> list[str]:
    """The first text of each key, in order; a text without a key counts as its own key."""
    by_key: dict[str, str] = {}
    for text, key in texts_and_keys:
        if text:
            by_key.setdefault(key or text, text.strip())
    return list(by_key.values())
