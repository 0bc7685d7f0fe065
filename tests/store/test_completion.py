"""Small looks at the mirror: beginnings of ids and names, and what has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.keys import words
from convocore_mcp.models import Conversation
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read import completion, conversation_search
from convocore_mcp.store.read.completion import CompletionReader
from tests.conversations import ids, lists_of_conversations
from tests.store.agent_store import AgentStore, bare, in_order
from tests.store.steps import Step, shared, steps, take


@shared
@given(
    conversations=lists_of_conversations,
    begins=st.sampled_from(["", "c", "C", "c1", "ç", "😀", "%", "_", "x"]),
)
def test_ids_are_found_by_their_beginning(
    database: Database, conversations: list[Conversation], begins: str
) -> None:
    """Promised by contract.md: conversation ids complete; no character stands for another."""
    agent_store, completion_reader = AgentStore(database), CompletionReader(database)
    agent_store.save(*conversations)
    found = completion_reader.conversation_ids(agent_store.agent, begins, limit=100)
    if begins:
        assert found == sorted(c.id for c in conversations if c.id.startswith(begins))
    else:
        assert found == [c.id for c in in_order(conversations, "newest")]
    assert completion_reader.conversation_ids(agent_store.agent, begins, limit=2) == found[:2]


@shared
@given(
    conversations=lists_of_conversations,
    typed=st.sampled_from(["", "an", "bob lu", "ZO", "nobody", "mbh"]),
    few=st.sampled_from([0, conversation_search.INDEX_LOOKUP_LIMIT]),
)
def test_people_are_found_by_the_beginnings_of_their_names(
    database: Database, conversations: list[Conversation], typed: str, few: int
) -> None:
    """Promised by contract.md: leads complete by name, the latest active first."""
    agent_store, completion_reader = AgentStore(database), CompletionReader(database)
    agent_store.save(*conversations)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    leads = agent_store.leads()
    wanted = {
        lead.lead_id
        for lead in leads.values()
        if lead.name
        and all(any(own.startswith(b) for own in lead.text.split()) for b in words(typed))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "INDEX_LOOKUP_LIMIT", few)
        found = completion_reader.people(agent_store.agent, words(typed), limit=100)
    assert {lead.lead_id for lead in found} == wanted
    active = [lead.last_activity.timestamp() if lead.last_activity else 0 for lead in found]
    assert active == sorted(active, reverse=True)
    assert completion_reader.lead_ids(agent_store.agent, "c", limit=100) == sorted(
        lead_id for lead_id in leads if lead_id.startswith("c")
    )


@shared
@given(before=lists_of_conversations, steps=steps, asked=st.sets(ids))
def test_news_are_what_differs(
    database: Database, before: list[Conversation], steps: list[Step], asked: set[str]
) -> None:
    """Promised by issue 4: what changed is announced, and nothing else of what was asked for."""
    agent_store, completion_reader, held = (
        AgentStore(database),
        CompletionReader(database),
        dict[str, Conversation](),
    )
    take(agent_store, Step("save", before), held, 0)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    after, old = completion_reader.sequence_number(), dict(held)
    seen: set[str] = set()
    for minute, step in enumerate(steps, start=1):
        was = dict(held)
        take(agent_store, step, held, minute)
        seen |= {
            id_
            for id_ in was.keys() | held.keys()
            if (id_ in was) != (id_ in held) or bare(was[id_]) != bare(held[id_])
        }
    agent_store.mirror.rebuild_leads(agent_store.agent)
    changed_since = completion_reader.changed_since(
        agent_store.agent, after=after, ids=asked, lead_ids=set()
    )
    assert changed_since.any == bool(seen)
    assert changed_since.conversations == seen & asked
    assert changed_since.sequence_number == completion_reader.sequence_number()
    assert not completion_reader.changed_since("nobody", after=after, ids=asked, lead_ids=asked).any
    assert (
        completion_reader.changed_since(
            agent_store.agent, after=changed_since.sequence_number, ids=asked, lead_ids=set()
        ).any
        is False
    )
    assert old.keys() | held.keys() >= changed_since.conversations & held.keys()


def test_a_lead_has_news_when_one_of_its_conversations_has(database: Database) -> None:
    """Ours: so that whoever listens to a lead hears of its messages, and of its end."""
    agent_store, completion_reader = AgentStore(database), CompletionReader(database)
    first = Conversation(agent_store.agent, "a", name="Ann", email="ann@x.example", record="1")
    agent_store.save(first)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    (lead_id,) = agent_store.leads()
    after = completion_reader.sequence_number()
    agent_store.save(Conversation(agent_store.agent, "b", name="Bob", record="2"), minute=1)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert not completion_reader.changed_since(
        agent_store.agent, after=after, ids=(), lead_ids=[lead_id]
    ).leads
    agent_store.save(
        Conversation(agent_store.agent, "c", email="ann@x.example", record="3"), minute=2
    )
    agent_store.mirror.rebuild_leads(agent_store.agent)
    (lead_id,) = {i for i, lead in agent_store.leads().items() if "c" in lead.conversation_ids}
    assert completion_reader.changed_since(
        agent_store.agent, after=after, ids=(), lead_ids=[lead_id]
    ).leads == {lead_id}
    after = completion_reader.sequence_number()
    agent_store.remove("c", minute=3)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert completion_reader.changed_since(
        agent_store.agent, after=after, ids=["c"], lead_ids=[lead_id]
    ).leads == {lead_id}
