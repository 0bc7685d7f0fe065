"""The views of one person."""

from dataclasses import dataclass

from convocore_mcp.server.views.answer_views import FreeForm, FreshnessView, StepView, View


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView(View):
    """Something that happened."""

    at: str
    kind: str
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadConversationView(View):
    """One of a lead's conversations."""

    id: str
    channel: str | None = None
    state: str | None = None
    last_activity: str | None = None
    messages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
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
    value: float | None = None
    value_text: str | None = None
    currency: str | None = None
    hot: bool
    why: list[str]
    said: list[str] | None = None
    expected_close: str | None = None
    lost_reason: str | None = None
    demo: str | None = None
    campaign: str | None = None
    assignee: str | None = None
    tags: list[str] | None = None
    summary: str | None = None
    notes: str | None = None
    extracted: FreeForm | None = None
    alerts: list[str] | None = None
    next_steps: list[StepView] | None = None
    timeline: list[EventView] | None = None
    conversations: list[LeadConversationView]
    conversations_total: int
    usage: dict[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateView(View):
    """Somebody who may be meant."""

    lead_id: str
    name: str | None = None
    company: str | None = None
    last_activity: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadAnswer(View):
    """The answer of `get_lead`: a lead, or candidates."""

    lead: LeadView | None = None
    candidates: list[CandidateView] | None = None
    total: int | None = None
    matched_on: str
    ignored: list[str] | None = None
    freshness: FreshnessView
