"""A conversation, the parts of its record, and the keys that are derived from it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from convocore_mcp.models.facts import NO_FACTS, Facts

Value: TypeAlias = int | float | str
"""A deal's value as somebody entered it: a number, or the text of one."""
JsonValue: TypeAlias = bool | int | float | str | list[object] | dict[str, object] | None
"""A JSON value whose shape nobody has promised."""

WAITING = "requested_chat"
"""The state of a visitor who waits for a human."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """One request for a human, from the request to the end of the human's work."""

    requested_at: datetime | None = None
    accepted_at: datetime | None = None
    completed_at: datetime | None = None
    accepted_by: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityNote:
    """A remark that somebody wrote on an activity."""

    agent_name: str | None = None
    text: str | None = None
    timestamp: str | None = None
    """RFC 3339, or the text as it came where nobody can tell which time it means."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A call, a demo or an email in the CRM, done or planned."""

    type: str | None = None
    title: str | None = None
    date: str | None = None
    """RFC 3339, a day, or free text; so is `due_date`."""
    due_date: str | None = None
    completed: bool | None = None
    note: str | None = None
    notes_history: tuple[ActivityNote, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreStep:
    """One change of the lead score, and the funnel step that caused it."""

    timestamp: datetime | None = None
    step_id: str | None = None
    step_name: str | None = None
    points_added: float | None = None
    new_score: float | None = None
    message_context: str | None = None
    """What the visitor had said."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who takes care of the lead."""

    user_id: str | None = None
    name: str | None = None
    email: str | None = None
    assigned_at: str | None = None
    """RFC 3339, a day, or free text."""


@dataclass(frozen=True, slots=True)
class Call:
    """A phone call. Its recording and its numbers stay in the record, because they never leave."""

    cost: float | None = None
    """US dollars."""
    call_duration: float | None = None
    """Seconds."""
    call_status: str | None = None
    call_error: str | None = None


@dataclass(frozen=True, slots=True)
class RecordParts:
    """The typed values of a record that `Conversation` has no attribute for.

    Names and texts are those of the record; texts are not trimmed. Times are whole seconds.
    Source: the list item of OpenAPI 1.0.4.
    """

    origin: JsonValue = None
    first_message_ts: datetime | None = None
    last_message_ts: datetime | None = None
    last_message: str | None = None
    summary: str | None = None
    funnel_summary: str | None = None
    captured_variables: JsonValue = None
    funnel_extracted_data: dict[str, object] | None = None
    funnel_score_history: tuple[ScoreStep, ...] = ()
    crm_activities: tuple[Activity, ...] = ()
    handoff_history: tuple[Handoff, ...] = ()
    """Oldest first."""
    assigned_to: Assignment | None = None
    demo_date: str | None = None
    """The day of the demo, as somebody wrote it; so is its time of day."""
    demo_time: str | None = None
    lost_reason: str | None = None
    campaign_id: str | None = None
    vapi: Call | None = None


NO_RECORD_PARTS = RecordParts()
"""The record parts of a conversation whose record was not read."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, as the list endpoint last showed it.

    Source: the list item of OpenAPI 1.0.4; `record` is the whole of it under snake_case names.
    """

    agent_id: str
    id: str
    last_activity: datetime | None = None
    """When the newest message came: `ts`, or `lastMessageTS` where `ts` is missing."""
    first_message: datetime | None = None
    last_modified: datetime | None = None
    """When anything of it last changed, as far as Convocore reports it."""
    identity: str | None = None
    """The contact that Convocore assigns the conversation to: `contactIdentityId`."""
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    title: str | None = None
    summary: str | None = None
    last_message: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    channel: str | None = None
    state: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    """0 to 100; `None` when the funnel never evaluated the conversation."""
    value: Value | None = None
    currency: str | None = None
    """As somebody wrote it: `eur`, `€`."""
    assignee: str | None = None
    """The assignee's name, else email, else id."""
    assignees: tuple[str, ...] = ()
    """Every name, email and id of the assignee."""
    waiting_since: datetime | None = None
    alerts: tuple[str, ...] | None = None
    """Which of `crmAlerts` are on, or `None` where the record has none at all."""
    messages: int | None = None
    is_test: bool = False
    is_blocked: bool = False
    country: str | None = None
    language: str | None = None
    source: str | None = None
    expected_close: str | None = None
    rating: float | None = None
    tokens: int | None = None
    usd: float | None = None
    model: str | None = None
    links: tuple[str, ...] = ()
    """Profiles, handles and websites, as they were written."""
    amount: float | None = None
    """The number in `value`, if it has exactly one reading. Only the mirror fills this in."""
    currency_key: str | None = None
    """The ISO code of `currency`, or of a sign in `value`. Only the mirror fills this in."""
    lead_id: str | None = None
    """The lead that the conversation belongs to. Only the mirror fills this in."""
    record: str = ""
    """The whole record as compact JSON; empty where only the columns were read."""
    record_parts: RecordParts = NO_RECORD_PARTS
    """The other typed values of `record`. The mirror parses them whenever it reads the record."""
    facts: Facts = NO_FACTS
    """What field values are computed from; only a conversation that was just parsed has facts."""
    dropped: tuple[str, ...] = ()
    """Fields that were left out because their value did not fit, like `assignedTo.assignedAt`.

    Only `api` fills this in.
    """

    @property
    def waiting(self) -> bool:
        """Whether the visitor waits for a human. States are compared without case."""
        return self.state is not None and self.state.casefold() == WAITING

    @property
    def copy_times(self) -> "CopyTimes":
        """The times by which two copies of this conversation are compared (`is_older`)."""
        return (_seconds(self.last_activity), _seconds(self.last_modified))

    @property
    def stale(self) -> bool:
        """Whether the CRM calls the lead stale."""
        return "stale_lead" in (self.alerts or ())


CopyTimes: TypeAlias = tuple[int | None, int | None]
"""The last activity and the last change that one copy of a conversation shows, in Unix seconds.

A copy is a conversation as one response showed it: a cache may send an old one after a newer one.
"""


def is_older(copy: CopyTimes, than: CopyTimes) -> bool:
    """Whether the copy with the times `copy` is older than the copy with the times `than`.

    The last activity decides, then the last change. A time that one copy lacks is not compared.
    If no time differs, neither copy is older. Whole seconds are compared, because Convocore writes
    the same field sometimes in milliseconds and sometimes in seconds (docs/upstream.md).
    """
    for ours, theirs in zip(copy, than, strict=True):
        if ours is not None and theirs is not None and ours != theirs:
            return ours < theirs
    return False


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else math.floor(time.timestamp())


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """The values that a conversation is found, joined and sorted by; answers never show them."""

    email: str | None
    phone: str | None
    """Digits of the E.164 form where the number can be read as one."""
    amount: float | None
    unparsed: bool
    """The conversation has a value, but no number can be read from it."""
    currency: str | None
    text: str
    """The words that the conversation is found by, each after a blank (`words.splitting`)."""
