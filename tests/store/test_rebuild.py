"""Rebuilt leads are the leads that a merge of all conversations makes."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.write import rebuild
from tests.conversations import conversation, lists_of_conversations
from tests.property_tests import examples
from tests.store.agent_store import AgentStore
from tests.store.steps import Step, apply, examples_share_a_mirror, in_each_mirror, steps


def merge_all(conversations: dict[str, Conversation]) -> dict[str, Lead]:
    return {
        lead.lead_id: lead for lead in merge([(c, derive_keys(c)) for c in conversations.values()])
    }


def assert_rebuilt(agent_store: AgentStore, expected: dict[str, Conversation]) -> None:
    leads = merge_all(expected)
    assert agent_store.leads() == leads
    assert agent_store.terms() == {
        (term, lead.lead_id) for lead in leads.values() for term in lead.terms.split("\n")[1:]
    }
    lead_of = {id_: lead.lead_id for lead in leads.values() for id_ in lead.conversation_ids}
    assert agent_store.lead_ids() == {id_: lead_of.get(id_) for id_ in expected}


def rebuild_one_by_one(agent_store: AgentStore) -> None:
    made: int | None = 0
    while made is not None:
        with agent_store.database.writing() as connection:
            made = rebuild.rebuild_leads(
                connection, agent_store.agent, merge_affected, batch_size=1
            )


@settings(examples_share_a_mirror, max_examples=examples(20))
@given(steps=steps, rebuild_after=st.lists(st.booleans(), min_size=5, max_size=5))
@in_each_mirror
def test_rebuilt_leads_are_those_of_a_merge_of_everything(
    database: Database, steps: list[Step], rebuild_after: list[bool]
) -> None:
    """Promised by docs/contract.md, "A lead", in whatever order rows come and leads are rebuilt."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    for minute, (step, now) in enumerate(zip(steps, rebuild_after, strict=False)):
        apply(step, agent_store, expected, minute)
        if now:
            agent_store.rebuild_leads()
            assert_rebuilt(agent_store, expected)
    agent_store.rebuild_leads()
    assert_rebuilt(agent_store, expected)


@examples_share_a_mirror
@given(steps=steps, before=lists_of_conversations)
@in_each_mirror
def test_the_batch_size_makes_no_difference(
    database: Database, steps: list[Step], before: list[Conversation]
) -> None:
    """Ours: a conversation that was removed and added again is dirty twice, with two leads."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    apply(Step("save", before), agent_store, expected, 0)
    agent_store.rebuild_leads()
    for minute, step in enumerate(steps, start=1):
        apply(step, agent_store, expected, minute)
    rebuild_one_by_one(agent_store)
    assert_rebuilt(agent_store, expected)


CHANGES: dict[str, dict[str, Any]] = {
    "an email": {"email": "bob@x.example"},
    "an identity": {"identity": "someone"},
    "a phone": {"email": None, "phone": "+49 151 29260773"},
    "a test": {"is_test": True},
    "a block": {"is_blocked": True},
    "nobody": {"email": None, "name": None},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_conversation_that_changes_hands_leaves_one_lead_and_joins_another(
    database: Database, change: str
) -> None:
    """Promised by docs/contract.md, "A lead": leads show what the conversations say now."""
    agent_store = AgentStore(database)
    bridge = conversation("b", name="B", email="ann@x.example")
    others = [
        conversation("a", email="ann@x.example"),
        conversation("c", email="bob@x.example"),
        conversation("d", identity="someone"),
        conversation("e", phone="4915129260773"),
    ]
    changed = conversation("b", **({"name": "B", "email": "ann@x.example"} | CHANGES[change]))
    for minute, state in enumerate((bridge, changed, bridge)):
        expected = {c.id: c for c in agent_store.of_agent([state, *others])}
        agent_store.save(*expected.values(), minute=minute)
        agent_store.rebuild_leads()
        assert_rebuilt(agent_store, expected)


def test_a_thousand_conversations_of_one_person_are_one_lead(database: Database) -> None:
    """Ours: a switchboard's number, a shared inbox: more values than one statement accepts."""
    agent_store = AgentStore(database)
    conversations = [
        conversation(f"c{i}", phone="+49 30 901820", email=f"v{i // 2}@x.example")
        for i in range(1000)
    ]
    expected = {c.id: c for c in agent_store.of_agent(conversations)}
    Random(0).shuffle(conversations)
    agent_store.save(*conversations)
    agent_store.rebuild_leads()
    assert len(agent_store.leads()) == 1
    assert_rebuilt(agent_store, expected)
    agent_store.remove(*(f"c{i}" for i in range(1, 1000)), minute=1)
    agent_store.rebuild_leads()
    assert_rebuilt(agent_store, {"c0": expected["c0"]})


def test_a_lead_without_conversations_is_deleted(database: Database) -> None:
    """Ours: `get_lead` must not find a lead of which nothing is left."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1", name="Ann"), conversation("c2", identity="i"))
    agent_store.rebuild_leads()
    agent_store.remove("c1", "c2", minute=1)
    agent_store.rebuild_leads()
    assert agent_store.leads() == {}
    agent_store.save(replace(conversation("c2", identity="i"), name="Bo"), minute=2)
    agent_store.rebuild_leads()
    assert [lead.name for lead in agent_store.leads().values()] == ["Bo"]


@pytest.mark.parametrize("how", ["changed", "removed", "a test"])
def test_a_conversation_of_two_identities_joins_the_one_that_keeps_the_shared_value(
    database: Database, how: str
) -> None:
    """Promised by docs/contract.md, "A lead": two identities shared the email, now one does."""
    agent_store = AgentStore(database)
    ann, visitor = (
        conversation("a", identity="ann", email="x@x.example"),
        conversation("s", email="x@x.example"),
    )
    agent_store.save(ann, visitor, conversation("b", identity="bob", email="x@x.example"))
    agent_store.rebuild_leads()
    assert agent_store.leads().keys() == {"ann", "bob", "s"}
    expected = {c.id: c for c in agent_store.of_agent([ann, visitor])}
    if how == "removed":
        agent_store.remove("b", minute=1)
    else:
        changes: dict[str, Any] = {"is_test": True} if how == "a test" else {"email": "b@x.example"}
        changed = conversation("b", **({"identity": "bob", "email": "x@x.example"} | changes))
        agent_store.save(changed, minute=1)
        expected |= {c.id: c for c in agent_store.of_agent([changed])}
    agent_store.rebuild_leads()
    assert_rebuilt(agent_store, expected)
    assert agent_store.leads()["ann"].conversation_ids == ("a", "s")


def test_what_a_changed_conversation_used_to_share_counts_although_it_was_merged_before(
    database: Database,
) -> None:
    """Ours: Bob's email changed from x to b. The batch of conversation a, which also has b, rebuilt
    Bob first; the lead that shared x must still be rebuilt.
    """
    agent_store = AgentStore(database)
    ann, visitor = (
        conversation("n", identity="ann", email="x@x.example"),
        conversation("s", email="x@x.example"),
    )
    agent_store.save(ann, visitor, conversation("b", identity="bob", email="x@x.example"))
    agent_store.rebuild_leads()
    changed = [
        conversation("a", email="b@x.example"),
        conversation("b", identity="bob", email="b@x.example"),
    ]
    agent_store.save(*changed, minute=1)
    rebuild_one_by_one(agent_store)
    assert_rebuilt(agent_store, {c.id: c for c in agent_store.of_agent([ann, visitor, *changed])})
    assert agent_store.leads()["ann"].conversation_ids == ("n", "s")


def test_a_value_that_hundreds_of_identities_share_leads_from_none_of_them_to_the_others(
    database: Database,
) -> None:
    """Ours: a reception's number; one message must not rebuild all of their leads."""
    agent_store = AgentStore(database)
    shared = {"phone": "+49 30 901820", "email": "info@x.example"}
    conversations = [
        conversation(f"c{i}", identity=f"i{i}", name=f"N{i}", **shared) for i in range(300)
    ]
    agent_store.save(*conversations, conversation("s", **shared))
    agent_store.rebuild_leads()
    assert len(agent_store.leads()) == 301
    changed = conversation("c7", identity="i7", name="Renamed", **shared)
    agent_store.save(changed, minute=1)
    # Its own lead, and that of the conversation without an identity.
    assert agent_store.rebuild_leads() == 2
    expected = {
        c.id: c
        for c in agent_store.of_agent([*conversations, conversation("s", **shared), changed])
    }
    assert_rebuilt(agent_store, expected)
