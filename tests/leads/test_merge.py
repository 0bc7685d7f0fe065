from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.deals.money import read_deal
from convocore_mcp.leads.hotness import hot_score
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge, takes_part
from convocore_mcp.models import WAITING, Conversation, Lead
from tests.conversations import NOW, conversation, lists_of_conversations

LATER, NEWEST = NOW + timedelta(hours=1), NOW + timedelta(hours=2)


def leads_of(conversations: Iterable[Conversation]) -> dict[str, Lead]:
    """The leads by id; fails if two have the same id."""
    made = merge([(c, derive_keys(c)) for c in conversations])
    by_id = {lead.lead_id: lead for lead in made}
    assert len(by_id) == len(made)
    return by_id


def groups_of(leads: dict[str, Lead]) -> set[frozenset[str]]:
    return {frozenset(lead.conversation_ids) for lead in leads.values()}


def groups_by_definition(conversations: Sequence[Conversation]) -> set[frozenset[str]]:
    """The definition in docs/contract.md, as plainly as it can be written."""
    part = [c for c in conversations if takes_part(c)]
    identities = {c.identity for c in part}
    of = {c.id: c.identity or (c.id if c.id in identities else None) for c in part}
    nothing = {("@", None), ("+", None)}
    shared = {
        c.id: {("@", derive_keys(c).email), ("+", derive_keys(c).phone)} - nothing for c in part
    }
    groups = {i: {id_ for id_, owner in of.items() if owner == i} for i in identities if i}
    strays = [{c.id} for c in part if of[c.id] is None]
    for _ in strays:  # as often as there are strays: by then whatever can meet has met
        for one, other in product(strays, strays):
            if any(shared[a] & shared[b] for a in one for b in other):
                one.update(other)
    homes = set()
    for stray in {frozenset(stray) for stray in strays}:
        values = set().union(*(shared[id_] for id_ in stray))
        claimed = {owner for id_, owner in of.items() if owner and shared[id_] & values}
        if len(claimed) == 1:
            groups[claimed.pop()] |= stray
        else:
            homes.add(stray)
    return homes | {frozenset(group) for group in groups.values()}


@given(lists_of_conversations, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    conversations: list[Conversation], random: Random
) -> None:
    """Ours: SQL promises no order without ORDER BY."""
    assert leads_of(random.sample(conversations, len(conversations))) == leads_of(conversations)


@given(lists_of_conversations)
def test_leads_are_what_the_contract_defines(conversations: list[Conversation]) -> None:
    """Promised by docs/contract.md, "A lead".

    Holds docs/contract.md #lead.
    """
    assert groups_of(leads_of(conversations)) == groups_by_definition(conversations)


@given(lists_of_conversations)
def test_two_identities_never_merge_and_one_is_never_split(
    conversations: list[Conversation],
) -> None:
    """Promised by docs/contract.md, "A lead": two different identities never merge.

    Holds docs/contract.md #identities.
    """
    identity = {c.id: c.identity for c in conversations}
    homes: dict[str, set[str]] = {}
    for lead in leads_of(conversations).values():
        inside = {identity[id_] for id_ in lead.conversation_ids} - {None}
        assert len(inside) <= 1
        for one in inside:
            homes.setdefault(str(one), set()).add(lead.lead_id)
    assert all(where == {identity} for identity, where in homes.items())


@given(lists_of_conversations)
def test_each_conversation_that_names_somebody_is_in_exactly_one_lead(
    conversations: list[Conversation],
) -> None:
    """Promised by docs/contract.md, "A lead": tests and blocked conversations take no part."""
    inside = [id_ for lead in leads_of(conversations).values() for id_ in lead.conversation_ids]
    assert sorted(inside) == sorted(c.id for c in conversations if takes_part(c))


@given(lists_of_conversations)
def test_what_takes_no_part_changes_no_lead(conversations: list[Conversation]) -> None:
    """Promised by docs/contract.md, "A lead": dropped before anything is merged.

    Holds docs/contract.md #tests-and-blocked.
    """
    assert leads_of(conversations) == leads_of(c for c in conversations if takes_part(c))


FIELDS: dict[str, Callable[[Conversation], Any]] = {
    name: lambda c, name=name: getattr(c, name)  # type: ignore[misc]
    for name in (
        "name", "email", "phone", "company", "channel", "state", "stage", "label", "score",
        "value", "assignee", "expected_close",
    )
}  # fmt: skip


@given(lists_of_conversations)
def test_for_each_field_the_newest_conversation_that_has_it_wins(
    conversations: list[Conversation],
) -> None:
    """Promised by docs/contract.md, "A lead", for every field by itself.

    Holds docs/contract.md #newest-wins.
    """
    by_id = {c.id: c for c in conversations}
    for lead in leads_of(conversations).values():
        own = [by_id[id_] for id_ in lead.conversation_ids]
        times = [c.last_activity.timestamp() if c.last_activity else 0 for c in own]
        assert times == sorted(times, reverse=True)
        assert lead.last_activity == own[0].last_activity
        for name, read in FIELDS.items():
            having = [read(c) for c in own if read(c) is not None]
            assert getattr(lead, name) == (having[0] if having else None), name
        valued = [c for c in own if c.value is not None]
        paired = valued[:1] or [c for c in own if c.currency is not None][:1]
        assert (lead.amount, lead.currency) == (
            read_deal(paired[0].value, paired[0].currency) if paired else (None, None)
        )
        waits = [c for c in own if c.state == WAITING]
        assert lead.waiting == bool(waits)
        since = [c.waiting_since for c in waits if c.waiting_since is not None]
        assert lead.waiting_since == min(since, default=None)
        assert lead.alerts == next((c.alerts for c in own if c.alerts is not None), ())
        assert lead.hot_score == hot_score(lead.stage, lead.label, lead.score)


def test_an_email_and_a_phone_join_through_each_other() -> None:
    """Promised by docs/contract.md, "A lead": the same email or the same phone number."""
    leads = leads_of(
        [
            conversation("a", email="ann@x.example"),
            conversation("b", email="ANN@x.example ", phone="+49 151 29260773"),
            conversation("c", phone="0151 29260773", country="DE"),
            conversation("d", phone="+49 30 901820"),
        ]
    )
    assert groups_of(leads) == {frozenset("abc"), frozenset("d")}


STRANGERS = {
    "email": (
        "test@test.com", "TEST@test.com ", "noreply@acme.example", "do-not-reply@x.example",
        "anonymous@anonymous.invalid", "a@a.com", "n/a", "none",
    ),
    "phone": (
        "+266696687", "266 696 687", "000-000-0000", "+1 000 000 0000", "111-111-1111",
        "1234567890", "+1 (123) 456-7890", "9876543210", "+999 555 0100", "+49 1", "anonymous",
    ),
}  # fmt: skip


@pytest.mark.parametrize("field", STRANGERS)
def test_strangers_with_a_placeholder_stay_strangers(field: str) -> None:
    """Promised by docs/contract.md, "A lead": a placeholder joins nobody.

    Holds docs/contract.md #placeholders.
    """
    for placeholder in STRANGERS[field]:
        given = {field: placeholder}
        hot = conversation("hot", name="Ann", score=90.0, last_activity=NOW, **given)
        lost = conversation("lost", name="Bob", stage="lost", last_activity=LATER, **given)
        known = conversation("known", name="Eve", identity="eve", **given)

        leads = leads_of([hot, lost, known])

        assert groups_of(leads) == {frozenset({"hot"}), frozenset({"lost"}), frozenset({"known"})}
        assert leads["hot"].hot_score == 90.0, placeholder
        assert getattr(leads["hot"], field) == placeholder


@pytest.mark.parametrize(
    "notations",
    [
        ("+55 11 98765-4321", "551187654321", "+55 (11) 8765-4321"),
        ("+52 1 55 1234 5678", "525512345678", "5215512345678"),
        ("+54 9 11 2345-6789", "+54 11 15 2345-6789", "+54 11 2345-6789"),
    ],
)
def test_a_countrys_own_mobile_digit_tells_nobody_apart(notations: Sequence[str]) -> None:
    """Promised by docs/contract.md, "A lead": such numbers are one number.

    Holds docs/contract.md #mobile-digits.
    """
    rows = [conversation(f"c{i}", phone=phone) for i, phone in enumerate(notations)]
    stranger = conversation("s", phone=f"{notations[0][:-1]}0")
    assert groups_of(leads_of([*rows, stranger])) == {
        frozenset(c.id for c in rows),
        frozenset({"s"}),
    }


def test_an_identity_takes_in_those_who_share_its_email_unless_another_does() -> None:
    """Promised by docs/contract.md, "A lead".

    Holds docs/contract.md #shared-contact.
    """
    shared = {"email": "office@x.example"}
    ann, bob = (
        conversation("a", identity="ann", **shared),
        conversation("b", identity="bob", **shared),
    )
    stray = conversation("s", **shared)

    assert groups_of(leads_of([ann, stray])) == {frozenset("as")}
    assert groups_of(leads_of([ann, bob, stray])) == {
        frozenset("a"),
        frozenset("b"),
        frozenset("s"),
    }


@pytest.mark.parametrize("mark", ["is_test", "is_blocked"])
def test_a_test_joins_nobody(mark: str) -> None:
    """Promised by docs/contract.md, "A lead": a dropped conversation joins no others."""
    bridge = conversation("t", email="ann@x.example", phone="+49 151 29260773", **{mark: True})
    leads = leads_of(
        [
            conversation("a", email="ann@x.example"),
            bridge,
            conversation("p", phone="+4915129260773"),
        ]
    )
    assert groups_of(leads) == {frozenset("a"), frozenset("p")}


def test_a_conversation_that_names_nobody_is_no_lead() -> None:
    """Promised by docs/contract.md, "A lead": no name, contact, identity, stage or score.

    Holds docs/contract.md #names-nobody.
    """
    nobody = conversation(
        "n", title="Hello", summary="Said hello", tags=("vip",), last_activity=NOW
    )
    assert leads_of([nobody]) == {}
    for field in ("name", "email", "phone", "company", "identity", "stage"):
        assert len(leads_of([conversation("n", **{field: "x"})])) == 1, field
    assert len(leads_of([conversation("n", score=0.0)])) == 1


def test_an_identity_named_after_a_conversation_owns_it() -> None:
    """Ours: the database cannot hold two leads of one id."""
    leads = leads_of([conversation("c1", name="Ann"), conversation("c2", identity="c1")])
    assert leads["c1"].conversation_ids == ("c1", "c2")


def test_an_evaluated_score_of_zero_replaces_an_older_one() -> None:
    """Promised by docs/contract.md, "A lead": only a 0 that was never evaluated is no score."""
    old = conversation("o", identity="i", score=90.0, last_activity=NOW)
    assert leads_of([old, conversation("n", identity="i", last_activity=LATER)])["i"].score == 90
    evaluated = conversation("n", identity="i", score=0.0, last_activity=NEWEST)
    assert leads_of([old, evaluated])["i"].score == 0


def test_a_lead_keeps_its_id_when_a_newer_conversation_joins() -> None:
    """Ours: callers keep the `lead_id`."""
    first = conversation("z", email="ann@x.example", first_message=NOW, last_activity=NOW)
    later = conversation("a", email="ann@x.example", first_message=LATER, last_activity=NEWEST)
    assert leads_of([first]).keys() == leads_of([first, later]).keys() == {"z"}
