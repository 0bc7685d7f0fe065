"""Views made from models: named and formatted as docs/contract.md says, "Fields"."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from convocore_mcp.fields.crm_dates import crm_date
from convocore_mcp.leads.history.next_steps import NextStep
from convocore_mcp.leads.hotness import is_hot
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why
from convocore_mcp.models import Conversation, Freshness, Lead, Value
from convocore_mcp.server.views.answer_views import (
    ConversationView,
    FreshnessView,
    HotLeadView,
    StepView,
)
from convocore_mcp.server.views.lead_views import (
    CandidateView,
    EventView,
    LeadConversationView,
    LeadView,
)
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD
from convocore_mcp.words.folding import fold, single_blanks

MAX_NAMES = 40
"""Names that an answer counts one by one."""
MAX_TAGS = 30
"""Tags of one conversation that a list shows: one row must never be longer than an answer may be.
"""


def rfc3339(moment: datetime | None) -> str | None:
    """A time in UTC, to the second."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_number(value: float | None) -> float | None:
    """A whole number without a decimal point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def freshness_view(freshness: Freshness, *notes: str) -> FreshnessView:
    """How far an answer can be trusted; `notes` are further notes of this answer."""
    return FreshnessView(
        as_of=rfc3339(freshness.as_of) or "",
        complete=freshness.complete,
        conversations=freshness.conversations,
        oldest=rfc3339(freshness.oldest),
        progress=freshness.progress,
        notes=[*freshness.notes, *notes] or None,
    )


def sums_by_currency(sums: Mapping[str | None, float]) -> dict[str, float]:
    """Sums of money, the largest first; money without a currency is under `unknown`."""
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0] or ""))
    return {
        currency or "unknown": plain_number(round(amount, 2)) or 0 for currency, amount in ordered
    }


def conversation_view(c: Conversation, *, full: bool) -> ConversationView:
    """A row of a list; with `full` also its longer texts and the contact data."""
    return ConversationView(
        id=c.id,
        lead_id=c.lead_id,
        name=c.name,
        company=c.company,
        channel=c.channel,
        state=c.state,
        stage=c.stage,
        label=c.label,
        score=plain_number(c.score),
        value=plain_number(c.amount),
        value_text=_value_text(c.value, c.amount),
        currency=c.currency_key,
        tags=list(c.tags[:MAX_TAGS]) or None,
        tags_total=len(c.tags) if len(c.tags) > MAX_TAGS else None,
        assignee=c.assignee,
        last_activity=rfc3339(c.last_activity),
        waiting_since=rfc3339(c.waiting_since),
        messages=c.messages,
        preview=c.last_message or c.summary,
        test=c.is_test or None,
        blocked=c.is_blocked or None,
        email=c.email if full else None,
        phone=c.phone if full else None,
        title=c.title if full else None,
        summary=c.summary if full else None,
        notes=c.notes if full else None,
        source=c.source if full else None,
        language=c.language if full else None,
        country=c.country if full else None,
        expected_close=_date(c.expected_close) if full else None,
        rating=plain_number(c.rating) if full else None,
    )


def _date(text: str | None) -> str | None:
    """A day stays a day, a time becomes RFC 3339, any other text stays as it was written."""
    found = crm_date(text)
    if found is None:
        return text
    return rfc3339(found) if isinstance(found, datetime) else found.isoformat()


def step_view(step: NextStep) -> StepView:
    """Something planned."""
    return StepView(
        type=step.type, title=step.title, due=_date(step.due), overdue=step.overdue or None
    )


def hot_lead_view(
    lead: Lead, profile: Profile, *, now: datetime, agent_id: str | None = None
) -> HotLeadView:
    """One of the hottest leads; `agent_id` where several agents are asked."""
    steps = profile.next_steps
    return HotLeadView(
        lead_id=lead.lead_id,
        agent_id=agent_id,
        conversation_id=lead.conversation_ids[0],
        name=lead.name,
        company=lead.company,
        contact=", ".join(filter(None, (lead.email, lead.phone))) or None,
        channel=lead.channel,
        stage=lead.stage,
        label=lead.label,
        score=plain_number(lead.score),
        value=plain_number(lead.amount),
        value_text=_value_text(lead.value, lead.amount),
        currency=lead.currency,
        assignee=lead.assignee,
        last_activity=rfc3339(lead.last_activity),
        why=why(lead, profile, now=now, hot=True),
        wants=profile.wants,
        next_step=step_view(steps[0]) if steps else None,
    )


def _value_text(value: Value | None, amount: float | None) -> str | None:
    """The text of a value that no number could be read from."""
    return None if value is None or amount is not None else str(value)


def candidate_view(lead: Lead) -> CandidateView:
    """One of several leads that may be meant."""
    return CandidateView(
        lead_id=lead.lead_id,
        name=lead.name,
        company=lead.company,
        last_activity=rfc3339(lead.last_activity),
        score=plain_number(lead.score),
    )


def lead_view(
    lead: Lead, profile: Profile, conversations: Sequence[Conversation], *, now: datetime
) -> LeadView:
    """All that is known about a person; `conversations` are those to list."""
    hot = is_hot(lead, threshold=DEFAULT_THRESHOLD)
    return LeadView(
        lead_id=lead.lead_id,
        name=lead.name,
        company=lead.company,
        emails=profile.emails or None,
        phones=profile.phones or None,
        links=profile.links or None,
        country=profile.country,
        language=profile.language,
        stage=lead.stage,
        label=lead.label,
        score=plain_number(lead.score),
        value=plain_number(lead.amount),
        value_text=_value_text(lead.value, lead.amount),
        currency=lead.currency,
        hot=hot,
        why=why(lead, profile, now=now, hot=hot),
        said=profile.said or None,
        expected_close=_date(lead.expected_close),
        lost_reason=profile.lost_reason,
        demo=profile.demo,
        campaign=profile.campaign,
        assignee=lead.assignee,
        tags=profile.tags or None,
        summary=profile.summary,
        notes=profile.notes,
        extracted=profile.extracted or None,
        alerts=profile.alerts or None,
        next_steps=[step_view(step) for step in profile.next_steps] or None,
        timeline=_timeline(profile) or None,
        conversations=[_lead_conversation(c) for c in conversations],
        conversations_total=len(lead.conversation_ids),
        usage=_usage(profile),
    )


def _timeline(profile: Profile) -> list[EventView]:
    return [
        EventView(at=rfc3339(event.at) or "", kind=event.kind, text=event.text)
        for event in profile.timeline
    ]


def _lead_conversation(c: Conversation) -> LeadConversationView:
    return LeadConversationView(
        id=c.id,
        channel=c.channel,
        state=c.state,
        last_activity=rfc3339(c.last_activity),
        messages=c.messages,
    )


def _usage(profile: Profile) -> dict[str, float] | None:
    usage = {
        "tokens": profile.tokens,
        "ai_usd": plain_number(profile.ai_usd),
        "call_usd": plain_number(profile.call_usd),
    }
    return {name: value for name, value in usage.items() if value} or None


def counts_by_name(counts: Mapping[str | None, int], none: str = "none") -> dict[str, int]:
    """Counts, the largest first; what has no name is under `none`.

    Names that are equal but for case and accents are one, in their most frequent spelling. There
    may be any number of names (a channel may be any text): the rest is under `(other)`.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for name, count in counts.items():
        shown = none if name is None else name
        spellings[single_blanks(fold(shown))][shown] += count
    merged = {
        min(same, key=lambda name: (-same[name], name)): same.total() for same in spellings.values()
    }
    ordered = sorted(merged.items(), key=lambda item: (-item[1], item[0]))
    other = sum(count for _, count in ordered[MAX_NAMES:])
    return dict(ordered[:MAX_NAMES]) | ({"(other)": other} if other else {})
