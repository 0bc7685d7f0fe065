"""What is known about one person, put together from all of their conversations' records.

Records are read as the mirror keeps them: snake_case names, RFC 3339 times, sparse.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from convocore_mcp.leads.dates import day, span
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.models import Conversation

TIMELINE = 15
_NEVER = datetime.max.replace(tzinfo=UTC)
_LINKS = ("linked_in", "facebook", "instagram", "social_handle", "user_website")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something planned and not yet done."""

    type: str | None
    title: str | None
    due: str | None
    """RFC 3339 where it could be read as a time, else as somebody wrote it."""
    overdue: bool


class Profile:
    """The details of a lead, each worked out when asked for; lists are newest first."""

    def __init__(self, conversations: Sequence[Conversation], *, now: datetime) -> None:
        """`conversations` are all of the lead's, newest first, with records."""
        self._conversations = conversations
        self._now = now

    @cached_property
    def _records(self) -> list[dict[str, Any]]:
        return [_record(c) for c in self._conversations]

    @property
    def emails(self) -> list[str]:
        """Every address, once."""
        return _distinct((c.email, email_key(c.email)) for c in self._conversations)

    @property
    def phones(self) -> list[str]:
        """Every number, once, as it was written last."""
        return _distinct((c.phone, phone_key(c.phone, c.country)) for c in self._conversations)

    @property
    def links(self) -> list[str]:
        """Profiles, handles and websites."""
        return _distinct((r.get(name), None) for r in self._records for name in _LINKS)

    @property
    def country(self) -> str | None:
        """Where they are."""
        return _first(c.country for c in self._conversations)

    @property
    def language(self) -> str | None:
        """What they speak."""
        return _first(c.language for c in self._conversations)

    @property
    def summary(self) -> str | None:
        """What the newest conversation that has one was about."""
        return _first(r.get("summary") or r.get("funnel_summary") for r in self._records)

    @property
    def notes(self) -> str | None:
        """What somebody noted last."""
        return _first(c.notes for c in self._conversations)

    @property
    def wants(self) -> str | None:
        """What they want, as well as it is known."""
        return self.summary or _first(c.last_message or c.title for c in self._conversations)

    @property
    def tags(self) -> list[str]:
        """Every tag, once."""
        return list(dict.fromkeys(tag for c in self._conversations for tag in c.tags))

    @property
    def extracted(self) -> dict[str, Any]:
        """What the agent captured; the newest value of a name wins."""
        return _extracted(self._records)

    @cached_property
    def next_steps(self) -> list[Step]:
        """What is planned, the first due first."""
        return next_steps(self._records, now=self._now)

    @property
    def timeline(self) -> list[Event]:
        """The newest events."""
        return timeline(self._records)[:TIMELINE]

    @property
    def scores(self) -> list[tuple[datetime, float]]:
        """What the score became, and when."""
        return _scores(self._records)

    @property
    def demo(self) -> str | None:
        """The day of the demo, as somebody wrote it."""
        return _first(r.get("demo_date") for r in self._records)

    @property
    def tokens(self) -> int | None:
        """Tokens spent, where any are known."""
        known = [c.tokens for c in self._conversations if c.tokens is not None]
        return sum(known) if known else None

    @property
    def usd(self) -> float | None:
        """What they cost."""
        known = [c.usd for c in self._conversations if c.usd is not None]
        return round(sum(known), 6) if known else None


def next_steps(records: Iterable[Mapping[str, Any]], *, now: datetime) -> list[Step]:
    """Activities that are planned and not completed, the first due first."""
    steps = []
    for record in records:
        for activity in record.get("crm_activities", ()):
            due = activity.get("due_date")
            if activity.get("completed") or due is None:
                continue
            at = day(due)
            late = at is not None and at < now
            steps.append(Step(activity.get("type"), activity.get("title"), due, late))
    return sorted(steps, key=lambda step: (day(step.due) or _NEVER, step.due or ""))


def timeline(records: Iterable[Mapping[str, Any]]) -> list[Event]:
    """All dated events of `records`, newest first."""
    events = {event for record in records for event in _events(record)}
    return sorted(events, key=lambda e: (e.at, e.kind, e.text), reverse=True)


def _scores(records: Iterable[Mapping[str, Any]]) -> list[tuple[datetime, float]]:
    steps = [step for record in records for step in record.get("funnel_score_history", ())]
    dated = [(day(step.get("timestamp")), step.get("new_score")) for step in steps]
    known = [(at, score) for at, score in dated if at is not None and score is not None]
    return sorted(known, key=lambda step: step[0])[::-1]  # of one moment, the last comes first


def _events(record: Mapping[str, Any]) -> Iterable[Event]:
    where = record.get("origin")
    via = f" by {where}" if isinstance(where, str) and where else ""
    yield from _event(record.get("first_message_ts"), "message", f"first message{via}")
    last = record.get("last_message") or f"last message{via}"
    yield from _event(record.get("last_message_ts"), "message", last)
    for step in record.get("funnel_score_history", ()):
        name = step.get("step_name") or step.get("step_id") or "funnel step"
        points, score = step.get("points_added"), step.get("new_score")
        text = f"{name}: {_signed(points)} points, score {_plain(score)}"
        yield from _event(step.get("timestamp"), "score", text)
    for activity in record.get("crm_activities", ()):
        kind = activity.get("type") or "Activity"
        parts = (activity.get("title"), activity.get("note"))
        text = ": ".join(part for part in parts if part)
        done = " (done)" if activity.get("completed") else ""
        yield from _event(activity.get("date"), kind.casefold(), (text or kind) + done)
        for note in activity.get("notes_history", ()):
            said = (note.get("agent_name"), note.get("text"))
            yield from _event(note.get("timestamp"), "note", ": ".join(filter(None, said)))
    for handoff in record.get("handoff_history", ()):
        asked, taken = day(handoff.get("requested_at")), day(handoff.get("accepted_at"))
        waited = f" after {span(taken - asked)}" if asked and taken and taken >= asked else ""
        yield from _event(handoff.get("requested_at"), "handoff", "asked for a human")
        yield from _event(handoff.get("accepted_at"), "handoff", f"a human took over{waited}")
        yield from _event(handoff.get("completed_at"), "handoff", "the human was done")
    to = record.get("assigned_to") or {}
    who = to.get("name") or to.get("email") or to.get("user_id")
    yield from _event(to.get("assigned_at"), "assignment", f"assigned to {who}")


def _event(at: str | None, kind: str, text: str) -> Iterable[Event]:
    found = day(at)
    if found is not None and text:
        yield Event(found, kind, text)


def _extracted(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for record in records:
        for name in ("funnel_extracted_data", "captured_variables"):
            said = record.get(name)
            if isinstance(said, dict):
                found = said | found
            elif said not in (None, "", []):
                found.setdefault(name, said)
    return found


def _record(c: Conversation) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(c.record) if c.record else {}
    return record


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _distinct(pairs: Iterable[tuple[str | None, str | None]]) -> list[str]:
    """The first text of each key, in order; a text without a key is its own."""
    found: dict[str, str] = {}
    for text, key in pairs:
        if text:
            found.setdefault(key or text, text.strip())
    return list(found.values())


def _signed(points: float | None) -> str:
    return "?" if points is None else f"{points:+g}"


def _plain(score: float | None) -> str:
    return "?" if score is None else f"{score:g}"
