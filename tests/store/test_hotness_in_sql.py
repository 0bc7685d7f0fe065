"""Hot, closed, near miss and rank mean the same in SQL as in `leads.hotness`."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.hotness import is_closed, is_hot, is_near_miss, rank
from convocore_mcp.models import Conversation, HotQuery
from convocore_mcp.store.database.engine import Database
from convocore_mcp.vocabulary import STAGES
from tests.conversations import NOW, conversation
from tests.store.agent_store import AgentStore
from tests.store.steps import examples_share_a_mirror, in_each_mirror

LONG_S = "\u017f"
"""Another letter that case folding makes an s; `lower` does not."""


def in_odd_case(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    """One of `words` with random letters in upper case, and perhaps a long s."""
    return st.builds(
        lambda word, upper, long_s: "".join(
            letter.upper() if up else LONG_S if long_s and letter == "s" else letter
            for letter, up in zip(word, upper, strict=False)
        ),
        st.sampled_from(words),
        st.lists(st.booleans(), min_size=12, max_size=12),
        st.booleans(),
    )


texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=4)
stages = st.none() | in_odd_case(("won", "lost")) | in_odd_case(STAGES) | texts | st.just("loﬆ")
labels = st.none() | in_odd_case(("hot", "warm", "cold")) | texts
numbers = st.sampled_from([0.0, 64.9, 65.0, 65.1, 74.9, 75.0, 75.1, 85.0, 100.0])
thresholds = numbers | st.floats(0, 100)
one_person_each = st.lists(
    st.builds(
        conversation,
        st.uuids().map(str),
        name=st.just("Ann"),
        stage=stages,
        label=labels,
        score=st.none() | numbers | st.floats(0, 100),
        last_activity=st.none() | st.integers(0, 3).map(lambda hours: NOW - timedelta(hours=hours)),
    ),
    max_size=12,
    unique_by=lambda c: c.id,
)


@examples_share_a_mirror
@given(conversations=one_person_each, threshold=thresholds)
@in_each_mirror
def test_sql_decides_about_leads_as_python_does(
    database: Database, conversations: list[Conversation], threshold: float
) -> None:
    """Ours: the rule is written in `leads.hotness`, and what SQL repeats of it must agree."""
    agent_store = AgentStore(database)
    agent_store.save(*conversations)
    agent_store.rebuild_leads()
    leads = agent_store.leads().values()
    reader, query = agent_store.reader, HotQuery(agent_store.agent, threshold)
    hot_leads = sorted((a for a in leads if is_hot(a, threshold=threshold)), key=rank)
    near_misses = sorted((a for a in leads if is_near_miss(a, threshold=threshold)), key=rank)

    assert [a.closed for a in leads] == [is_closed(a.stage) for a in leads]
    assert reader.hot_leads(query, limit=99) == hot_leads
    assert reader.hot_leads(query, limit=3) == hot_leads[:3]
    assert reader.hot_count(query) == len(hot_leads)
    assert reader.near_misses(query, limit=99) == (len(near_misses), near_misses)
    summary = reader.hot_summary(query)
    assert summary.hot == len(hot_leads)
    assert summary.closed == sum(is_closed(a.stage) for a in leads)
