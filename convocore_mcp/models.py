"""The nouns, as frozen dataclasses. Times are aware and UTC; what is unknown is `None`."""

from dataclasses import dataclass, field
from datetime import datetime

Value = int | float | str
"""A deal's value as somebody entered it: a number, or the text of one."""

CLOSED_STAGES = frozenset({"won", "lost"})
WORD = "w"
"""What a term begins with that is a word of a name or company."""
WAITING = "requested_chat"  # the state of a visitor who waits for a human
SHORTEST_PART = 5
"""Digits by which a number is found from its middle on."""
LONGEST_WORD = 40
"""Characters of a word of a lead that count."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, as the list endpoint last showed it.

    Source: the list item of OpenAPI 1.0.4; `record` is the whole of it under snake_case names.
    """

    agent_id: str
    id: str
    last_activity: datetime | None = None
    """When the newest message came: `ts`, or `lastMessageTS` where it is missing."""
    first_message: datetime | None = None
    identity: str | None = None
    """Convocore's own idea of who this is: `contactIdentityId`."""
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
    assignee: str | None = None
    """Who a person would say it is assigned to: a name, else an email, else an id."""
    assignees: tuple[str, ...] = ()
    """Every name, email and id that the assignment goes by."""
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
    record: str = ""
    """The whole record as compact JSON; empty where only the columns were read."""
    lead_id: str | None = None
    """The lead it belongs to; the mirror fills this in."""

    @property
    def overdue(self) -> bool:
        """Whether an activity or the expected close date is past due."""
        return bool({"overdue_activity", "overdue_ecd"}.intersection(self.alerts or ()))

    @property
    def stale(self) -> bool:
        """Whether the CRM calls the lead stale."""
        return "stale_lead" in (self.alerts or ())


@dataclass(frozen=True, slots=True)
class Keys:
    """What a conversation is found, joined and sorted by. Derived, never shown."""

    email: str | None
    phone: str | None
    """Digits of the E.164 form where the number can be read as one."""
    amount: float | None
    unparsed: bool
    """There is a value, but no number in it."""
    currency: str | None
    text: str
    """Folded words of every searchable field, each after a blank."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A person: the merge of their conversations (`contract.md`, "A lead")."""

    agent_id: str
    lead_id: str
    conversation_ids: tuple[str, ...]
    """Newest first."""
    last_activity: datetime | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    channel: str | None = None
    state: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    amount: float | None = None
    unparsed: bool = False
    currency: str | None = None
    value: Value | None = None
    assignee: str | None = None
    alerts: tuple[str, ...] = ()
    waiting_since: datetime | None = None
    expected_close: str | None = None
    hot_score: float | None = None
    """Hot at a threshold means `hot_score >= threshold`; `None` is never hot (`leads.hotness`)."""
    closed: bool = False  # whether the pipeline ended at `stage` (`leads.hotness.closed`)
    text: str = ""
    """Folded words of every name and company it goes by."""
    terms: str = ""
    """What it is found by, each behind a line end (`leads.terms`)."""

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for a human."""
        return self.state == WAITING

    @property
    def overdue(self) -> bool:
        """Whether an activity or the expected close date is past due."""
        return bool({"overdue_activity", "overdue_ecd"}.intersection(self.alerts))


@dataclass(frozen=True, slots=True)
class Either:
    """A lead with one of these terms (`leads.terms`), or one that begins like `beginnings`."""

    whole: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conversations are asked for; every field that is set must hold."""

    terms: tuple[str, ...] | None = None
    """Words of which one must begin so (with a blank in front), and digits in a row anywhere."""
    stages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    min_score: float | None = None
    attention: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    """Both bound the last activity, inclusively."""


@dataclass(frozen=True, slots=True)
class HotQuery:
    """Which leads are hot: those of at least that score, active in the window (`leads.heat`)."""

    agent_id: str
    threshold: float
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HotSummary:
    """What there is to say of the hot leads in a window, in numbers."""

    considered: int
    hot: int
    by_stage: dict[str | None, int]
    by_channel: dict[str | None, int]
    value: dict[str | None, float]
    unparsed_values: int
    waiting_for_human: int
    unassigned: int
    overdue: int
    tests: int
    blocked: int
    closed: int


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations with the same values in some fields, counted and added up."""

    keys: tuple[str | None, ...]
    conversations: int = 0
    leads: int = 0
    hot: int = 0
    messages: int = 0
    value: dict[str | None, float] = field(default_factory=dict)
    unparsed_values: int = 0
    tokens: int = 0
    usd: float = 0.0
    rating_avg: float | None = None
    waiting_for_human: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a conversation: `kind` is created, updated or removed."""

    sequence_number: int
    kind: str
    at: datetime | None
    """When it was seen, not when it happened."""
    conversation: Conversation
    before: Conversation | None = None
    """As it was, of an update."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that doesn't fit the model, kept as it came, with the reason."""

    raw: str
    reason: str
    id: str | None = None
    """The conversation's ID, where that at least can be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one request brought: rows newest first, and the ones that could not be read."""

    rows: tuple[Conversation, ...]
    quarantined: tuple[Quarantined, ...] = ()
    certain: bool = True
    """False when rows may be missing between this page and the one before it."""
    read_at: datetime | None = None
    resume_token: str | None = None
    """Where a walk can go on behind this page, even in another process; only `api` reads it."""


@dataclass(frozen=True, slots=True)
class UnfinishedSync:
    """A reading of the whole list that was begun and is not over."""

    started_at: datetime
    resume_token: str
    """How far it got: `Page.place` of the last page that was saved."""
    watermark: datetime | None
    """The newest activity at the front when it began."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an agent's list the mirror holds, and since when."""

    as_of: datetime | None = None
    """When the front of the list was last read."""
    full_sync_at: datetime | None = None
    """When the last complete walk began; `None` until the first one is complete."""
    oldest: datetime | None = None
    """The oldest activity that is here: how far back reading has got."""
    watermark: datetime | None = None
    """The newest activity seen when `as_of` was read: the tail reads down to here."""
    conversations: int = 0
    quarantined: int = 0
    sequence_number: int = 0
    """The number of the newest change."""
    unfinished: UnfinishedSync | None = None
    """What a walk that was cut short goes on from."""
    gap: str | None = None
    """Why the last walk can't promise to have seen everything, in a sentence."""

    @property
    def complete(self) -> bool:
        """Whether every conversation has been read at least once."""
        return self.full_sync_at is not None and self.gap is None


@dataclass(frozen=True, slots=True)
class Freshness:
    """What an answer says about itself."""

    as_of: datetime
    complete: bool
    conversations: int
    oldest: datetime | None = None
    notes: tuple[str, ...] = ()
