"""Why a lead is worth a look: a table of rules, each a sentence or nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from convocore_mcp.leads.heat import closed, heat
from convocore_mcp.models import Lead

Rule = Callable[[Lead, datetime], str | None]
_STAGES = {
    "demo_req": "demo requested",
    "demo_conf": "demo confirmed",
    "demo_done": "demo done",
    "proposal": "proposal sent",
    "negotiation": "quote in negotiation",
    "trial": "on trial",
}
_SOON = timedelta(days=14)


def _label(lead: Lead, _now: datetime) -> str | None:
    return None if lead.label is None else f"label {lead.label}"


def _score(lead: Lead, _now: datetime) -> str | None:
    return None if lead.score is None else f"score {lead.score:g}"


def _waiting(lead: Lead, now: datetime) -> str | None:
    if not lead.waiting:
        return None
    if lead.waiting_since is None or lead.waiting_since > now:
        return "waiting for a human"
    return f"waiting for a human for {span(now - lead.waiting_since)}"


def _stage(lead: Lead, _now: datetime) -> str | None:
    return _STAGES.get(lead.stage or "")


def _closes(lead: Lead, now: datetime) -> str | None:
    close = day(lead.expected_close)
    if close is None or closed(lead.stage) or not now - _SOON <= close <= now + _SOON:
        return None
    days = (close.date() - now.date()).days
    if days < 0:
        return f"was to close {-days} day{'s' * (days != -1)} ago"
    return "closes today" if days == 0 else f"closes in {days} day{'s' * (days != 1)}"


def _overdue(lead: Lead, _now: datetime) -> str | None:
    if "overdue_activity" in lead.alerts:
        return "an activity is overdue"
    return "the expected close date has passed" if "overdue_ecd" in lead.alerts else None


def _unassigned(lead: Lead, _now: datetime) -> str | None:
    return "assigned to nobody" if lead.assignee is None and not closed(lead.stage) else None


RULES: tuple[Rule, ...] = (_label, _score, _waiting, _stage, _closes, _overdue, _unassigned)
"""In the order in which they are told."""


def why(lead: Lead, *, now: datetime) -> list[str]:
    """The facts that make `lead` what it is, most decisive first."""
    return [said for rule in RULES if (said := rule(lead, now)) is not None]


def why_not_hot(lead: Lead, *, threshold: float) -> str | None:
    """What keeps `lead` from being hot; `None` if nothing does."""
    if closed(lead.stage):
        return f"closed: stage {lead.stage}"
    found = heat(lead.stage, lead.label, lead.score)
    if found is None:
        return f"label {lead.label}" if lead.label else "never scored and without a label"
    return None if found >= threshold else f"score {found:g} is below {threshold:g}"


def day(text: str | None) -> datetime | None:
    """The time that a date field means; `None` where it is no ISO date."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def span(time: timedelta) -> str:
    """A length of time in the two largest units that matter: `3 h 10 min`."""
    minutes = int(time.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"
