"""Hot, closed, nearly hot: decided here, and compared by every tool, in Python or in SQL.

Hot is a lead whose stage is not `won` or `lost`, and whose label is `hot`, or that has no label and
a score of at least the threshold. The comparisons are repeated as SQL in `store/read/hot_leads.py`;
`tests/store/test_hotness_in_sql.py` holds both equal.
"""

from convocore_mcp.models import CLOSED_STAGES, Lead
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD, NEAR_MISS_POINTS

LABELLED_HOT = 1000.0
"""The hot score of the label `hot`: above any score, so that no threshold excludes it."""


def hot_score(stage: str | None, label: str | None, score: float | None) -> float | None:
    """What to compare with a threshold (0 to 100): hot means at least that; `None` is never hot."""
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
    return lead.hot_score is not None and lead.hot_score >= threshold


def near_miss(lead: Lead, *, threshold: float = DEFAULT_THRESHOLD) -> bool:
    """Whether `lead` would be hot with another label or at most `NEAR_MISS_POINTS` more."""
    if lead.closed:
        return False
    if lead.hot_score is not None:
        return threshold - NEAR_MISS_POINTS <= lead.hot_score < threshold
    return lead.score is not None and lead.score >= threshold


def rank(lead: Lead) -> tuple[float, float, str]:
    """Sort key, hottest first: the score, then the newest activity, then the id."""
    score = lead.score if lead.score is not None else float("-inf")
    active = lead.last_activity.timestamp() if lead.last_activity else float("-inf")
    return (-score, -active, lead.lead_id)
