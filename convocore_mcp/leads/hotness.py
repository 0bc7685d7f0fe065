"""Hot, in one place: every tool compares `Lead.heat` with a threshold, in Python or in SQL.

Hot is a lead whose stage is not `won` or `lost`, and whose label is `hot`, or that has no label and
a score of at least the threshold (`contract.md`).
"""

from convocore_mcp.models import CLOSED_STAGES, Lead
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

LABELLED_HOT = 1000.0
"""The heat of the label `hot`: above any score, so that no threshold leaves it out."""


def heat(stage: str | None, label: str | None, score: float | None) -> float | None:
    """How hot: hot at a threshold (0 to 100) means `heat >= threshold`; `None` is never hot."""
    if closed(stage):
        return None
    if label is not None:
        return LABELLED_HOT if label.casefold() == "hot" else None
    return score


def closed(stage: str | None) -> bool:
    """Whether the pipeline ends at `stage`."""
    return stage is not None and stage.casefold() in CLOSED_STAGES


def hot(lead: Lead, *, threshold: float = DEFAULT_THRESHOLD) -> bool:
    """Whether `lead` is hot at `threshold`."""
    return lead.heat is not None and lead.heat >= threshold


def rank(lead: Lead) -> tuple[float, float, str]:
    """Sort key, hottest first: the score, then the newest activity, then the id."""
    score = lead.score if lead.score is not None else float("-inf")
    active = lead.last_activity.timestamp() if lead.last_activity else float("-inf")
    return (-score, -active, lead.lead_id)
