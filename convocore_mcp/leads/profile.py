"""The profile of one person, made from the record parts of all their conversations."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property

from convocore_mcp.fields.captured_data import captured_data
from convocore_mcp.fields.crm_dates import crm_date_at
from convocore_mcp.leads.dates import plausible
from convocore_mcp.leads.due_dates import (
    ACTIVITY_ALERT,
    CLOSE_ALERT,
    STALE_ALERT,
    DueDates,
    due_dates,
)
from convocore_mcp.leads.history.next_steps import NextStep, next_steps
from convocore_mcp.leads.history.quotes import quotes
from convocore_mcp.leads.history.timeline import Event, timeline
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.models import Conversation, RecordParts
from convocore_mcp.words.folding import fold, single_blanks

MAX_EVENTS, MAX_QUOTES = 15, 3
_MAX_COST = 2**53


class Profile:
    """What is known about a lead, each part computed when asked for."""

    def __init__(
        self, conversations: Sequence[Conversation], *, now: datetime, zone: tzinfo = UTC
    ) -> None:
        """`conversations` are all of the lead's, newest first, with their record parts."""
        self._conversations = conversations
        self._now = now
        self._zone = zone

    @property
    def _parts(self) -> Iterator[RecordParts]:
        return (c.record_parts for c in self._conversations)

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
        """Profiles, handles and websites, each once as it was last written, newest first."""
        return _distinct((link, _key(link)) for c in self._conversations for link in c.links)

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
        return _first(parts.summary or parts.funnel_summary for parts in self._parts)

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
        """Every tag once, as it was last written, newest first."""
        return _distinct((tag, _key(tag)) for c in self._conversations for tag in c.tags)

    @property
    def extracted(self) -> dict[str, object]:
        """What the agent captured, by name and without secrets; the newest value of a name wins."""
        found: dict[str, object] = {}
        for parts in self._parts:
            data = captured_data(parts.captured_variables, parts.funnel_extracted_data)
            found = data | found
        return found

    @cached_property
    def next_steps(self) -> list[NextStep]:
        """What is planned: what comes next first, then what is overdue, newest first."""
        activities = (a for parts in self._parts for a in parts.crm_activities)
        return next_steps(activities, now=self._now, zone=self._zone)

    @cached_property
    def _due_dates(self) -> list[DueDates]:
        return [due_dates(c, self._zone) for c in self._conversations]

    @property
    def activity_overdue(self) -> bool:
        """Whether an activity of any conversation is overdue."""
        return any(due.activity_overdue(self._now) for due in self._due_dates)

    @property
    def close_overdue(self) -> bool:
        """Whether the expected close of any conversation is overdue."""
        return any(due.close_overdue(self._now) for due in self._due_dates)

    @property
    def alerts(self) -> list[str]:
        """The alerts of the newest conversation that has any, and what is overdue or stale.

        What is overdue is computed: the CRM's own alert may be older than the dates.
        """
        newest = next((c.alerts for c in self._conversations if c.alerts is not None), ())
        computed = {
            CLOSE_ALERT: self.close_overdue,
            ACTIVITY_ALERT: self.activity_overdue,
            STALE_ALERT: any(c.stale for c in self._conversations),
        }
        others = [alert for alert in newest if alert not in computed]
        return [alert for alert, is_on in computed.items() if is_on] + others

    @cached_property
    def events(self) -> list[Event]:
        """Everything that happened, newest first."""
        return timeline(self._parts, now=self._now)

    @property
    def timeline(self) -> list[Event]:
        """The newest events, newest first."""
        return self.events[:MAX_EVENTS]

    @cached_property
    def quotes(self) -> list[str]:
        """What the visitor said that earned score, what earned most first."""
        return quotes(self._parts)

    @property
    def said(self) -> list[str]:
        """Up to three quotes that earned score."""
        return self.quotes[:MAX_QUOTES]

    @property
    def lost_reason(self) -> str | None:
        """Why the deal was lost, as last written."""
        return _first(parts.lost_reason for parts in self._parts)

    @property
    def campaign(self) -> str | None:
        """The newest campaign."""
        return _first(parts.campaign_id for parts in self._parts)

    @property
    def score_history(self) -> list[tuple[datetime, float]]:
        """When the score changed, and what it became, newest first."""
        changes = [
            (at, step.new_score)
            for parts in self._parts
            for step in parts.funnel_score_history
            if (at := plausible(step.timestamp)) is not None and step.new_score is not None
        ]
        # Reversed after sorting: of equal times, the last one listed is the newest.
        return sorted(changes, key=lambda change: change[0])[::-1]

    @property
    def zone(self) -> tzinfo:
        """The time zone in which days begin."""
        return self._zone

    @cached_property
    def demo_date(self) -> date | datetime | None:
        """When the demo is: a day, or a time (aware) where its time of day is known too."""
        parts = self._newest_demo
        found = crm_date_at(parts.demo_date, parts.demo_time) if parts else None
        if isinstance(found, datetime) and found.tzinfo is None:
            return found.replace(tzinfo=self._zone)
        return found

    @property
    def demo(self) -> str | None:
        """The demo: RFC 3339 where day and time are known, a day, or as somebody wrote it."""
        found = self.demo_date
        if isinstance(found, datetime):
            return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if found is not None:
            return found.isoformat()
        return self._newest_demo.demo_date if self._newest_demo else None

    @cached_property
    def _newest_demo(self) -> RecordParts | None:
        return next((d for d in self._parts if d.demo_date and d.demo_date.strip()), None)

    def days_until(self, day: date | datetime) -> int:
        """How many days of the time zone lie between now and a day or a moment."""
        local = day.astimezone(self._zone).date() if isinstance(day, datetime) else day
        return (local - self._now.astimezone(self._zone).date()).days

    @property
    def tokens(self) -> int | None:
        """Tokens of all conversations, where any are known."""
        known = [c.tokens for c in self._conversations if c.tokens is not None]
        return sum(known) if known else None

    @property
    def ai_usd(self) -> float | None:
        """Cost of the AI in all conversations in US dollars, where any is known."""
        return _total(c.usd for c in self._conversations)

    @property
    def call_usd(self) -> float | None:
        """Cost of all phone calls in US dollars, where any is known."""
        return _total(parts.vapi.cost for parts in self._parts if parts.vapi)


def _total(costs: Iterable[float | None]) -> float | None:
    """The sum of what is known. A cost that no sum can hold is no cost."""
    known = [cost for cost in costs if cost is not None and abs(cost) < _MAX_COST]
    return round(math.fsum(known), 6) if known else None


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value and value.strip()), None)


def _key(text: str) -> str:
    """What a text is compared by, as in lists of leads."""
    return fold(single_blanks(text))


def _distinct(texts_and_keys: Iterable[tuple[str | None, str | None]]) -> list[str]:
    """The first text of each key, in order; a text without a key counts as its own key."""
    by_key: dict[str, str] = {}
    for text, key in texts_and_keys:
        if text:
            by_key.setdefault(key or text, text.strip())
    return list(by_key.values())
