from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.hotness import closed, hot, hot_score, rank
from convocore_mcp.leads.keys import keys
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
def test_hot_is_what_the_contract_says(
    stage: str | None, label: str | None, score: float | None, threshold: float
) -> None:
    """Promised by contract.md, word for word."""
    is_closed = stage is not None and stage.lower() in {"won", "lost"}
    labelled = label is not None and label.lower() == "hot"
    scored = label is None and score is not None and score >= threshold
    expected = not is_closed and (labelled or scored)

    one = lead(stage, label, score)
    assert hot(one, threshold=threshold) is expected
    assert (why_not_hot(one, threshold=threshold) is None) is expected
    assert closed(stage) is is_closed


@given(labels, scores, thresholds, thresholds)
def test_a_higher_threshold_makes_nobody_hotter(
    label: str | None, score: float | None, one: float, other: float
) -> None:
    """Ours."""
    low, high = sorted((one, other))
    assert hot(lead("new", label, score), threshold=low) >= hot(
        lead("new", label, score), threshold=high
    )


@given(lists_of_conversations)
def test_the_order_is_score_then_activity_then_id(conversations: list[Conversation]) -> None:
    """Promised by contract.md: highest first, newest first, then `lead_id`; unknown comes last."""
    ranked = sorted(merge([(c, keys(c)) for c in conversations]), key=rank)
    for one, other in pairwise(ranked):
        first = [one.score, one.last_activity and one.last_activity.timestamp()]
        second = [other.score, other.last_activity and other.last_activity.timestamp()]
        known = [[-1 if value is None else value for value in place] for place in (first, second)]
        assert known[0] > known[1] or (known[0] == known[1] and one.lead_id < other.lead_id)


@pytest.mark.parametrize(
    ("stage", "label", "score", "said"),
    [
        ("won", "hot", 99, "closed: stage won"),
        ("new", "warm", 99, "label warm"),
        ("new", None, None, "never scored and without a label"),
        ("new", None, 74.9, "score 74.9 is below 75"),
        ("new", "hot", None, None),
    ],
)
def test_it_says_what_keeps_a_lead_from_being_hot(
    stage: str, label: str | None, score: float | None, said: str | None
) -> None:
    """Promised by contract.md: `explain` adds `near_misses`."""
    assert why_not_hot(lead(stage, label, score), threshold=75) == said
