"""Why a lead is worth a look: a table of rules, each of which gives a sentence or nothing.

To add, remove or reorder reasons, change one line of `RULES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from convocore_mcp.leads.dates import format_day, format_duration, parse_date
from convocore_mcp.leads.hotness import hot_score, is_closed
from convocore_mcp.leads.profile import Profile
from convocore_mcp.models import Lead


@dataclass(frozen=True, slots=True)
class RuleInput:
    """What a rule may look at."""

    lead: Lead
    profile: Profile
    now: datetime


Rule = Callable[[RuleInput], str | None]
_STAGE_TEXTS = {
    "demo_req": "demo requested",
    "demo_conf": "demo confirmed",
    "demo_done": "demo done",
    "proposal": "proposal sent",
    "negotiation": "quote in negotiation",
    "trial": "on trial",
}
_CLOSE_WINDOW = timedelta(days=14)
"""How far from now an expected close date may be to count as a reason."""


def _label(given: RuleInput) -> str | None:
    return f"label {given.lead.label}" if given.lead.label else None


def _score(given: RuleInput) -> str | None:
    """The score, and what it was before the day on which it last changed."""
    if given.lead.score is None:
        return None
    text = f"score {given.lead.score:g}"
    history = [(at, score) for at, score in given.profile.score_history if at <= given.now]
    if not history or history[0][1] != given.lead.score:
        return text
    last_change = history[0][0]
    for at, score in history:
        if at.date() < last_change.date() and score != given.lead.score:
            return f"{text}, was {score:g} on {format_day(at, now=given.now)}"
    return f"{text} since {format_day(last_change, now=given.now)}"


def _waiting(given: RuleInput) -> str | None:
    if not given.lead.waiting:
        return None
    if given.lead.waiting_since is None or given.lead.waiting_since > given.now:
        return "waiting for a human"
    return f"waiting for a human for {format_duration(given.now - given.lead.waiting_since)}"


def _deal(given: RuleInput) -> str | None:
    """The stage in the pipeline, and when the deal is expected to close."""
    return ", ".join(filter(None, (_stage(given), _expected_close(given)))) or None


def _stage(given: RuleInput) -> str | None:
    text = _STAGE_TEXTS.get(given.lead.stage or "")
    if given.lead.stage != "demo_conf":
        return text
    demo = parse_date(given.profile.demo)
    return f"{text} for {format_day(demo, now=given.now)}" if demo else text


def _expected_close(given: RuleInput) -> str | None:
    close = parse_date(given.lead.expected_close)
    if close is None or is_closed(given.lead.stage):
        return None
    if not given.now - _CLOSE_WINDOW <= close <= given.now + _CLOSE_WINDOW:
        return None
    days = (close.date() - given.now.date()).days
    if days < 0:
        return f"was to close {-days} day{'s' * (days != -1)} ago"
    return "closes today" if days == 0 else f"closes in {days} day{'s' * (days != 1)}"


def _overdue(given: RuleInput) -> str | None:
    """The overdue activity if it is known, else the CRM's own alert."""
    step = next((step for step in given.profile.next_steps if step.overdue), None)
    due = parse_date(step.due) if step else None
    if step and due:
        name = step.type or step.title or "activity"
        return f"overdue: {name}, due {format_day(due, now=given.now)}"
    if "overdue_activity" in given.lead.alerts:
        return "an activity is overdue"
    return "the expected close date has passed" if "overdue_ecd" in given.lead.alerts else None


def _unassigned(given: RuleInput) -> str | None:
    is_unassigned = given.lead.assignee is None and not is_closed(given.lead.stage)
    return "assigned to nobody" if is_unassigned else None


RULES: tuple[Rule, ...] = (_label, _score, _waiting, _deal, _overdue, _unassigned)
"""In the order in which the reasons are given, most decisive first."""


def why(lead: Lead, profile: Profile, *, now: datetime) -> list[str]:
    """The reasons to look at `lead`, most decisive first."""
    rule_input = RuleInput(lead, profile, now)
    return [reason for rule in RULES if (reason := rule(rule_input)) is not None]


def why_not_hot(lead: Lead, *, threshold: float) -> str | None:
    """What keeps `lead` from being hot; `None` if nothing does."""
    if is_closed(lead.stage):
        return f"closed: stage {lead.stage}"
    score = hot_score(lead.stage, lead.label, lead.score)
    if score is None:
        return f"label {lead.label}" if lead.label else "never scored and without a label"
    return None if score >= threshold else f"score {score:g} is below {threshold:g}"
