"""Small looks at the mirror: beginnings of ids and names, and what has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.keys import words
from convocore_mcp.models import Conversation
from convocore_mcp.store import browse, finding
from convocore_mcp.store.browse import Browser
from convocore_mcp.store.engine import Database
from tests.store.desk import Desk, bare, in_order
from tests.store.steps import Step, shared, steps, take
from tests.talks import ids, lists_of_talks


@shared
@given(talks=lists_of_talks, begins=st.sampled_from(["", "c", "C", "c1", "ç", "😀", "%", "_", "x"]))
def test_ids_are_found_by_their_beginning(
    database: Database, talks: list[Conversation], begins: str
) -> None:
    """Promised by contract.md: conversation ids complete; no character stands for another."""
    desk, browser = Desk(database), Browser(database)
    desk.save(*talks)
    found = browser.conversation_ids(desk.agent, begins, limit=100)
    if begins:
        assert found == sorted(c.id for c in talks if c.id.startswith(begins))
    else:
        assert found == [c.id for c in in_order(talks, "newest")]
    assert browser.conversation_ids(desk.agent, begins, limit=2) == found[:2]


@shared
@given(
    talks=lists_of_talks,
    typed=st.sampled_from(["", "an", "bob lu", "ZO", "nobody", "mbh"]),
    few=st.sampled_from([0, finding.FEW]),
)
def test_people_are_found_by_the_beginnings_of_their_names(
    database: Database, talks: list[Conversation], typed: str, few: int
) -> None:
    """Promised by contract.md: leads complete by name, the latest active first."""
    desk, browser = Desk(database), Browser(database)
    desk.save(*talks)
    desk.mirror.settle(desk.agent)
    leads = desk.leads()
    wanted = {
        lead.lead_id
        for lead in leads.values()
        if lead.name
        and all(any(own.startswith(b) for own in lead.text.split()) for b in words(typed))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(browse, "FEW", few)
        found = browser.people(desk.agent, words(typed), limit=100)
    assert {lead.lead_id for lead in found} == wanted
    active = [lead.last_activity.timestamp() if lead.last_activity else 0 for lead in found]
    assert active == sorted(active, reverse=True)
    assert browser.lead_ids(desk.agent, "c", limit=100) == sorted(
        lead_id for lead_id in leads if lead_id.startswith("c")
    )


@shared
@given(before=lists_of_talks, steps=steps, asked=st.sets(ids))
def test_news_are_what_differs(
    database: Database, before: list[Conversation], steps: list[Step], asked: set[str]
) -> None:
    """Promised by issue 4: what changed is announced, and nothing else of what was asked for."""
    desk, browser, held = Desk(database), Browser(database), dict[str, Conversation]()
    take(desk, Step("save", before), held, 0)
    desk.mirror.settle(desk.agent)
    after, old = browser.seq(), dict(held)
    seen: set[str] = set()
    for minute, step in enumerate(steps, start=1):
        was = dict(held)
        take(desk, step, held, minute)
        seen |= {
            id_
            for id_ in was.keys() | held.keys()
            if (id_ in was) != (id_ in held) or bare(was[id_]) != bare(held[id_])
        }
    desk.mirror.settle(desk.agent)
    news = browser.news(desk.agent, after=after, ids=asked, lead_ids=set())
    assert news.any == bool(seen)
    assert news.conversations == seen & asked
    assert news.seq == browser.seq()
    assert not browser.news("nobody", after=after, ids=asked, lead_ids=asked).any
    assert browser.news(desk.agent, after=news.seq, ids=asked, lead_ids=set()).any is False
    assert old.keys() | held.keys() >= news.conversations & held.keys()


def test_a_lead_has_news_when_one_of_its_conversations_has(database: Database) -> None:
    """Ours: so that whoever listens to a lead hears of its messages, and of its end."""
    desk, browser = Desk(database), Browser(database)
    first = Conversation(desk.agent, "a", name="Ann", email="ann@x.example", record="1")
    desk.save(first)
    desk.mirror.settle(desk.agent)
    (lead_id,) = desk.leads()
    after = browser.seq()
    desk.save(Conversation(desk.agent, "b", name="Bob", record="2"), minute=1)
    desk.mirror.settle(desk.agent)
    assert not browser.news(desk.agent, after=after, ids=(), lead_ids=[lead_id]).leads
    desk.save(Conversation(desk.agent, "c", email="ann@x.example", record="3"), minute=2)
    desk.mirror.settle(desk.agent)
    (lead_id,) = {i for i, lead in desk.leads().items() if "c" in lead.conversation_ids}
    assert browser.news(desk.agent, after=after, ids=(), lead_ids=[lead_id]).leads == {lead_id}
    after = browser.seq()
    desk.remove("c", minute=3)
    desk.mirror.settle(desk.agent)
    assert browser.news(desk.agent, after=after, ids=["c"], lead_ids=[lead_id]).leads == {lead_id}
