"""Models to views: plain objects, named and formatted as the contract says."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from convocore_mcp.leads.dates import parse_date
from convocore_mcp.leads.hotness import is_hot
from convocore_mcp.leads.profile import NextStep, Profile
from convocore_mcp.leads.reasons import why
from convocore_mcp.models import Conversation, Freshness, Lead
from convocore_mcp.server.rendering import LONGEST, compact, fit
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

View = dict[str, Any]

MOST_NAMES = 40
"""Names counted one by one in an answer."""
MOST_TAGS = 30
"""Tags shown of one conversation in a list: a row must never outgrow an answer."""


def when(moment: datetime | None) -> str | None:
    """RFC 3339, UTC, to the second."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: float | None) -> float | None:
    """A whole number without a decimal point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def freshness(found: Freshness, *more: str) -> View:
    """How far an answer can be trusted; `more` are notes of the answer's own."""
    return {
        "as_of": when(found.as_of),
        "complete": found.complete,
        "conversations": found.conversations,
        "oldest": when(found.oldest),
        "notes": [*found.notes, *more] or None,
    }


def noted(freshness_view: View, note: str) -> View:
    """`freshness` with one more note."""
    return freshness_view | {"notes": [*freshness_view.get("notes", []), note]}


def shortened(answer: View, name: str) -> View:
    """`answer` within the limit of characters: the last rows of `name` are dropped whole."""
    rows = answer[name]
    if len(compact(answer)) <= LONGEST - 200:
        return answer
    count = fit(rows, room=LONGEST - len(compact(answer | {name: []})) - 200)
    if count == len(rows):
        return answer
    note = f"{count} of {len(rows)} {name} are shown: an answer has at most {LONGEST:,} characters."
    return answer | {name: rows[:count], "freshness": noted(answer["freshness"], note)}


def money(sums: Mapping[str | None, float]) -> dict[str, float]:
    """Sums by currency, the largest first; without one under `unknown`."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0] or ""))
    return {currency or "unknown": number(round(amount, 2)) or 0 for currency, amount in ordered}


def conversation(c: Conversation, *, full: bool) -> View:
    """A row of a list."""
    view = {
        "id": c.id,
        "name": c.name,
        "company": c.company,
        "channel": c.channel,
        "state": c.state,
        "stage": c.stage,
        "label": c.label,
        "score": number(c.score),
        "value": c.value if c.amount is None else number(c.amount),
        "currency": c.currency_key,
        "tags": list(c.tags[:MOST_TAGS]) or None,
        "assignee": c.assignee,
        "last_activity": when(c.last_activity),
        "waiting_since": when(c.waiting_since),
        "messages": c.messages,
        "preview": c.last_message or c.summary,
        "test": c.is_test or None,
        "blocked": c.is_blocked or None,
    }
    if full:
        view |= {
            "email": c.email,
            "phone": c.phone,
            "title": c.title,
            "summary": c.summary,
            "notes": c.notes,
            "source": c.source,
            "language": c.language,
            "country": c.country,
            "expected_close": _date(c.expected_close),
            "rating": number(c.rating),
            "lead_id": c.lead_id,
        }
    return view


def _date(text: str | None) -> str | None:
    """A day stays a day; a time becomes RFC 3339; what is neither stays as it was written."""
    moment = parse_date(text)
    if text is None or moment is None or len(text.strip()) == len("2026-07-19"):
        return text
    return when(moment)


def step(found: NextStep | None) -> View | None:
    """Something planned."""
    if found is None:
        return None
    due, late = _date(found.due), found.overdue or None
    return {"type": found.type, "title": found.title, "due": due, "overdue": late}


def hot_lead(lead: Lead, details: Profile, *, now: datetime) -> View:
    """One of the hottest leads."""
    return {
        "lead_id": lead.lead_id,
        "conversation_id": lead.conversation_ids[0],
        "name": lead.name,
        "company": lead.company,
        "contact": lead.email or lead.phone,
        "channel": lead.channel,
        **standing(lead),
        "assignee": lead.assignee,
        "last_activity": when(lead.last_activity),
        "why": why(lead, details, now=now),
        "wants": details.wants,
        "next_step": step(details.next_steps[0] if details.next_steps else None),
    }


def standing(lead: Lead) -> View:
    """Where a lead stands in the pipeline, and what it may be worth."""
    return {
        "stage": lead.stage,
        "label": lead.label,
        "score": number(lead.score),
        "value": lead.value if lead.amount is None else number(lead.amount),
        "currency": lead.currency,
    }


def candidate(lead: Lead) -> View:
    """Somebody who may be meant."""
    return {
        "lead_id": lead.lead_id,
        "name": lead.name,
        "company": lead.company,
        "last_activity": when(lead.last_activity),
        "score": number(lead.score),
    }


def lead_profile(
    lead: Lead, details: Profile, conversations: Sequence[Conversation], *, now: datetime
) -> View:
    """All that is known about a person."""
    usage = {"tokens": details.tokens, "usd": number(details.usd)}
    return {
        "lead_id": lead.lead_id,
        "name": lead.name,
        "company": lead.company,
        "emails": details.emails or None,
        "phones": details.phones or None,
        "links": details.links or None,
        "country": details.country,
        "language": details.language,
        **standing(lead),
        "hot": is_hot(lead, threshold=DEFAULT_THRESHOLD),
        "why": why(lead, details, now=now),
        "expected_close": _date(lead.expected_close),
        "assignee": lead.assignee,
        "tags": details.tags or None,
        "summary": details.summary,
        "notes": details.notes,
        "extracted": details.extracted or None,
        "alerts": list(lead.alerts) or None,
        "next_steps": [step(planned) for planned in details.next_steps] or None,
        "timeline": [
            {"at": when(event.at), "kind": event.kind, "text": event.text}
            for event in details.timeline
        ]
        or None,
        "conversations": [
            {
                "id": c.id,
                "channel": c.channel,
                "state": c.state,
                "last_activity": when(c.last_activity),
                "messages": c.messages,
            }
            for c in conversations
        ],
        "usage": usage if any(v is not None for v in usage.values()) else None,
    }


def counts(found: Mapping[str | None, int], none: str = "none") -> dict[str, int]:
    """Counts by name, the largest first; what has no value is under `none`.

    Names without end (a channel may be any text) are added up under `(other)`.
    """
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0] or ""))
    named = {name or none: count for name, count in ordered[:MOST_NAMES]}
    other = sum(count for _, count in ordered[MOST_NAMES:])
    return named | ({"(other)": other} if other else {})
