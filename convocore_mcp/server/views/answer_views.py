"""The views of lists and sums, and what all views share."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, WithJsonSchema

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
    progress: float | None = None
    notes: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ConversationView(View):
    """A conversation; the second half only with `detail="full"`, others only where asked for."""

    # Any field can be asked for. Pydantic sets those that are not named here, so no slots.
    __pydantic_config__ = ConfigDict(extra="allow", defer_build=True)

    id: str
    lead_id: str | None = None
    name: str | None = None
    company: str | None = None
    channel: str | None = None
    state: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    value: float | None = None
    value_text: str | None = None
    currency: str | None = None
    tags: list[str] | None = None
    tags_total: int | None = None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationList(View):
    """The answer of `list_conversations`."""

    conversations: list[ConversationView]
    total: int
    applied: FreeForm
    relax: Counts | None = None
    valid: dict[str, list[str]] | None = None
    freshness: FreshnessView
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class LeadRowView(View):
    """A person in a list; other fields only where asked for."""

    # Any field can be asked for. Pydantic sets those that are not named here, so no slots.
    __pydantic_config__ = ConfigDict(extra="allow", defer_build=True)

    lead_id: str
    name: str | None = None
    company: str | None = None
    contact: str | None = None
    channel: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    hot: bool | None = None
    value: float | None = None
    value_text: str | None = None
    currency: str | None = None
    assignee: str | None = None
    last_activity: str | None = None
    next_due: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadList(View):
    """The answer of `list_leads`."""

    leads: list[LeadRowView]
    total: int
    applied: FreeForm
    excluded: Counts
    relax: Counts | None = None
    valid: dict[str, list[str]] | None = None
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
    agent_id: str | None = None
    conversation_id: str | None = None
    name: str | None = None
    company: str | None = None
    contact: str | None = None
    channel: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    value: float | None = None
    value_text: str | None = None
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
    """Rows counted and added up, without zeros; a group also has its keys."""

    # The fields that the rows are grouped by stand before these. Pydantic, which checks answers
    # against their schema, sets such extra fields, so this class has no slots.
    __pydantic_config__ = ConfigDict(extra="allow", defer_build=True)

    conversations: int | None = None
    leads: int | None = None
    hot: Annotated[int | bool | str | None, WithJsonSchema({})] = None
    """How many are hot; in groups by `hot`: true, false, or `(other)`."""
    messages: int | None = None
    value: dict[str, float] | None = None
    unparsed_values: int | None = None
    tokens: int | None = None
    ai_usd: float | None = None
    usd: float | None = None
    rating_avg: float | None = None
    rated: int | None = None
    waiting_for_human: int | None = None
    overdue: int | None = None
    measures: FreeForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(View):
    """The answer of `conversation_stats`."""

    totals: GroupView
    groups: list[GroupView]
    groups_total: int | None = None
    applied: FreeForm
    excluded: Counts | None = None
    relax: Counts | None = None
    valid: dict[str, list[str]] | None = None
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
