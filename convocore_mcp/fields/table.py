"""The one table of fields: what can be filtered, shown, sorted, grouped and measured.

A field is one entry of `FIELDS`. The mirror's columns, `where`, `fields`, `sort`, `group_by`,
`measure`, the resource `convocore://schema/fields`, error texts and docs/contract.md follow from
it, or a test fails.

Source: docs/contract.md, "Fields".
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from convocore_mcp.fields.crm_dates import crm_date, crm_date_at
from convocore_mcp.fields.derived import seconds_between
from convocore_mcp.fields.readers import (
    EVERY_RECORD,
    Reader,
    attribute,
    handoff_part,
    handoff_seconds,
    of_call,
    of_handoff,
)

FieldValue = str | int | float | bool | datetime | date | tuple[str, ...] | None


class Kind(StrEnum):
    """What a field holds, and so which operators it takes."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    DATE = "date"
    """A CRM's date: a day or a clock time of the time zone, or a moment. Callers see a time."""
    FLAG = "flag"
    LIST = "list"
    ID = "id"
    """A text that is compared as it is."""
    UNPARSED = "unparsed"
    """What was written where no number could be read: it is there or not."""


class Rows(StrEnum):
    """The kinds of row a field belongs to."""

    CONVERSATIONS = "conversations"
    LEADS = "leads"
    BOTH = "both"


class Merge(StrEnum):
    """How the value of a lead follows from those of its conversations."""

    NEWEST = "newest"
    """Of the newest conversation that has it."""
    FIRST = "first"
    """The earliest."""
    SUM = "sum"
    UNION = "union"
    """Every item, those of the newest conversation first."""
    SPECIAL = "special"
    """By a rule of its own (`leads.merge`)."""


class Storage(StrEnum):
    """Where the mirror keeps a field."""

    COLUMN = "column"
    """In the row that is scanned."""
    TEXT = "text"
    """Beside it, with the long texts."""
    NONE = "none"
    """It is computed for each question, from the present time."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, what it holds, what it means, where it comes from."""

    name: str
    kind: Kind
    about: str
    reader: Reader | None = None
    """From a conversation's typed record. `None`: an attribute of `Conversation`, or computed."""
    rows: Rows = Rows.BOTH
    merge: Merge = Merge.NEWEST
    storage: Storage = Storage.COLUMN
    seconds: bool = False
    """A time span in seconds."""
    aliases: bool = False
    """A text that is also found by other names, as an assignee by name, email and ID."""
    listed: bool = False
    """A conversation has it even where the list says little (docs/upstream.md, "Rows")."""

    @property
    def shown_kind(self) -> str:
        """The type that callers see: to them, a date is a time, and an ID a text."""
        shown = {Kind.DATE: Kind.TIME, Kind.ID: Kind.TEXT, Kind.UNPARSED: Kind.TEXT}
        return shown.get(self.kind, self.kind).value

    @property
    def is_text(self) -> bool:
        """Whether it holds one text."""
        return self.kind in {Kind.TEXT, Kind.CHOICE, Kind.ID}

    @property
    def measurable(self) -> bool:
        """Whether its sum and average mean something."""
        return self.kind in {Kind.NUMBER, Kind.MONEY}


_C, _L = Rows.CONVERSATIONS, Rows.LEADS
_SUM, _UNION, _FIRST, _SPECIAL = Merge.SUM, Merge.UNION, Merge.FIRST, Merge.SPECIAL
_TEXTS, _NONE = Storage.TEXT, Storage.NONE

FIELDS: tuple[Field, ...] = (
    # Who
    Field("id", Kind.ID, "Conversation ID.", rows=_C, listed=True),
    Field("lead_id", Kind.ID, "Lead that the conversation belongs to.", merge=_SPECIAL),
    Field("agent_id", Kind.ID, "Convocore agent.", merge=_SPECIAL, listed=True),
    Field("name", Kind.TEXT, "Name of the person."),
    Field("company", Kind.TEXT, "Company of the person."),
    Field("email", Kind.TEXT, "Email address."),
    Field("phone", Kind.TEXT, "Phone number."),
    Field("country", Kind.CHOICE, "Country code, e.g. DE."),
    Field("language", Kind.CHOICE, "Language code, e.g. de."),
    Field("links", Kind.LIST, "Profiles, handles and websites.", merge=_UNION),
    # What
    Field("title", Kind.TEXT, "Title of the conversation.", storage=_TEXTS),
    Field("summary", Kind.TEXT, "Summary of the conversation.", storage=_TEXTS),
    Field("notes", Kind.TEXT, "Notes of the team.", storage=_TEXTS),
    Field("preview", Kind.TEXT, "Last message, else the summary.", storage=_TEXTS),
    Field("tags", Kind.LIST, "Tags.", merge=_UNION),
    Field("rating", Kind.NUMBER, "Rating by the visitor, 1 to 5."),
    Field("end_reason", Kind.CHOICE, "Why the conversation ended.", attribute("end_reason")),
    # Where from
    Field("channel", Kind.CHOICE, "Channel, e.g. web-chat or whatsapp.", listed=True),
    Field("source", Kind.CHOICE, "Source of the lead."),
    Field("campaign", Kind.CHOICE, "Campaign ID.", attribute("campaign_id")),
    Field("model", Kind.CHOICE, "AI model of the last turn."),
    # Pipeline
    Field("stage", Kind.CHOICE, "Stage of the sales pipeline."),
    Field("label", Kind.CHOICE, "CRM label: hot, warm or cold."),
    Field("score", Kind.NUMBER, "Lead score, 0 to 100; missing if never evaluated."),
    Field("value", Kind.MONEY, "Value of the deal, in its currency.", merge=_SPECIAL),
    Field("currency", Kind.CHOICE, "Currency of the value, ISO code.", merge=_SPECIAL),
    Field(
        "expected_close",
        Kind.DATE,
        "Expected close date.",
        Reader("expected_close_date", lambda r: crm_date(r.expected_close_date)),
    ),
    Field("lost_reason", Kind.CHOICE, "Why the deal was lost.", attribute("lost_reason")),
    Field(
        "demo",
        Kind.DATE,
        "Date and time of the demo.",
        Reader("demo_date", lambda r: crm_date_at(r.demo_date, r.demo_time)),
    ),
    Field(
        "next_due", Kind.DATE, "First open activity due from now on.", merge=_SPECIAL, storage=_NONE
    ),
    Field("overdue_activity", Kind.FLAG, "An activity is overdue.", merge=_SPECIAL, storage=_NONE),
    Field(
        "overdue_close",
        Kind.FLAG,
        "The expected close date has passed and the stage is open.",
        merge=_SPECIAL,
        storage=_NONE,
    ),
    Field("stale", Kind.FLAG, "The CRM calls the lead stale.", merge=_SPECIAL),
    Field(
        "funnel_step",
        Kind.LIST,
        "Funnel steps matched.",
        Reader(EVERY_RECORD, lambda r: tuple(r.funnel_steps_matched or ())),
        merge=_UNION,
    ),
    Field(
        "hot",
        Kind.FLAG,
        "Hot: open stage, and labelled hot or (unlabelled) score of at least 75.",
        rows=_L,
        merge=_SPECIAL,
        storage=_NONE,
    ),
    # When
    Field("created", Kind.TIME, "First message, else the conversation's time.", merge=_FIRST),
    Field("last_activity", Kind.TIME, "Newest message.", merge=_SPECIAL, listed=True),
    Field("waiting_since", Kind.TIME, "When the visitor asked for a human that has not come yet."),
    Field("viewed", Kind.TIME, "When the team last opened it.", attribute("last_viewed")),
    # Human
    Field("state", Kind.CHOICE, "requested_chat (waits for a human), human-chatting and others."),
    Field(
        "waiting",
        Kind.FLAG,
        "A conversation of the lead waits for a human.",
        rows=_L,
        merge=_SPECIAL,
    ),
    Field("assignee", Kind.TEXT, "Who it is assigned to: name, email or ID.", aliases=True),
    Field(
        "assignment",
        Kind.CHOICE,
        "pending, accepted or done.",
        Reader("assigned_to", lambda r: r.assigned_to.status),
    ),
    Field(
        "team",
        Kind.CHOICE,
        "Team that was asked for.",
        Reader(
            EVERY_RECORD, lambda r: r.requested_team_key or handoff_part(r, "requested_team_key")
        ),
    ),
    Field(
        "handoffs",
        Kind.NUMBER,
        "Times a human was asked for.",
        Reader("handoff_history", lambda r: len(r.handoff_history) or None),
        merge=_SUM,
    ),
    Field(
        "pickup_seconds",
        Kind.NUMBER,
        "From asked to accepted, newest handoff.",
        handoff_seconds("requested_at", "accepted_at"),
        seconds=True,
    ),
    Field(
        "reply_seconds",
        Kind.NUMBER,
        "From asked to the human's last known reply.",
        Reader(
            "handoff_history",
            lambda r: seconds_between(handoff_part(r, "requested_at"), r.human_last_replied_at),
        ),
        seconds=True,
    ),
    Field(
        "handling_seconds",
        Kind.NUMBER,
        "From accepted to done, newest handoff.",
        handoff_seconds("accepted_at", "completed_at"),
        seconds=True,
    ),
    Field(
        "accepted_by", Kind.CHOICE, "Who accepted the newest handoff.", of_handoff("accepted_by")
    ),
    # Size and cost
    Field("messages", Kind.NUMBER, "Messages.", merge=_SUM, listed=True),
    Field(
        "duration_seconds",
        Kind.NUMBER,
        "From the first to the last message.",
        Reader(
            "first_message_ts",
            lambda r: seconds_between(r.first_message_ts, r.last_message_ts),
        ),
        seconds=True,
    ),
    Field("tokens", Kind.NUMBER, "AI tokens.", merge=_SUM),
    Field("ai_usd", Kind.NUMBER, "Cost of the AI in US dollars.", merge=_SUM),
    Field(
        "call_seconds",
        Kind.NUMBER,
        "Length of the phone call.",
        of_call("call_duration"),
        merge=_SUM,
        seconds=True,
    ),
    Field("call_status", Kind.CHOICE, "How the phone call ended.", of_call("call_status")),
    Field("call_error", Kind.CHOICE, "What failed in the phone call.", of_call("call_error")),
    Field(
        "call_usd",
        Kind.NUMBER,
        "Cost of the phone call in US dollars.",
        of_call("cost"),
        merge=_SUM,
    ),
    Field("channels", Kind.LIST, "Every channel of the lead.", rows=_L, merge=_SPECIAL),
    Field("conversations", Kind.NUMBER, "Conversations of the lead.", rows=_L, merge=_SPECIAL),
    # Marks
    Field("test", Kind.FLAG, "Marked as a test.", rows=_C),
    Field("blocked", Kind.FLAG, "The visitor is blocked.", rows=_C),
)

UNPARSED_VALUE = Field("value_text", Kind.UNPARSED, "Value that can't be read as a number.")
"""Stands beside `value` in rows, so conditions and `fields` may name it."""
BY_NAME = {field.name: field for field in FIELDS}
DATA_PREFIX = "data."
"""What the name of a captured variable or extracted value begins with."""
