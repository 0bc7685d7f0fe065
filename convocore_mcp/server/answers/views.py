"""The shapes of answers. What has no value is left out, so almost nothing is required."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema

Value = Annotated[float | str, WithJsonSchema({"type": ["number", "string"]})]
"""An amount, or the text that no amount could be read from."""
Counts = dict[str, int]


class View(BaseModel):
    """An object in an answer."""

    model_config = ConfigDict(extra="forbid")


class FreshnessView(View):
    """How far an answer can be trusted."""

    as_of: str
    complete: bool
    conversations: int
    oldest: str | None = None
    notes: list[str] | None = None


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


class ConversationList(View):
    """The answer of `list_conversations`."""

    conversations: list[ConversationView]
    total: int
    next_cursor: str | None = None
    applied: dict[str, Any]
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView


class StepView(View):
    """Something planned."""

    type: str | None = None
    title: str | None = None
    due: str | None = None
    overdue: bool | None = None


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
    near_misses: dict[str, Any] | None = None
    applied: dict[str, Any]
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView


class GroupView(View):
    """Conversations counted and added up; a group also has its keys."""

    model_config = ConfigDict(extra="allow")

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


class Stats(View):
    """The answer of `conversation_stats`."""

    totals: GroupView
    groups: list[GroupView]
    applied: dict[str, Any]
    excluded: Counts
    relax: Counts | None = None
    freshness: FreshnessView


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


class Changes(View):
    """The answer of `list_changes`."""

    changes: list[ChangeView]
    next_cursor: str
    has_more: bool
    freshness: FreshnessView


class EventView(View):
    """Something that happened."""

    at: str
    kind: str
    text: str | None = None


class LeadConversationView(View):
    """One of a lead's conversations."""

    id: str
    channel: str | None = None
    state: str | None = None
    last_activity: str | None = None
    messages: int | None = None


class LeadView(View):
    """All that is known about a person."""

    lead_id: str
    name: str | None = None
    company: str | None = None
    emails: list[str] | None = None
    phones: list[str] | None = None
    links: list[str] | None = None
    country: str | None = None
    language: str | None = None
    stage: str | None = None
    label: str | None = None
    score: float | None = None
    hot: bool
    why: list[str]
    value: Value | None = None
    currency: str | None = None
    expected_close: str | None = None
    assignee: str | None = None
    tags: list[str] | None = None
    summary: str | None = None
    notes: str | None = None
    extracted: dict[str, Any] | None = None
    alerts: list[str] | None = None
    next_steps: list[StepView] | None = None
    timeline: list[EventView] | None = None
    conversations: list[LeadConversationView]
    usage: dict[str, float] | None = None


class CandidateView(View):
    """Somebody who may be meant."""

    lead_id: str
    name: str | None = None
    company: str | None = None
    last_activity: str | None = None
    score: float | None = None


class LeadAnswer(View):
    """The answer of `get_lead`: a lead, or candidates."""

    lead: LeadView | None = None
    candidates: list[CandidateView] | None = None
    total: int | None = None
    matched_on: str
    freshness: FreshnessView
