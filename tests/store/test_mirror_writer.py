"""Writing: whatever comes in whatever order, the mirror holds what a dict would hold."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import Conversation, Filter, Page, Quarantined, TermAlternatives
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import LONGEST_KEY
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.write.mirror_writer import KEEP_VERSIONS, Saved
from tests.conversations import conversation, conversations, lists_of_conversations
from tests.store.agent_store import SORTS, AgentStore, at, bare, in_order
from tests.store.steps import Step, shared, steps, take


@shared
@given(steps=steps)
def test_it_holds_what_a_dict_would_hold_in_every_order(
    database: Database, steps: list[Step]
) -> None:
    """Promised by design.md: a local copy, in the same order in every database."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(agent_store, step, held, minute)
    for sort in SORTS:
        assert agent_store.find(sort=sort) == in_order(held.values(), sort), sort
    assert agent_store.mirror_reader.count(
        agent_store.agent, Filter(), at=agent_store.mirror_reader.sequence_number()
    ) == len(held)
    assert agent_store.mirror.coverage(agent_store.agent).conversations == len(held)
    for id_, c in held.items():
        found = agent_store.mirror_reader.conversation(agent_store.agent, id_)
        assert found is not None
        assert bare(found) == c
        assert found.record


@shared
@given(
    first=lists_of_conversations, steps=steps, sort=st.sampled_from(SORTS), limit=st.integers(1, 6)
)
def test_a_list_is_paged_through_as_it_was_when_it_was_begun(
    database: Database, first: list[Conversation], steps: list[Step], sort: str, limit: int
) -> None:
    """Promised by contract.md: every match exactly once, also while new conversations arrive."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    take(agent_store, Step("save", first), held, 0)
    started_at, expected = (
        agent_store.mirror_reader.sequence_number(),
        in_order(held.values(), sort),
    )
    read: list[Conversation] = []
    coming = iter(enumerate(steps, start=1))
    for page in agent_store.pages(sort, limit, started_at):
        read += page
        for minute, step in [next(coming, (0, None))]:
            if step is not None:
                take(agent_store, step, held, minute)
                agent_store.mirror.rebuild_leads(agent_store.agent)
    assert read == expected
    assert agent_store.mirror_reader.count(agent_store.agent, Filter(), at=started_at) == len(
        expected
    )


@shared
@given(page=lists_of_conversations)
def test_the_same_page_again_changes_nothing(database: Database, page: list[Conversation]) -> None:
    """Promised by design.md: every upsert compares with what was there."""
    agent_store = AgentStore(database)
    assert agent_store.save(*page) == Saved(len(page), 0, 0)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    sequence_number, found, leads = (
        agent_store.mirror_reader.sequence_number(),
        agent_store.find(),
        agent_store.leads(),
    )
    assert agent_store.save(*page, minute=1) == Saved(0, 0, len(page))
    assert agent_store.mirror.rebuild_leads(agent_store.agent) == 0
    assert (
        agent_store.mirror_reader.sequence_number(),
        agent_store.find(),
        agent_store.leads(),
    ) == (
        sequence_number,
        found,
        leads,
    )


@shared
@given(pages=st.lists(st.tuples(st.integers(0, 6), lists_of_conversations), max_size=5))
def test_a_page_that_was_read_earlier_never_replaces_what_was_read_later(
    database: Database, pages: list[tuple[int, list[Conversation]]]
) -> None:
    """Ours: pages are read side by side and come in any order; unchanged is read, too."""
    agent_store = AgentStore(database)
    held: dict[str, tuple[int, Conversation]] = {}
    for minute, page in pages:
        agent_store.save(*page, minute=minute)
        for c in agent_store.own(page):
            if minute >= held.get(c.id, (0, c))[0]:
                held[c.id] = (minute, bare(c))
    assert agent_store.find() == in_order([c for _, c in held.values()], "newest")


@shared
@given(steps=steps, later=st.integers(0, 3))
def test_pruning_drops_no_current_row(database: Database, steps: list[Step], later: int) -> None:
    """Promised by design.md: what is dropped are old versions."""
    agent_store, held = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(agent_store, step, held, minute)
    agent_store.mirror.rebuild_leads(agent_store.agent)
    leads = agent_store.leads()
    kept = timedelta(milliseconds=KEEP_VERSIONS)
    agent_store.mirror.prune(now=at(later) + kept)
    assert agent_store.find() == in_order(held.values(), "newest")
    vips = {c.id for c in held.values() if {"vip", "VIP"} & set(c.tags)}
    assert {c.id for c in agent_store.find(Filter(tags=("Vip",)))} == vips
    assert agent_store.leads() == leads
    again = agent_store.mirror.prune(now=at(later) + kept)
    assert again == 0


@shared
@given(c=conversations, text=st.text(st.characters(), max_size=20))
def test_no_text_is_too_odd_to_be_kept_or_asked_for(
    database: Database, c: Conversation, text: str
) -> None:
    """Ours: NUL, half an emoji, anything; one odd row must not stop a walk."""
    agent_store = AgentStore(database)
    odd = replace(c, name=text, summary=text, stage=text, tags=(text,), source=text, record=text)
    agent_store.save(odd)
    (found,) = agent_store.find(Filter(stages=(text,), tags=(text,)))
    kept = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert (found.name, found.summary, found.source) == (kept, kept, kept)
    assert agent_store.mirror_reader.conversation(agent_store.agent, text) is None
    assert agent_store.mirror_reader.leads_with(agent_store.agent, "id", [text]) == []
    assert (
        agent_store.mirror_reader.people_index.hits(
            agent_store.agent, [TermAlternatives((text,), (text,))]
        )
        is not None
    )
    assert agent_store.mirror_reader.people_index.similar_words(agent_store.agent, text) is not None


def test_two_agents_in_one_mirror_never_meet(database: Database) -> None:
    """Promised by contract.md: each answer is about one agent."""
    one, other = AgentStore(database), AgentStore(database)
    ann = conversation("c1", email="ann@x.example", tags=("vip",))
    one.save(ann)
    other.save(replace(ann, name="Ann"))
    for agent_store in (one, other):
        agent_store.mirror.rebuild_leads(agent_store.agent)
    assert [c.name for c in one.find(Filter(tags=("vip",)))] == [None]
    assert [lead.name for lead in other.leads().values()] == ["Ann"]
    one.remove("c1")
    one.mirror.rebuild_leads(one.agent)
    assert (len(one.leads()), len(other.leads())) == (0, 1)


def test_rows_that_do_not_fit_are_kept_aside_and_released(database: Database) -> None:
    """Promised by design.md: quarantined, kept raw with the reason, and counted."""
    agent_store = AgentStore(database)
    bad = Quarantined('{"ID": "\\u0000"}', "ID: should be text\0")
    for minute in (0, 1):
        page = Page(agent_store.own([conversation("c1")]), (bad, replace(bad, raw="other")))
        agent_store.mirror.save(agent_store.agent, page, read_at=at(minute))
    assert agent_store.mirror.coverage(agent_store.agent).quarantined == 2
    agent_store.mirror.save(agent_store.agent, Page((), (bad,)), read_at=at(2))
    agent_store.mirror.release(agent_store.agent, before=at(2))
    assert agent_store.mirror.coverage(agent_store.agent).quarantined == 1


@pytest.mark.parametrize("name", ["id", "identity"])
def test_what_no_index_can_hold_is_quarantined(database: Database, name: str) -> None:
    """Ours: an index row of PostgreSQL has 2,700 bytes; both databases behave the same."""
    agent_store = AgentStore(database)
    longest, too_long = (
        replace(conversation(id_), **fields)
        for id_, length in (("c1", LONGEST_KEY), ("c2", LONGEST_KEY + 1))
        for fields in [cast("dict[str, Any]", {name: "😀" * length})]
    )
    assert agent_store.save(longest, too_long).created == 1
    agent_store.mirror.rebuild_leads(agent_store.agent)
    assert [c.id for c in agent_store.find()] == [longest.id]
    assert agent_store.mirror.coverage(agent_store.agent).quarantined == 1


def test_a_long_value_that_is_only_shown_is_kept_whole(database: Database) -> None:
    """Ours: what visitors type has no bounds."""
    long = "😀" * 20_000
    shown = {"name": long, "email": f"{long}@x.example", "tags": (long, "vip")}
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", label=long, stage=long, channel=long, assignees=(long,), **shown)
    )
    agent_store.mirror.rebuild_leads(agent_store.agent)
    (found,) = agent_store.find(Filter(tags=("vip",)))
    assert (found.name, found.tags) == (long, (long, "vip"))


def test_it_takes_as_many_ids_at_once_as_there_are(database: Database) -> None:
    """Ours: a sweep may miss more than one statement has room for."""
    agent_store = AgentStore(database)
    agent_store.save(*(conversation(f"c{i}") for i in range(1000)))
    many = [f"c{i}" for i in range(40_000)]
    agent_store.mirror.miss(agent_store.agent, many)
    assert set(agent_store.mirror.missing(agent_store.agent, before=at(1)).values()) == {1}
    assert agent_store.remove(*many) == 1000
    assert agent_store.find() == []


def test_what_a_walk_missed_counts_until_it_is_seen_again(database: Database) -> None:
    """Promised by design.md: removed when two sweeps missed it."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1"), conversation("c2"), conversation("c3"))
    agent_store.save(conversation("c1"), minute=4)
    assert agent_store.mirror.missing(agent_store.agent, before=at(1)) == {"c2": 0, "c3": 0}
    agent_store.mirror.miss(agent_store.agent, ["c2", "c3"])
    agent_store.save(conversation("c2"), minute=2)
    assert agent_store.mirror.missing(agent_store.agent, before=at(1)) == {"c3": 1}
    assert agent_store.mirror.missing(agent_store.agent, before=at(3)) == {"c2": 0, "c3": 1}


def test_progress_is_noted_and_the_baseline_only_once(database: Database) -> None:
    """Promised by contract.md: until the first walk is complete everything is baseline."""
    agent_store = AgentStore(database)
    assert not agent_store.mirror.coverage(agent_store.agent).complete
    agent_store.mirror.note(
        agent_store.agent, as_of=at(1), watermark=at(2), full_sync_at=at(3), gap="moved"
    )
    found = agent_store.mirror.coverage(agent_store.agent)
    assert (found.as_of, found.watermark, found.full_sync_at) == (at(1), at(2), at(3))
    assert not found.complete
    agent_store.mirror.note(agent_store.agent, gap=None)
    assert agent_store.mirror.coverage(agent_store.agent).complete


def test_nothing_of_a_transaction_that_fails_stays(database: Database) -> None:
    """Promised by design.md: each page is one transaction."""
    agent_store = AgentStore(database)
    sequence_number = agent_store.mirror_reader.sequence_number()
    torn = replace(conversation("c2"), messages=10**30)  # no database has room for it
    with pytest.raises(Exception, match="int"):
        agent_store.save(conversation("c1"), torn)
    assert (agent_store.find(), MirrorReader(database).sequence_number()) == ([], sequence_number)
    assert agent_store.save(conversation("c1")).created == 1
