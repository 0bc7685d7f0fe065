"""Reading: every question has the same answer in every database as in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.hotness import is_closed, is_hot, is_near_miss, rank
from convocore_mcp.leads.keys import phone_key
from convocore_mcp.models import Conversation, Filter, HotQuery, Lead
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read import conversation_search
from convocore_mcp.words.queries import search_terms
from convocore_mcp.words.row_words import row_matches
from convocore_mcp.words.searched import searched_texts
from tests.conversations import NOW, conversation, lists_of_conversations
from tests.store.agent_store import SORTS, AgentStore, comparable, sorted_by
from tests.store.steps import examples_share_a_mirror, in_each_mirror

bounds = st.none() | st.sampled_from([NOW - timedelta(hours=hours) for hours in (0, 2, 9)])
filters = st.builds(
    Filter,
    terms=st.sampled_from(
        [None, *map(search_terms, ("%", "ann", "29260", "bob lukasz", '"bob lukasz"', "bob|zoe"))]
    ),
    stages=st.sampled_from([(), ("new",), ("new", "Won")]),
    labels=st.sampled_from([(), ("hot",), ("warm", "cold")]),
    states=st.sampled_from([(), ("requested_chat", "ended_chat")]),
    channels=st.sampled_from([(), ("WHATSAPP",)]),
    tags=st.sampled_from([(), ("Vip",), ("STRASSE", "none")]),
    assignees=st.sampled_from([(), ("lina",)]),
    min_score=st.sampled_from([None, 0, 75]),
    attention=st.sampled_from([(), ("waiting_for_human",), ("stale",), ("unassigned", "stale")]),
    since=bounds,
    until=bounds,
)


def within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if moment is None:
        return since is None and until is None
    return (since is None or moment >= since) and (until is None or moment <= until)


ATTENTION: dict[str, Callable[[Conversation], bool]] = {
    "waiting_for_human": lambda c: c.state == "requested_chat",
    "unassigned": lambda c: not c.assignees,
    "stale": lambda c: c.stale,
}


def meets(c: Conversation, f: Filter) -> bool:
    """What docs/contract.md says of each filter."""

    def any_of(values: tuple[str, ...], own: tuple[str | None, ...]) -> bool:
        folded = {value.casefold() for value in values}
        return not values or bool(folded & {value.casefold() for value in own if value})

    return (
        (f.terms is None or row_matches(searched_texts(c, phone_key(c.phone, c.country)), f.terms))
        and (not f.stages or c.stage in f.stages)
        and (not f.states or c.state in f.states)
        and any_of(f.labels, (c.label,))
        and any_of(f.channels, (c.channel,))
        and any_of(f.tags, c.tags)
        and any_of(f.assignees, c.assignees)
        and (f.min_score is None or (c.score is not None and c.score >= f.min_score))
        and (not f.attention or any(ATTENTION[name](c) for name in f.attention))
        and within(c.last_activity, f.since, f.until)
    )


lookup_limits = st.sampled_from([0, conversation_search.INDEX_LOOKUP_LIMIT])
"""With 0, the sort index is scanned; with the usual limit, the text index is used."""


@examples_share_a_mirror
@given(
    page=lists_of_conversations,
    criteria=filters,
    sort=st.sampled_from(SORTS),
    lookup_limit=lookup_limits,
)
@in_each_mirror
def test_every_filter_agrees_with_plain_python(
    database: Database, page: list[Conversation], criteria: Filter, sort: str, lookup_limit: int
) -> None:
    """Promised by docs/contract.md, "Tools", for filters alone and together, in every order.

    Holds docs/contract.md #stages-without-case.
    """
    agent_store = AgentStore(database)
    agent_store.save(*page)
    expected = [comparable(c) for c in agent_store.of_agent(page) if meets(c, criteria)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversation_search, "INDEX_LOOKUP_LIMIT", lookup_limit)
        assert agent_store.find(criteria, sort=sort) == sorted_by(expected, sort)
        sequence_number = agent_store.reader.sequence_number()
        assert agent_store.reader.count(agent_store.agent, criteria, at=sequence_number) == len(
            expected
        )


@examples_share_a_mirror
@given(
    page=lists_of_conversations, later=lists_of_conversations, removed=st.integers(0, 9),
    criteria=filters, sort=st.sampled_from(SORTS), lookup_limit=lookup_limits,
    limit=st.integers(1, 4),
)  # fmt: skip
@in_each_mirror
def test_later_pages_show_the_state_of_the_first_page_whatever_has_changed_since(
    database: Database,
    page: list[Conversation],
    later: list[Conversation],
    removed: int,
    criteria: Filter,
    sort: str,
    lookup_limit: int,
    limit: int,
) -> None:
    """Promised by docs/contract.md, "Tools": `next_cursor` yields every match exactly once."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    then = agent_store.reader.sequence_number()
    expected = sorted_by(
        [comparable(c) for c in agent_store.of_agent(page) if meets(c, criteria)], sort
    )
    agent_store.save(*later, minute=1)
    agent_store.remove(*(c.id for c in page[:removed]), minute=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversation_search, "INDEX_LOOKUP_LIMIT", lookup_limit)
        pages = list(agent_store.pages(sort, limit, then, criteria))
    assert [c for found in pages for c in found] == expected
    assert all(len(found) == limit for found in pages[:-1])
    assert agent_store.reader.count(agent_store.agent, criteria, at=then) == len(expected)


def test_search_syntax_is_just_text(database: Database) -> None:
    """Promised by docs/contract.md, "Tools": a query means its words, never an engine's syntax.

    Holds docs/contract.md #query-signs.
    """
    agent_store = AgentStore(database)
    agent_store.save(
        conversation(
            "c1", summary='asked: NOT this OR that AND NEAR(you) near* "quoted" -minus ^first'
        ),
        conversation("c2", summary="something else; DROP TABLE convocore_conversations; --"),
    )
    for query, found in {
        "NOT this": ["c1"], "this OR that": ["c1"], '"quoted': ["c1"], "NEAR(you, 2)": [],
        "near(you)": ["c1"], "near*": ["c1"], "-minus": ["c1"], "^first": ["c1"], "search:that": [],
        "asked: not": ["c1"], "'; drop table": ["c2"], "!(a|b)&c:*": [], "this:*": ["c1"],
        "* OR *": ["c1"], "\x00": [], "\\": [], "%": [], "s_mething": [], "AND": ["c1"],
    }.items():  # fmt: skip
        criteria = Filter(terms=search_terms(query))
        assert [c.id for c in agent_store.find(criteria)] == found, query
        assert agent_store.reader.count(
            agent_store.agent, criteria, at=agent_store.reader.sequence_number()
        ) == len(found)


def test_numbers_are_found_by_any_part_of_five_digits(database: Database) -> None:
    """Promised by docs/contract.md, "Tools": numbers are found by any five digits.

    Holds docs/contract.md #query-digits.
    """
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", phone="+49 (151) 2926-0773", email="jane.doe+crm@acme-corp.example"),
        conversation("c2", summary=f"order A12345678, ref {'9' * 300}"),
        conversation(
            "c3", last_message="call me on 2026-07-19 at +1 (555) 010-2030", notes="no. 0049/30 99"
        ),
        conversation("c4", phone="+966 50 4298378", summary="lives in 01067 Dresden"),
    )
    for query, found in {
        "+49 151 29260773": ["c1"], "0151 2926 0773": ["c1"], "29260": ["c1"], "60773": ["c1"],
        "0773": ["c1"], "773": [], "345678": ["c2"], "a1234": ["c2"], "9" * 30: ["c2"],
        "99998": [], "00000": [], "jane.doe+crm@acme-corp.example": ["c1"], "acme-corp": ["c1"],
        "doe crm": ["c1"], "JANE": ["c1"], "ane": [], "2026-07-19": ["c3"], "15550102030": ["c3"],
        "555-010-2030": ["c3"], "+49 3099": ["c3"], "call 20260719": ["c3"],
        "04298": ["c4"], "042983": ["c4"], "01067": ["c4"], "01020": ["c3"], "004298": [],
    }.items():  # fmt: skip
        assert [c.id for c in agent_store.find(Filter(terms=search_terms(query)))] == found, query


def test_a_very_long_text_is_stored_and_found_by_its_first_words(database: Database) -> None:
    """Ours: a visitor can write a text of any length."""
    agent_store = AgentStore(database)
    many = " ".join(f"{i}aé" for i in range(60_000))
    agent_store.save(
        conversation("c1", name="Ann", summary=many + " 123456789" * 9),
        conversation("c2", summary="é" * 5000),
    )
    for query in ("ann", "1000ae", "e" * 60):
        assert len(agent_store.find(Filter(terms=search_terms(query)))) == 1, query


def test_a_search_finds_only_the_conversations_of_its_agent(database: Database) -> None:
    """Ours: agents share the search index."""
    one, other = AgentStore(database), AgentStore(database)
    one.save(conversation("c1", name="Ann", tags=("vip",)))
    other.save(conversation("c2", name="Ann", tags=("vip",)), conversation("c3", name="Annette"))
    for criteria, here, there in (
        (Filter(terms=search_terms("ann")), 1, 2), (Filter(tags=("vip",)), 1, 1), (Filter(), 1, 2),
    ):  # fmt: skip
        for agent_store, number in ((one, here), (other, there)):
            assert len(agent_store.find(criteria)) == number
            assert agent_store.count(criteria) == number


def count_by(leads: list[Lead], field: str) -> dict[str | None, int]:
    return dict(Counter(getattr(lead, field) for lead in leads))


@examples_share_a_mirror
@given(
    page=lists_of_conversations,
    threshold=st.sampled_from([0, 12.5, 75, 100]),
    since=bounds,
    until=bounds,
)
@in_each_mirror
def test_the_hot_leads_agree_with_plain_python(
    database: Database,
    page: list[Conversation],
    threshold: float,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Promised by docs/contract.md, "Tools": which leads, in which order, and the counts."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    agent_store.rebuild_leads()
    inside = [a for a in agent_store.leads().values() if within(a.last_activity, since, until)]
    hot_leads = sorted((a for a in inside if is_hot(a, threshold=threshold)), key=rank)
    query = HotQuery(agent_store.agent, threshold, since, until)

    assert agent_store.reader.hot_leads(query, limit=99) == hot_leads
    assert agent_store.reader.hot_count(query) == len(hot_leads)
    summary = agent_store.reader.hot_summary(query)
    assert (summary.considered, summary.hot) == (len(inside), len(hot_leads))
    assert summary.by_stage == count_by(hot_leads, "stage")
    assert summary.by_channel == count_by(hot_leads, "channel")
    money: dict[str | None, float] = defaultdict(float)
    for lead in hot_leads:
        if lead.amount is not None:
            money[lead.currency] += lead.amount
    assert summary.value == money
    assert summary.unparsed_values == sum(lead.unparsed for lead in hot_leads)
    assert summary.waiting_for_human == sum(lead.waiting for lead in hot_leads)
    assert summary.unassigned == sum(lead.assignee is None for lead in hot_leads)
    assert summary.closed == sum(is_closed(lead.stage) for lead in inside)
    conversations = [c for c in page if within(c.last_activity, since, until)]
    assert summary.tests == sum(c.is_test for c in conversations)
    assert summary.blocked == sum(c.is_blocked and not c.is_test for c in conversations)


@examples_share_a_mirror
@given(page=lists_of_conversations, threshold=st.sampled_from([12.5, 75, 100]), since=bounds)
@in_each_mirror
def test_near_misses_agree_with_plain_python(
    database: Database, page: list[Conversation], threshold: float, since: datetime | None
) -> None:
    """Promised by docs/contract.md, "Tools": `explain` adds `near_misses`."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    agent_store.rebuild_leads()
    near = [
        lead
        for lead in agent_store.leads().values()
        if within(lead.last_activity, since, None) and is_near_miss(lead, threshold=threshold)
    ]
    count, first = agent_store.reader.near_misses(
        HotQuery(agent_store.agent, threshold, since), limit=2
    )
    assert count == len(near)
    assert first == sorted(near, key=rank)[:2]


def test_a_cached_answer_is_never_out_of_date(database: Database) -> None:
    """Ours: answers are cached until anything changes."""
    agent_store = AgentStore(database)
    query = HotQuery(agent_store.agent, 75)

    def numbers() -> tuple[int, int, int, list[str]]:
        return (
            agent_store.count(Filter()),
            agent_store.reader.hot_summary(query).considered,
            agent_store.reader.hot_count(query),
            [lead.lead_id for lead in agent_store.reader.hot_leads(query, limit=5)],
        )

    assert numbers() == (0, 0, 0, [])
    agent_store.save(conversation("c1", name="Ann", score=80))
    assert numbers() == (1, 0, 0, [])
    agent_store.rebuild_leads()
    assert numbers() == numbers() == (1, 1, 1, ["c1"])
    agent_store.save(conversation("c1", name="Ann", score=70), minute=1)
    agent_store.rebuild_leads()
    assert numbers() == (1, 1, 0, [])
    agent_store.remove("c1", minute=2)
    agent_store.rebuild_leads()
    assert numbers() == (0, 0, 0, [])


def test_leads_are_found_by_email_phone_and_id(database: Database) -> None:
    """Promised by docs/contract.md, "A lead"."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", name="Łukasz 100%_Ok", email="lu@x.example", last_activity=NOW),
        conversation("c2", name="Ann Lee", company="Acme", phone="0151 29260773", country="DE"),
        conversation(
            "c3", name="Ann Xu", phone="15129260773", last_activity=NOW - timedelta(hours=1)
        ),
    )
    agent_store.rebuild_leads()
    mirror_reader, agent = agent_store.reader, agent_store.agent

    def ids(leads: list[Lead]) -> list[str]:
        return [lead.lead_id for lead in leads]

    assert ids(mirror_reader.leads_with(agent, "email_key", ["lu@x.example"])) == ["c1"]
    assert ids(
        mirror_reader.leads_with(agent, "phone_key", [str(phone_key("+4915129260773"))])
    ) == ["c2"]
    assert ids(mirror_reader.leads(agent, lead_ids=["c2", "c3", "c1", "c9"])) == ["c1", "c3", "c2"]
    assert mirror_reader.lead(agent, "c9") is None
    assert [c.id for c in mirror_reader.conversations_of_leads(agent, ["c1", "c3"])] == ["c1", "c3"]
    assert mirror_reader.field_values(agent, "stage") == []
