"""The affected set: what one change can touch is enough to merge, and not much more."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.affected import SHARED, is_unidentified, merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge, takes_part
from convocore_mcp.models import Conversation, DerivedKeys, Lead
from tests.conversations import conversation, lists_of_conversations


def contact(field: str, c: Conversation) -> str | None:
    return derive_keys(c).email if field == "email" else derive_keys(c).phone


class ListLookup:
    """Looks up conversations in lists; `identities_sharing` returns as few as it may."""

    def __init__(self, current: Collection[Conversation], former: Collection[Conversation]) -> None:
        self.current = current
        self.former = former
        self.fetched: dict[str, Conversation] = {}

    def fetch(
        self, values: Mapping[str, Collection[str]]
    ) -> list[tuple[Conversation, DerivedKeys]]:
        new = {
            c.id: c
            for c in self.current
            if c.id not in self.fetched
            and any(
                (contact(field, c) in of_field and is_unidentified(c))
                if field in SHARED
                else getattr(c, field) in of_field
                for field, of_field in values.items()
            )
        }
        self.fetched |= new
        return [(c, derive_keys(c)) for c in new.values()]

    def identities_sharing(self, field: str, values: Collection[str]) -> list[tuple[str, set[str]]]:
        sharing: dict[str, set[str]] = {value: set() for value in values}
        for c in self.current:
            value = contact(field, c)
            if value in sharing and c.identity is not None and takes_part(c):
                sharing[value].add(c.identity)
        return [(value, set(sorted(found)[:2])) for value, found in sharing.items()]

    def former_values(self, ids: Collection[str]) -> dict[str, set[str]]:
        return {
            field: {contact(field, c) or "" for c in self.former if c.id in ids} - {""}
            for field in SHARED
        }


def with_leads(
    conversations: Collection[Conversation], leads: Collection[Lead]
) -> list[Conversation]:
    lead_of = {id_: lead.lead_id for lead in leads for id_ in lead.conversation_ids}
    return [replace(c, lead_id=lead_of.get(c.id)) for c in conversations]


def merge_all(conversations: Collection[Conversation]) -> dict[str, Lead]:
    return {lead.lead_id: lead for lead in merge([(c, derive_keys(c)) for c in conversations])}


@given(old=lists_of_conversations, changes=lists_of_conversations, removed=st.integers(0, 3))
def test_leads_after_a_change_are_those_of_a_merge_of_everything(
    old: list[Conversation], changes: list[Conversation], removed: int
) -> None:
    """Promised by docs/contract.md, "A lead", whatever has changed."""
    leads = merge_all(old)
    before = {c.id: c for c in with_leads(old, leads.values())}
    changed = {c.id: replace(c, lead_id=None) for c in changes}
    for id_, c in changed.items():
        if id_ in before:
            changed[id_] = replace(c, lead_id=before[id_].lead_id)
    current = before | changed
    gone = [c.id for c in old[:removed] if c.id not in changed]
    for id_ in gone:
        del current[id_]
    ids = changed.keys() | set(gone)
    lead_ids = {c.lead_id for c in before.values() if c.id in ids and c.lead_id is not None}

    lookup = ListLookup(current.values(), [before[id_] for id_ in ids & before.keys()])
    made = merge_affected(lookup, ids, lead_ids)

    replaced = lead_ids | {c.lead_id for c in lookup.fetched.values()}
    after = {id_: lead for id_, lead in leads.items() if id_ not in replaced}
    after |= {lead.lead_id: lead for lead in made}
    assert after == merge_all(current.values())


def test_a_shared_value_leads_from_no_identity_to_another() -> None:
    """Ours: the cost of a change must not grow with the number of people who share a number."""
    reception = {"phone": "+49 30 901820", "email": "info@x.example"}
    people = [conversation(f"c{i}", identity=f"i{i}", **reception) for i in range(50)]
    visitor = conversation("v", **reception)
    current = with_leads([*people, visitor], merge_all([*people, visitor]).values())
    lookup = ListLookup(current, [])

    made = merge_affected(lookup, {"c7"}, {"i7"})

    assert {lead.lead_id for lead in made} == {"i7", "v"}
    assert lookup.fetched.keys() == {"c7", "v"}


def test_the_only_identity_that_shares_a_value_is_fetched_as_a_whole() -> None:
    """Ours: a lead made of some of its conversations would be wrong."""
    ann = [
        conversation("a1", identity="ann", email="ann@x.example"),
        conversation("a2", identity="ann", name="Ann"),
    ]
    visitor = conversation("v", email="ann@x.example")

    (lead,) = merge_affected(ListLookup([*ann, visitor], []), {"v"}, set())

    assert lead.lead_id == "ann"
    assert set(lead.conversation_ids) == {"a1", "a2", "v"}
