"""The views of lists, sums and changes, and what all views share."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, WithJsonSchema

Value = Annotated[float | str, WithJsonSchema({"type": ["number", "string"]})]
"""An amount, or the text that no amount could be read from."""
Counts = dict[str, int]
FreeForm = dict[str, Any]
"""An object whose fields are data: what was captured in a chat, or the arguments in force."""


FREE_FORM_SCHEMA = WithJsonSchema({"additionalProperties": True, "type": "object"})
"""Keeps the schema of a tool short where its fields need no explanation."""


class View:
    """An object in an answer."""

    __slots__ = ()
    # Validators are built at their first use: listing the tools needs the schemas alone.
    __pydantic_config__ = ConfigDict(extra="forbid", defer_build=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessView(View):
    """How far an answer can be trusted."""

    as_of: str
    complete: bool
    conversations: int
    oldest: str | None = None
    notes: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView(View):
    """A conversation; the second half only with `detail="full"`."""

    id: str
    name: str | None = None
    company: str | None = None
    channel: str | None = None
    state: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    value: Value | None = None
    currency: str | None = None
    tags: list[str] | None = None
    assignee: str | None = None
    last_activity: str | None = None
    waiting_since: str | None = None
    messages: int | None = None
    preview: str | None = None
    test: bool | None = None
    blocked: bool | None = None
    email: str | None = None
    phone: str | None = None
    title: str | None = None
    summary: str | None = None
    notes: str | None = None
    source: str | None = None
    language: str | None = None
    country: str | None = None
    expected_close: str | None = None
    rating: float | None = None
    lead_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationList(View):
    """The answer of `list_conversations`."""

    conversations: list[ConversationView]
    total: int
    applied: FreeForm
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView(View):
    """Something planned."""

    type: str | None = None
    title: str | None = None
    due: str | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HotLeadView(View):
    """One of the hottest leads."""

    lead_id: str
    conversation_id: str | None = None
    name: str | None = None
    company: str | None = None
    contact: str | None = None
    channel: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    value: Value | None = None
    currency: str | None = None
    assignee: str | None = None
    last_activity: str | None = None
    why: list[str]
    wants: str | None = None
    next_step: StepView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMissView(View):
    """A lead that is not hot, and the one thing that keeps it from it."""

    lead_id: str
    name: str | None = None
    why_not: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMissesView(View):
    """The leads that are nearly hot: how many there are, and the first of them."""

    count: int
    leads: list[NearMissView]


@dataclass(frozen=True, slots=True, kw_only=True)
class HotLeads(View):
    """The answer of `summarize_hot_leads`."""

    definition: str
    hot: int
    leads_considered: int
    by_stage: Counts
    by_channel: Counts
    value: dict[str, float]
    unparsed_values: int
    waiting_for_human: int
    unassigned: int
    overdue: int
    leads: list[HotLeadView]
    near_misses: Annotated[NearMissesView, FREE_FORM_SCHEMA] | None = None
    applied: FreeForm
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView


@dataclass(frozen=True, kw_only=True)
class GroupView(View):
    """Conversations counted and added up; a group also has its keys."""

    # The fields that the conversations are grouped by stand before these. Pydantic, which checks
    # answers against their schema, sets such extra fields, so this class has no slots.
    __pydantic_config__ = ConfigDict(extra="allow", defer_build=True)

    conversations: int
    leads: int
    hot: int
    messages: int
    value: dict[str, float]
    unparsed_values: int
    tokens: int
    usd: float
    rating_avg: float | None = None
    waiting_for_human: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(View):
    """The answer of `conversation_stats`."""

    totals: GroupView
    groups: list[GroupView]
    applied: FreeForm
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView(View):
    """Something that happened to a conversation."""

    at: str
    kind: str
    id: str
    lead_id: str | None = None
    name: str | None = None
    stage: str | None = None
    hot: bool | None = None
    changed: dict[str, list[Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(View):
    """The answer of `list_changes`."""

    changes: list[ChangeView]
    next_cursor: str
    has_more: bool
    freshness: FreshnessView


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView(View):
    """A configured agent, and how much of it is in the mirror."""

    agent_id: str
    region: str
    conversations: int
    complete: bool
    as_of: str | None = None
    oldest: str | None = None
    quarantined: int | None = None
