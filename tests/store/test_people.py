"""Leads kept in step with the conversations are the leads that a fresh merge would make."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.store import people
from convocore_mcp.store.engine import Database
from tests.store.desk import Desk
from tests.store.steps import Step, shared, steps, take
from tests.talks import lists_of_talks, talk


def from_scratch(held: dict[str, Conversation]) -> dict[str, Lead]:
    return {lead.lead_id: lead for lead in merge([(c, keys(c)) for c in held.values()])}


def assert_settled(desk: Desk, held: dict[str, Conversation]) -> None:
    leads = from_scratch(held)
    assert desk.leads() == leads
    assert desk.terms() == {
        (term, lead.lead_id) for lead in leads.values() for term in lead.terms.split("\n")[1:]
    }
    of = {id_: lead.lead_id for lead in leads.values() for id_ in lead.conversation_ids}
    for id_ in held:
        found = desk.queries.conversation(desk.agent, id_)
        assert found is not None
        assert found.lead_id == of.get(id_)


@settings(shared, max_examples=100)
@given(steps=steps, settled=st.lists(st.booleans(), min_size=5, max_size=5))
def test_settled_leads_are_those_of_a_merge_from_scratch(
    database: Database, steps: list[Step], settled: list[bool]
) -> None:
    """Promised by contract.md, "A lead", however and whenever the rows came."""
    desk, held = Desk(database), dict[str, Conversation]()
    for minute, (step, now) in enumerate(zip(steps, settled, strict=False)):
        take(desk, step, held, minute)
        if now:
            desk.mirror.settle(desk.agent)
            assert_settled(desk, held)
    desk.mirror.settle(desk.agent)
    assert_settled(desk, held)


@shared
@given(steps=steps, before=lists_of_talks)
def test_it_makes_no_difference_how_many_are_settled_at_a_time(
    database: Database, steps: list[Step], before: list[Conversation]
) -> None:
    """Ours: a conversation that went and came again waits twice, with two leads."""
    desk, held = Desk(database), dict[str, Conversation]()
    take(desk, Step("save", before), held, 0)
    desk.mirror.settle(desk.agent)
    for minute, step in enumerate(steps, start=1):
        take(desk, step, held, minute)
    made: int | None = 0
    while made is not None:
        with database.writing() as connection:
            made = people.settle(connection, desk.agent, merge, at_once=1)
    assert_settled(desk, held)


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
    desk = Desk(database)
    bridge = talk("b", name="B", email="ann@x.example")
    others = [
        talk("a", email="ann@x.example"),
        talk("c", email="bob@x.example"),
        talk("d", identity="someone"),
        talk("e", phone="4915129260773"),
    ]
    changed = talk("b", **({"name": "B", "email": "ann@x.example"} | CHANGES[what]))
    for minute, state in enumerate((bridge, changed, bridge)):
        held = {c.id: c for c in desk.own([state, *others])}
        desk.save(*held.values(), minute=minute)
        desk.mirror.settle(desk.agent)
        assert_settled(desk, held)


def test_a_thousand_conversations_of_one_person_are_one_lead(database: Database) -> None:
    """Ours: a switchboard's number, a shared inbox: more than one statement has room for."""
    desk = Desk(database)
    talks = [
        talk(f"c{i}", phone="+49 30 901820", email=f"v{i // 2}@x.example") for i in range(1000)
    ]
    held = {c.id: c for c in desk.own(talks)}
    Random(0).shuffle(talks)
    desk.save(*talks)
    desk.mirror.settle(desk.agent)
    assert len(desk.leads()) == 1
    assert_settled(desk, held)
    desk.remove(*(f"c{i}" for i in range(1, 1000)), minute=1)
    desk.mirror.settle(desk.agent)
    assert_settled(desk, {"c0": held["c0"]})


def test_a_lead_that_loses_everybody_is_gone(database: Database) -> None:
    """Ours: `get_lead` must not find somebody of whom nothing is left."""
    desk = Desk(database)
    desk.save(talk("c1", name="Ann"), talk("c2", identity="i"))
    desk.mirror.settle(desk.agent)
    desk.remove("c1", "c2", minute=1)
    desk.mirror.settle(desk.agent)
    assert desk.leads() == {}
    desk.save(replace(talk("c2", identity="i"), name="Bo"), minute=2)
    desk.mirror.settle(desk.agent)
    assert [lead.name for lead in desk.leads().values()] == ["Bo"]


@pytest.mark.parametrize("how", ["changed", "removed", "a test"])
def test_whoever_was_torn_between_two_people_is_free_when_one_lets_go(
    database: Database, how: str
) -> None:
    """Promised by contract.md: two identities claimed the email, now one does."""
    desk = Desk(database)
    ann, stray = talk("a", identity="ann", email="x@x.example"), talk("s", email="x@x.example")
    desk.save(ann, stray, talk("b", identity="bob", email="x@x.example"))
    desk.mirror.settle(desk.agent)
    assert desk.leads().keys() == {"ann", "bob", "s"}
    held = {c.id: c for c in desk.own([ann, stray])}
    if how == "removed":
        desk.remove("b", minute=1)
    else:
        changes: dict[str, Any] = {"is_test": True} if how == "a test" else {"email": "b@x.example"}
        let_go = talk("b", **({"identity": "bob", "email": "x@x.example"} | changes))
        desk.save(let_go, minute=1)
        held |= {c.id: c for c in desk.own([let_go])}
    desk.mirror.settle(desk.agent)
    assert_settled(desk, held)
    assert desk.leads()["ann"].conversation_ids == ("a", "s")


def test_whoever_is_reached_through_another_still_sets_free_whom_it_tore(
    database: Database,
) -> None:
    """Ours: bob let go of x, and is settled with a, who shares his new address, before his turn."""
    desk = Desk(database)
    ann, stray = talk("n", identity="ann", email="x@x.example"), talk("s", email="x@x.example")
    desk.save(ann, stray, talk("b", identity="bob", email="x@x.example"))
    desk.mirror.settle(desk.agent)
    changed = [talk("a", email="b@x.example"), talk("b", identity="bob", email="b@x.example")]
    desk.save(*changed, minute=1)
    while True:
        with database.writing() as connection:
            if people.settle(connection, desk.agent, merge, at_once=1) is None:
                break
    assert_settled(desk, {c.id: c for c in desk.own([ann, stray, *changed])})
    assert desk.leads()["ann"].conversation_ids == ("n", "s")


def test_what_hundreds_of_people_share_leads_from_none_of_them_to_the_others(
    database: Database,
) -> None:
    """Ours: a reception's number; one message must not make all of their leads again."""
    desk = Desk(database)
    shared = {"phone": "+49 30 901820", "email": "info@x.example"}
    talks = [talk(f"c{i}", identity=f"i{i}", name=f"N{i}", **shared) for i in range(300)]
    desk.save(*talks, talk("s", **shared))
    desk.mirror.settle(desk.agent)
    assert len(desk.leads()) == 301
    changed = talk("c7", identity="i7", name="Renamed", **shared)
    desk.save(changed, minute=1)
    assert desk.mirror.settle(desk.agent) == 2  # its own lead, and that of the conversation torn
    held = {c.id: c for c in desk.own([*talks, talk("s", **shared), changed])}
    assert_settled(desk, held)
