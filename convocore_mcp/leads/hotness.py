"""The definition of hot, in one place: every tool compares `Lead.hot_score` with a threshold.

A lead is hot if its stage is not `won` or `lost`, and if its label is `hot`, or it has no label
and a score of at least the threshold (docs/contract.md, "A lead"). The mirror stores `hot_score`,
so Python and SQL compare the same number; `store/read/hot_leads.py` repeats the comparisons as SQL,
and `tests/store/test_hotness_in_sql.py` holds both equal.
"""

from convocore_mcp.models import CLOSED_STAGES, Lead
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD, NEAR_MISS_POINTS

LABELLED_HOT = 1000.0
"""The hot score of the label `hot`: above any threshold."""


def hot_score(stage: str | None, label: str | None, score: float | None) -> float | None:
    """A number that is at least the threshold (0 to 100) exactly if a lead is hot at it.

    `None` is never hot.
    """
    if is_closed(stage):
        return None
    if label is not None:
        return LABELLED_HOT if label.strip().casefold() == "hot" else None
    return score


def is_closed(stage: str | None) -> bool:
    """Whether the pipeline ends at `stage`."""
    return stage is not None and stage.strip().casefold() in CLOSED_STAGES


def is_hot(lead: Lead, *, threshold: float = DEFAULT_THRESHOLD) -> bool:
    """Whether `lead` is hot at `threshold`."""
    return lead.hot_score is not None and lead.hot_score >= threshold


def is_near_miss(lead: Lead, *, threshold: float = DEFAULT_THRESHOLD) -> bool:
    """Whether `lead` would be hot with another label or at most `NEAR_MISS_POINTS` more."""
    if lead.closed:
        return False
    if lead.hot_score is not None:
        return threshold - NEAR_MISS_POINTS <= lead.hot_score < threshold
    return lead.score is not None and lead.score >= threshold


def rank(lead: Lead) -> tuple[float, float, str]:
    """Sort key: highest score first, then newest activity, then id. What is unknown comes last."""
    score = lead.score if lead.score is not None else float("-inf")
    active = lead.last_activity.timestamp() if lead.last_activity else float("-inf")
    return (-score, -active, lead.lead_id)
