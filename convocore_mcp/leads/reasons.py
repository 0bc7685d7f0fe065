"""Why a lead is worth a look: a table of rules, each a sentence or nothing.

To add a reason, leave one out or tell them in another order, change one line of `RULES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from convocore_mcp.leads.dates import day, span, spoken
from convocore_mcp.leads.hotness import closed, hot_score
from convocore_mcp.leads.profile import Profile
from convocore_mcp.models import Lead


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at."""

    lead: Lead
    details: Profile
    now: datetime


Rule = Callable[[Facts], str | None]
_STAGES = {
    "demo_req": "demo requested",
    "demo_conf": "demo confirmed",
    "demo_done": "demo done",
    "proposal": "proposal sent",
    "negotiation": "quote in negotiation",
    "trial": "on trial",
}
_SOON = timedelta(days=14)


def _score(f: Facts) -> str | None:
    """With what it was before the day on which it last changed."""
    if f.lead.score is None:
        return None
    said = f"score {f.lead.score:g}"
    scores = [(at, score) for at, score in f.details.scores if at <= f.now]
    if not scores or scores[0][1] != f.lead.score:
        return said
    changed = scores[0][0].date()
    for at, score in scores:
        if at.date() < changed and score != f.lead.score:
            return f"{said}, was {score:g} on {spoken(at, now=f.now)}"
    return f"{said} since {spoken(scores[0][0], now=f.now)}"


def _waiting(f: Facts) -> str | None:
    if not f.lead.waiting:
        return None
    if f.lead.waiting_since is None or f.lead.waiting_since > f.now:
        return "waiting for a human"
    return f"waiting for a human for {span(f.now - f.lead.waiting_since)}"


def _deal(f: Facts) -> str | None:
    """Where it stands in the pipeline, and when it is to be closed."""
    said = (_stage(f), _closes(f))
    return ", ".join(filter(None, said)) or None


def _stage(f: Facts) -> str | None:
    said = _STAGES.get(f.lead.stage or "")
    demo = day(f.details.demo)
    if said is None or demo is None or f.lead.stage not in {"demo_conf", "demo_done"}:
        return said
    return f"{said} for {spoken(demo, now=f.now)}" if f.lead.stage == "demo_conf" else said


def _closes(f: Facts) -> str | None:
    close = day(f.lead.expected_close)
    if close is None or closed(f.lead.stage) or not f.now - _SOON <= close <= f.now + _SOON:
        return None
    days = (close.date() - f.now.date()).days
    if days < 0:
        return f"was to close {-days} day{'s' * (days != -1)} ago"
    return "closes today" if days == 0 else f"closes in {days} day{'s' * (days != 1)}"


def _overdue(f: Facts) -> str | None:
    late = next((step for step in f.details.next_steps if step.overdue), None)
    due = day(late.due) if late else None
    if late and due:
        return f"overdue: {late.type or late.title or 'activity'}, due {spoken(due, now=f.now)}"
    if "overdue_activity" in f.lead.alerts:
        return "an activity is overdue"
    return "the expected close date has passed" if "overdue_ecd" in f.lead.alerts else None


def _unassigned(f: Facts) -> str | None:
    nobody = f.lead.assignee is None and not closed(f.lead.stage)
    return "assigned to nobody" if nobody else None


RULES: tuple[Rule, ...] = (
    lambda f: f"label {f.lead.label}" if f.lead.label else None,
    _score,
    _waiting,
    _deal,
    _overdue,
    _unassigned,
)
"""In the order in which they are told."""


def why(lead: Lead, details: Profile, *, now: datetime) -> list[str]:
    """The facts that make `lead` what it is, most decisive first."""
    facts = Facts(lead, details, now)
    return [said for rule in RULES if (said := rule(facts)) is not None]


def why_not_hot(lead: Lead, *, threshold: float) -> str | None:
    """What keeps `lead` from being hot; `None` if nothing does."""
    if closed(lead.stage):
        return f"closed: stage {lead.stage}"
    found = hot_score(lead.stage, lead.label, lead.score)
    if found is None:
        return f"label {lead.label}" if lead.label else "never scored and without a label"
    return None if found >= threshold else f"score {found:g} is below {threshold:g}"
