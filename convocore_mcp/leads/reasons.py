"""Why a lead is hot or not: a table of rules, each of which gives a sentence or nothing.

To add, remove or reorder reasons, change one line of `RULES`. A reason says what decided and what
follows from the present time. It repeats no field that every answer shows beside it: the score, the
label, the stage and the assignee.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten

from convocore_mcp.fields.crm_dates import crm_date
from convocore_mcp.leads.dates import format_day, format_duration
from convocore_mcp.leads.hotness import hot_score, is_closed
from convocore_mcp.leads.profile import Profile
from convocore_mcp.models import Lead


@dataclass(frozen=True, slots=True)
class RuleInput:
    """What a rule may look at."""

    lead: Lead
    profile: Profile
    now: datetime
    hot: bool
    """Whether the lead is hot at the threshold that the caller asked for."""


Rule = Callable[[RuleInput], str | None]
_NEAR_DAYS = 14
"""A close or a demo is a reason if it is at most this many days away."""
_MAX_NAME_LENGTH = 40
"""Characters of an activity's name in a reason."""


def _decision(given: RuleInput) -> str:
    """What makes the lead hot, or keeps it from being hot."""
    lead = given.lead
    if given.hot:
        return "label hot decides" if lead.label else "score decides"
    if lead.closed or is_closed(lead.stage):
        return "not hot: the deal is closed"
    if lead.label:
        return "not hot: the label decides"
    return "not hot: never scored" if lead.score is None else "not hot: too few points"


def _trend(given: RuleInput) -> str | None:
    """The score before the day on which it last changed, or that day."""
    score = given.lead.score
    zone = given.profile.zone
    known = given.profile.score_history
    history = [(at.astimezone(zone), past) for at, past in known if at <= given.now]
    if score is None or not history or history[0][1] != score:
        return None
    last_change = history[0][0]
    for at, past in history:
        if at.date() < last_change.date() and past != score:
            return f"the score was {past:g} on {format_day(at, now=given.now)}"
    return f"this score since {format_day(last_change, now=given.now)}"


def _waiting(given: RuleInput) -> str | None:
    if not given.lead.waiting:
        return None
    if given.lead.waiting_since is None or given.lead.waiting_since > given.now:
        return "waiting for a human"
    return f"waiting for a human for {format_duration(given.now - given.lead.waiting_since)}"


def _close(given: RuleInput) -> str | None:
    """How far away the expected close is, where it is near."""
    close = crm_date(given.lead.expected_close)
    if close is None or is_closed(given.lead.stage):
        return None
    days = given.profile.days_until(close)
    if abs(days) > _NEAR_DAYS:
        return None
    if days < 0:
        return f"was to close {-days} day{'s' * (days != -1)} ago"
    return "closes today" if days == 0 else f"closes in {days} day{'s' * (days != 1)}"


def _demo(given: RuleInput) -> str | None:
    """How far away the demo is, where it is near and to come."""
    demo = given.profile.demo_date
    if demo is None or is_closed(given.lead.stage):
        return None
    days = given.profile.days_until(demo)
    if not 0 <= days <= _NEAR_DAYS:
        return None
    return "demo today" if days == 0 else f"demo in {days} day{'s' * (days != 1)}"


def _overdue(given: RuleInput) -> str | None:
    """What is overdue, by the rule of `leads.due_dates`; the newest activity where it is known."""
    if given.profile.activity_overdue:
        step = next((step for step in given.profile.next_steps if step.overdue), None)
        if step is None or step.due_at is None:
            return "an activity is overdue"
        day = format_day(step.due_at.astimezone(given.profile.zone), now=given.now)
        name = shorten(step.type or step.title or "activity", _MAX_NAME_LENGTH)
        return f"overdue since {day}: {name}"
    if given.profile.close_overdue and _close(given) is None:
        return "the expected close date has passed"
    return None


def _unassigned(given: RuleInput) -> str | None:
    is_unassigned = given.lead.assignee is None and not is_closed(given.lead.stage)
    return "assigned to nobody" if is_unassigned else None


RULES: tuple[Rule, ...] = (_decision, _trend, _waiting, _close, _demo, _overdue, _unassigned)
"""In the order in which the reasons are given, most decisive first."""


def why(lead: Lead, profile: Profile, *, now: datetime, hot: bool) -> list[str]:
    """The reasons to look at `lead`, most decisive first; `hot` is what was decided about it."""
    rule_input = RuleInput(lead, profile, now, hot)
    return [reason for rule in RULES if (reason := rule(rule_input)) is not None]


def why_not_hot(lead: Lead, *, threshold: float) -> str | None:
    """What keeps `lead` from being hot; `None` if nothing does."""
    if is_closed(lead.stage):
        return f"closed: stage {lead.stage}"
    score = hot_score(lead.stage, lead.label, lead.score)
    if score is None:
        return f"label {lead.label}" if lead.label else "never scored and without a label"
    return None if score >= threshold else f"score {score:g} is below {threshold:g}"
