"""Reading: every question has the same answer in every database, and in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.hotness import is_closed, is_hot, rank
from convocore_mcp.leads.keys import derive_keys, phone_key
from convocore_mcp.leads.matching import search_terms
from convocore_mcp.models import Conversation, Filter, HotQuery, Lead
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.read import conversation_search
from convocore_mcp.store.read.hot_leads import NEAR
from tests.conversations import NOW, conversation, lists_of_conversations
from tests.store.agent_store import SORTS, AgentStore, bare, in_order
from tests.store.steps import shared

bounds = st.none() | st.sampled_from([NOW - timedelta(hours=hours) for hours in (0, 2, 9)])
filters = st.builds(
    Filter,
    terms=st.sampled_from(
        [None, (), (" ann",), ("29260",), (" bob", " lukasz"), (" %",), ('a"n',)]
    ),
    stages=st.sampled_from([(), ("new",), ("new", "Won")]),
    labels=st.sampled_from([(), ("hot",), ("warm", "cold")]),
    states=st.sampled_from([(), ("requested_chat", "ended_chat")]),
    channels=st.sampled_from([(), ("WHATSAPP",)]),
    tags=st.sampled_from([(), ("Vip",), ("STRASSE", "none")]),
    assignees=st.sampled_from([(), ("lina",)]),
    min_score=st.sampled_from([None, 0, 75]),
    attention=st.sampled_from(
        [(), ("waiting_for_human",), ("overdue", "stale"), ("unassigned", "stale")]
    ),
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
    "overdue": lambda c: c.overdue,
    "stale": lambda c: c.stale,
}


def fits(c: Conversation, f: Filter) -> bool:
    """What the contract says of each filter."""

    def folded(asked: tuple[str, ...], own: tuple[str | None, ...]) -> bool:
        return not asked or bool({a.casefold() for a in asked} & {o.casefold() for o in own if o})

    return (
        (f.terms is None or (f.terms != () and all(t in derive_keys(c).text for t in f.terms)))
        and (not f.stages or c.stage in f.stages)
        and (not f.states or c.state in f.states)
        and folded(f.labels, (c.label,))
        and folded(f.channels, (c.channel,))
        and folded(f.tags, c.tags)
        and folded(f.assignees, c.assignees)
        and (f.min_score is None or (c.score is not None and c.score >= f.min_score))
        and (not f.attention or any(ATTENTION[name](c) for name in f.attention))
        and within(c.last_activity, f.since, f.until)
    )


ways = st.sampled_from([0, conversation_search.INDEX_LOOKUP_LIMIT])
"""Look up what fits and sort it, or come across it in the order asked for."""


@shared
@given(page=lists_of_conversations, wanted=filters, sort=st.sampled_from(SORTS), few=ways)
def test_every_filter_agrees_with_plain_python(
    database: Database, page: list[Conversation], wanted: Filter, sort: str, few: int
) -> None:
    """Promised by contract.md, for each filter alone and with others, in every order."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    expected = [bare(c) for c in agent_store.own(page) if fits(c, wanted)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversation_search, "INDEX_LOOKUP_LIMIT", few)
        assert agent_store.find(wanted, sort=sort) == in_order(expected, sort)
        sequence_number = agent_store.mirror_reader.sequence_number()
        assert agent_store.mirror_reader.count(
            agent_store.agent, wanted, at=sequence_number
        ) == len(expected)
        (totals,) = agent_store.mirror_reader.stats(agent_store.agent, wanted, (), hot_from=75)
        groups = agent_store.mirror_reader.stats(
            agent_store.agent, wanted, ("channel",), hot_from=75
        )
    assert totals.conversations == len(expected)
    assert totals.messages == sum(c.messages or 0 for c in expected)
    assert {g.keys[0]: g.conversations for g in groups} == Counter(c.channel for c in expected)


@shared
@given(
    page=lists_of_conversations, later=lists_of_conversations, gone=st.integers(0, 9),
    wanted=filters, sort=st.sampled_from(SORTS), few=ways, limit=st.integers(1, 4),
)  # fmt: skip
def test_a_list_is_read_on_as_it_was_whatever_has_happened_since(
    database: Database,
    page: list[Conversation],
    later: list[Conversation],
    gone: int,
    wanted: Filter,
    sort: str,
    few: int,
    limit: int,
) -> None:
    """Promised by contract.md: `next_cursor` yields every match exactly once, `total` holds."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    then = agent_store.mirror_reader.sequence_number()
    expected = in_order([bare(c) for c in agent_store.own(page) if fits(c, wanted)], sort)
    agent_store.save(*later, minute=1)
    agent_store.remove(*(c.id for c in page[:gone]), minute=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversation_search, "INDEX_LOOKUP_LIMIT", few)
        pages = list(agent_store.pages(sort, limit, then, wanted))
    assert [c for found in pages for c in found] == expected
    assert all(len(found) == limit for found in pages[:-1])
    assert agent_store.mirror_reader.count(agent_store.agent, wanted, at=then) == len(expected)


def test_search_syntax_is_just_text(database: Database) -> None:
    """Promised by the issue: a query means its words, whatever they mean to a database."""
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
        wanted = Filter(terms=search_terms(query))
        assert [c.id for c in agent_store.find(wanted)] == found, query
        assert agent_store.mirror_reader.count(
            agent_store.agent, wanted, at=agent_store.mirror_reader.sequence_number()
        ) == len(found)


def test_numbers_are_found_by_any_part_of_five_digits(database: Database) -> None:
    """Promised by the issue: phone numbers are found whole or in part."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", phone="+49 (151) 2926-0773", email="jane.doe+crm@acme-corp.example"),
        conversation("c2", summary=f"order A12345678, ref {'9' * 300}"),
        conversation(
            "c3", last_message="call me on 2026-07-19 at +1 (555) 010-2030", notes="no. 0049/30 99"
        ),
    )
    for query, found in {
        "+49 151 29260773": ["c1"], "0151 2926 0773": ["c1"], "29260": ["c1"], "60773": ["c1"],
        "0773": ["c1"], "773": [], "345678": ["c2"], "a1234": ["c2"], "9" * 30: ["c2"],
        "99998": [], "00000": [], "jane.doe+crm@acme-corp.example": ["c1"], "acme-corp": ["c1"],
        "doe crm": ["c1"], "JANE": ["c1"], "ane": [], "2026-07-19": ["c3"], "15550102030": ["c3"],
        "555-010-2030": ["c3"], "+49 3099": ["c3"], "call 20260719": ["c3"],
    }.items():  # fmt: skip
        assert [c.id for c in agent_store.find(Filter(terms=search_terms(query)))] == found, query


def test_a_text_of_a_million_words_is_kept_and_found_by_its_beginning(database: Database) -> None:
    """Ours: anyone can write as much as they like."""
    agent_store = AgentStore(database)
    many = " ".join(f"{i}aé" for i in range(200_000))
    agent_store.save(
        conversation("c1", name="Ann", summary=many + " 123456789" * 9),
        conversation("c2", summary="é" * 5000),
    )
    for term in (" ann", " 1000ae", " " + "e" * 60):
        assert len(agent_store.find(Filter(terms=(term,)))) == 1, term


def test_agents_in_one_mirror_do_not_find_each_others(database: Database) -> None:
    """Ours: words and values are an agent's own."""
    one, other = AgentStore(database), AgentStore(database)
    one.save(conversation("c1", name="Ann", tags=("vip",)))
    other.save(conversation("c2", name="Ann", tags=("vip",)), conversation("c3", name="Annette"))
    for wanted, here, there in (
        (Filter(terms=(" ann",)), 1, 2), (Filter(tags=("vip",)), 1, 1), (Filter(), 1, 2),
    ):  # fmt: skip
        for agent_store, number in ((one, here), (other, there)):
            assert len(agent_store.find(wanted)) == number
            assert (
                agent_store.mirror_reader.count(
                    agent_store.agent, wanted, at=agent_store.mirror_reader.sequence_number()
                )
                == number
            )


def counted(leads: list[Lead], field: str) -> dict[str | None, int]:
    return dict(Counter(getattr(lead, field) for lead in leads))


@shared
@given(
    page=lists_of_conversations,
    threshold=st.sampled_from([0, 12.5, 75, 100]),
    since=bounds,
    until=bounds,
)
def test_the_hot_leads_agree_with_plain_python(
    database: Database,
    page: list[Conversation],
    threshold: float,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Promised by contract.md, "Hot": which, in which order, and how many of what."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    inside = [a for a in agent_store.leads().values() if within(a.last_activity, since, until)]
    warm = sorted((a for a in inside if is_hot(a, threshold=threshold)), key=rank)
    heat = HotQuery(agent_store.agent, threshold, since, until)

    assert agent_store.mirror_reader.hot_leads(heat, limit=99) == warm
    assert agent_store.mirror_reader.hot_count(heat) == len(warm)
    summary = agent_store.mirror_reader.hot_summary(heat)
    assert (summary.considered, summary.hot) == (len(inside), len(warm))
    assert summary.by_stage == counted(warm, "stage")
    assert summary.by_channel == counted(warm, "channel")
    money: dict[str | None, float] = defaultdict(float)
    for lead in warm:
        if lead.amount is not None:
            money[lead.currency] += lead.amount
    assert summary.value == money
    assert summary.unparsed_values == sum(lead.unparsed for lead in warm)
    assert summary.waiting_for_human == sum(lead.waiting for lead in warm)
    assert summary.unassigned == sum(lead.assignee is None for lead in warm)
    assert summary.overdue == sum(lead.overdue for lead in warm)
    assert summary.closed == sum(is_closed(lead.stage) for lead in inside)
    conversations = [c for c in page if within(c.last_activity, since, until)]
    assert summary.tests == sum(c.is_test for c in conversations)
    assert summary.blocked == sum(c.is_blocked and not c.is_test for c in conversations)


@shared
@given(page=lists_of_conversations, threshold=st.sampled_from([12.5, 75, 100]), since=bounds)
def test_near_misses_miss_by_little_or_by_their_label(
    database: Database, page: list[Conversation], threshold: float, since: datetime | None
) -> None:
    """Promised by contract.md: `explain` adds `near_misses`."""
    agent_store = AgentStore(database)
    agent_store.save(*page)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    near = [
        lead
        for lead in agent_store.leads().values()
        if within(lead.last_activity, since, None)
        and not is_closed(lead.stage)
        and (
            threshold - NEAR <= lead.hot_score < threshold
            if lead.hot_score is not None
            else lead.score is not None and lead.score >= threshold
        )
    ]
    count, first = agent_store.mirror_reader.near_misses(
        HotQuery(agent_store.agent, threshold, since), limit=2
    )
    assert count == len(near)
    assert first == sorted(near, key=rank)[:2]


GROUPS: dict[str, Callable[[Conversation], str | None]] = {
    "stage": lambda c: c.stage,
    "channel": lambda c: c.channel,
    "assignee": lambda c: c.assignee,
    "day": lambda c: f"{c.last_activity:%Y-%m-%d}" if c.last_activity else None,
    "week": lambda c: f"{c.last_activity:%G-W%V}" if c.last_activity else None,
    "month": lambda c: f"{c.last_activity:%Y-%m}" if c.last_activity else None,
}


@shared
@given(
    page=lists_of_conversations,
    by=st.lists(st.sampled_from(list(GROUPS)), max_size=2, unique=True),
    ages=st.lists(st.integers(-500, 40), min_size=9, max_size=9),
)
def test_groups_agree_with_plain_python(
    database: Database, page: list[Conversation], by: list[str], ages: list[int]
) -> None:
    """Promised by contract.md, `conversation_stats`: by every pair of fields."""
    agent_store = AgentStore(database)
    spread = [
        conversation(c.id, name=c.name, stage=c.stage, channel=c.channel, assignee=c.assignee,
             score=c.score, messages=c.messages, value=c.value, tokens=2**40, usd=0.5, rating=4.0,
             last_activity=c.last_activity and c.last_activity + timedelta(days=days))
        for c, days in zip(page, ages, strict=False)
    ]  # fmt: skip
    agent_store.save(*spread)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    groups: dict[tuple[str | None, ...], list[Conversation]] = defaultdict(list)
    for c in spread:
        groups[tuple(GROUPS[name](c) for name in by)].append(c)
    if not by:
        groups.setdefault((), [])
    found = {
        g.keys: g
        for g in agent_store.mirror_reader.stats(agent_store.agent, Filter(), by, hot_from=75)
    }
    assert found.keys() == groups.keys()
    for key, conversations in groups.items():
        group = found[key]
        assert (group.conversations, group.tokens) == (
            len(conversations),
            2**40 * len(conversations),
        )
        assert group.messages == sum(c.messages or 0 for c in conversations)
        assert type(group.messages) is type(group.tokens) is int
        assert group.usd == pytest.approx(len(conversations) / 2)
        assert group.rating_avg == (4 if conversations else None)
        named = [c for c in conversations if c.name or c.stage or c.score is not None]
        assert group.leads == len(named)  # nothing here joins two of them


def test_an_answer_that_is_kept_is_the_newest(database: Database) -> None:
    """Ours: what was counted is kept until something changes, whatever it is."""
    agent_store = AgentStore(database)
    asked = HotQuery(agent_store.agent, 75)

    def numbers() -> tuple[int, int, int, list[str]]:
        (totals,) = agent_store.mirror_reader.stats(agent_store.agent, Filter(), (), hot_from=75)
        return (
            totals.conversations,
            totals.leads,
            agent_store.mirror_reader.hot_count(asked),
            [lead.lead_id for lead in agent_store.mirror_reader.hot_leads(asked, limit=5)],
        )

    assert numbers() == (0, 0, 0, [])
    agent_store.save(conversation("c1", name="Ann", score=80))
    assert numbers() == (1, 0, 0, [])
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert numbers() == numbers() == (1, 1, 1, ["c1"])
    agent_store.save(conversation("c1", name="Ann", score=70), minute=1)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert numbers() == (1, 1, 0, [])
    agent_store.remove("c1", minute=2)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert numbers() == (0, 0, 0, [])


def test_a_tag_is_a_group_of_its_own_for_each_conversation_that_has_it(database: Database) -> None:
    """Promised by contract.md: by tag a conversation is counted for each."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", tags=("vip", "new")),
        conversation("c2", tags=("VIP",)),
        conversation("c3"),
    )
    found = agent_store.mirror_reader.stats(agent_store.agent, Filter(), ("tag",), hot_from=75)
    counts = {group.keys: group.conversations for group in found}
    assert counts == {("vip",): 2, ("new",): 1, (None,): 1}


def test_people_are_found_by_what_they_go_by(database: Database) -> None:
    """Promised by contract.md, `get_lead`."""
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", name="Łukasz 100%_Ok", email="lu@x.example", last_activity=NOW),
        conversation("c2", name="Ann Lee", company="Acme", phone="0151 29260773", country="DE"),
        conversation(
            "c3", name="Ann Xu", phone="15129260773", last_activity=NOW - timedelta(hours=1)
        ),
    )
    agent_store.mirror.rebuild_leads(agent_store.agent)
    mirror_reader, agent = agent_store.mirror_reader, agent_store.agent

    def ids(leads: list[Lead]) -> list[str]:
        return [lead.lead_id for lead in leads]

    assert ids(mirror_reader.leads_with(agent, "email_key", ["lu@x.example"])) == ["c1"]
    assert ids(
        mirror_reader.leads_with(agent, "phone_key", [str(phone_key("+4915129260773"))])
    ) == ["c2"]
    assert ids(mirror_reader.leads(agent, lead_ids=["c2", "c3", "c1", "c9"])) == ["c1", "c3", "c2"]
    assert mirror_reader.lead(agent, "c9") is None
    assert [c.id for c in mirror_reader.of_leads(agent, ["c1", "c3"])] == ["c1", "c3"]
    assert mirror_reader.known(agent, "stage") == []
