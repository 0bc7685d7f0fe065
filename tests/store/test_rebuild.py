"""Leads kept in step with the conversations are the leads that a fresh merge would make."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.write import rebuild
from tests.conversations import conversation, lists_of_conversations
from tests.store.agent_store import AgentStore
from tests.store.steps import Step, shared, steps, take


def from_scratch(held: dict[str, Conversation]) -> dict[str, Lead]:
    return {lead.lead_id: lead for lead in merge([(c, derive_keys(c)) for c in held.values()])}


def assert_rebuilt(agent_store: AgentStore, held: dict[str, Conversation]) -> None:
    leads = from_scratch(held)
    assert agent_store.leads() == leads
    assert agent_store.terms() == {
        (term, lead.lead_id) for lead in leads.values() for term in lead.terms.split("\n")[1:]
    }
    of = {id_: lead.lead_id for lead in leads.values() for id_ in lead.conversation_ids}
    for id_ in held:
        found = agent_store.mirror_reader.conversation(agent_store.agent, id_)
        assert found is not None
        assert found.lead_id == of.get(id_)


@settings(shared, max_examples=100)
@given(steps=steps, settled=st.lists(st.booleans(), min_size=5, max_size=5))
def test_settled_leads_are_those_of_a_merge_from_scratch(
    database: Database, steps: list[Step], settled: list[bool]
) -> None:
    """Promised by contract.md, "A lead", however and whenever the rows came."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    for minute, (step, now) in enumerate(zip(steps, settled, strict=False)):
        take(agent_store, step, held, minute)
        if now:
            agent_store.mirror.rebuild_leads(agent_store.agent)
            assert_rebuilt(agent_store, held)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert_rebuilt(agent_store, held)


@shared
@given(steps=steps, before=lists_of_conversations)
def test_it_makes_no_difference_how_many_are_settled_at_a_time(
    database: Database, steps: list[Step], before: list[Conversation]
) -> None:
    """Ours: a conversation that went and came again waits twice, with two leads."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    take(agent_store, Step("save", before), held, 0)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    for minute, step in enumerate(steps, start=1):
        take(agent_store, step, held, minute)
    made: int | None = 0
    while made is not None:
        with database.writing() as connection:
            made = rebuild.rebuild_leads(connection, agent_store.agent, merge, at_once=1)
    assert_rebuilt(agent_store, held)


CHANGES: dict[str, dict[str, Any]] = {
    "an email": {"email": "bob@x.example"},
    "an identity": {"identity": "someone"},
    "a phone": {"email": None, "phone": "+49 151 29260773"},
    "a test": {"is_test": True},
    "a block": {"is_blocked": True},
    "nobody": {"email": None, "name": None},
}


@pytest.mark.parametrize("what", CHANGES)
def test_whoever_becomes_somebody_else_leaves_and_joins(database: Database, what: str) -> None:
    """Promised by contract.md: leads are of what the conversations say now, and back again."""
    agent_store = AgentStore(database)
    bridge = conversation("b", name="B", email="ann@x.example")
    others = [
        conversation("a", email="ann@x.example"),
        conversation("c", email="bob@x.example"),
        conversation("d", identity="someone"),
        conversation("e", phone="4915129260773"),
    ]
    changed = conversation("b", **({"name": "B", "email": "ann@x.example"} | CHANGES[what]))
    for minute, state in enumerate((bridge, changed, bridge)):
        held = {c.id: c for c in agent_store.own([state, *others])}
        agent_store.save(*held.values(), minute=minute)
        agent_store.mirror.rebuild_leads(agent_store.agent)
        assert_rebuilt(agent_store, held)


def test_a_thousand_conversations_of_one_person_are_one_lead(database: Database) -> None:
    """Ours: a switchboard's number, a shared inbox: more than one statement has room for."""
    agent_store = AgentStore(database)
    conversations = [
        conversation(f"c{i}", phone="+49 30 901820", email=f"v{i // 2}@x.example")
        for i in range(1000)
    ]
    held = {c.id: c for c in agent_store.own(conversations)}
    Random(0).shuffle(conversations)
    agent_store.save(*conversations)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert len(agent_store.leads()) == 1
    assert_rebuilt(agent_store, held)
    agent_store.remove(*(f"c{i}" for i in range(1, 1000)), minute=1)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert_rebuilt(agent_store, {"c0": held["c0"]})


def test_a_lead_that_loses_everybody_is_gone(database: Database) -> None:
    """Ours: `get_lead` must not find somebody of whom nothing is left."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1", name="Ann"), conversation("c2", identity="i"))
    agent_store.mirror.rebuild_leads(agent_store.agent)
    agent_store.remove("c1", "c2", minute=1)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert agent_store.leads() == {}
    agent_store.save(replace(conversation("c2", identity="i"), name="Bo"), minute=2)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert [lead.name for lead in agent_store.leads().values()] == ["Bo"]


@pytest.mark.parametrize("how", ["changed", "removed", "a test"])
def test_whoever_was_torn_between_two_people_is_free_when_one_lets_go(
    database: Database, how: str
) -> None:
    """Promised by contract.md: two identities claimed the email, now one does."""
    agent_store = AgentStore(database)
    ann, stray = (
        conversation("a", identity="ann", email="x@x.example"),
        conversation("s", email="x@x.example"),
    )
    agent_store.save(ann, stray, conversation("b", identity="bob", email="x@x.example"))
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert agent_store.leads().keys() == {"ann", "bob", "s"}
    held = {c.id: c for c in agent_store.own([ann, stray])}
    if how == "removed":
        agent_store.remove("b", minute=1)
    else:
        changes: dict[str, Any] = {"is_test": True} if how == "a test" else {"email": "b@x.example"}
        let_go = conversation("b", **({"identity": "bob", "email": "x@x.example"} | changes))
        agent_store.save(let_go, minute=1)
        held |= {c.id: c for c in agent_store.own([let_go])}
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert_rebuilt(agent_store, held)
    assert agent_store.leads()["ann"].conversation_ids == ("a", "s")


def test_whoever_is_reached_through_another_still_sets_free_whom_it_tore(
    database: Database,
) -> None:
    """Ours: bob let go of x, and is settled with a, who shares his new address, before his turn."""
    agent_store = AgentStore(database)
    ann, stray = (
        conversation("n", identity="ann", email="x@x.example"),
        conversation("s", email="x@x.example"),
    )
    agent_store.save(ann, stray, conversation("b", identity="bob", email="x@x.example"))
    agent_store.mirror.rebuild_leads(agent_store.agent)
    changed = [
        conversation("a", email="b@x.example"),
        conversation("b", identity="bob", email="b@x.example"),
    ]
    agent_store.save(*changed, minute=1)
    while True:
        with database.writing() as connection:
            if rebuild.rebuild_leads(connection, agent_store.agent, merge, at_once=1) is None:
                break
    assert_rebuilt(agent_store, {c.id: c for c in agent_store.own([ann, stray, *changed])})
    assert agent_store.leads()["ann"].conversation_ids == ("n", "s")


def test_what_hundreds_of_people_share_leads_from_none_of_them_to_the_others(
    database: Database,
) -> None:
    """Ours: a reception's number; one message must not make all of their leads again."""
    agent_store = AgentStore(database)
    shared = {"phone": "+49 30 901820", "email": "info@x.example"}
    conversations = [
        conversation(f"c{i}", identity=f"i{i}", name=f"N{i}", **shared) for i in range(300)
    ]
    agent_store.save(*conversations, conversation("s", **shared))
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert len(agent_store.leads()) == 301
    changed = conversation("c7", identity="i7", name="Renamed", **shared)
    agent_store.save(changed, minute=1)
    assert (
        agent_store.mirror.rebuild_leads(agent_store.agent) == 2
    )  # its own lead, and that of the conversation torn
    held = {
        c.id: c for c in agent_store.own([*conversations, conversation("s", **shared), changed])
    }
    assert_rebuilt(agent_store, held)
