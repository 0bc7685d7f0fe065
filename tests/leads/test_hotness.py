from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.hotness import hot_score, is_closed, is_hot, rank
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.leads.reasons import why_not_hot
from convocore_mcp.models import Conversation, Lead
from tests.conversations import AGENT, lists_of_conversations

stages = st.sampled_from([None, "new", "won", "lost", "WON", "a-new-stage"])
labels = st.sampled_from([None, "hot", "Hot", "warm", "cold", "lukewarm"])
scores = st.none() | st.floats(0, 100)
thresholds = st.floats(0, 100)


def lead(stage: str | None, label: str | None, score: float | None) -> Lead:
    found = hot_score(stage, label, score)
    return Lead(AGENT, "l", ("l",), stage=stage, label=label, score=score, hot_score=found)


@given(stages, labels, scores, thresholds)
def test_hot_means_what_the_contract_says(
    stage: str | None, label: str | None, score: float | None, threshold: float
) -> None:
    """Promised by docs/contract.md, "A lead", word for word.

    Holds docs/contract.md #hot.
    """
    closed = stage is not None and stage.lower() in {"won", "lost"}
    labelled = label is not None and label.lower() == "hot"
    scored = label is None and score is not None and score >= threshold
    expected = not closed and (labelled or scored)

    found = lead(stage, label, score)
    assert is_hot(found, threshold=threshold) is expected
    assert (why_not_hot(found, threshold=threshold) is None) is expected
    assert is_closed(stage) is closed


@given(labels, scores, thresholds, thresholds)
def test_a_higher_threshold_makes_no_lead_hot(
    label: str | None, score: float | None, one: float, other: float
) -> None:
    """Ours: a threshold is a lower bound."""
    low, high = sorted((one, other))
    assert is_hot(lead("new", label, score), threshold=low) >= is_hot(
        lead("new", label, score), threshold=high
    )


@given(lists_of_conversations)
def test_the_order_is_score_then_activity_then_id(conversations: list[Conversation]) -> None:
    """Promised by docs/contract.md, "A lead": highest score, then newest, then `lead_id`.

    Holds docs/contract.md #hot-order.
    """
    ranked = sorted(merge([(c, derive_keys(c)) for c in conversations]), key=rank)
    for one, other in pairwise(ranked):
        first = [one.score, one.last_activity and one.last_activity.timestamp()]
        second = [other.score, other.last_activity and other.last_activity.timestamp()]
        known = [[-1 if value is None else value for value in key] for key in (first, second)]
        assert known[0] > known[1] or (known[0] == known[1] and one.lead_id < other.lead_id)


@pytest.mark.parametrize(
    ("stage", "label", "score", "reason"),
    [
        ("won", "hot", 99, "closed: stage won"),
        ("new", "warm", 99, "label warm"),
        ("new", None, None, "never scored and without a label"),
        ("new", None, 74.9, "score 74.9 is below 75"),
        ("new", "hot", None, None),
    ],
)
def test_the_reason_why_a_lead_is_not_hot_is_given(
    stage: str, label: str | None, score: float | None, reason: str | None
) -> None:
    """Promised by docs/contract.md, "Tools": `explain` adds `near_misses` with `why_not`."""
    assert why_not_hot(lead(stage, label, score), threshold=75) == reason
