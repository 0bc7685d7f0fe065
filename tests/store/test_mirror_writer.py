"""Writing: whatever rows come in whatever order, the mirror holds what a dict would hold."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import Conversation, Filter, Page, Quarantined, TermAlternatives
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import MAX_INDEX_KEY_LENGTH
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.write.mirror_writer import Saved
from convocore_mcp.store.write.pruning import KEEP_VERSIONS
from tests.conversations import conversation, conversations, lists_of_conversations
from tests.store.agent_store import SORTS, AgentStore, at, comparable, sorted_by
from tests.store.steps import Step, apply, examples_share_a_mirror, in_each_mirror, steps


@examples_share_a_mirror
@given(steps=steps)
@in_each_mirror
def test_the_mirror_holds_what_a_dict_would_hold_in_every_order(
    database: Database, steps: list[Step]
) -> None:
    """Promised by docs/architecture.md, "The mirror": a copy, in one order in every database."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        apply(step, agent_store, expected, minute)
    for sort in SORTS:
        assert agent_store.find(sort=sort) == sorted_by(expected.values(), sort), sort
    assert agent_store.reader.count(
        agent_store.agent, Filter(), at=agent_store.reader.sequence_number()
    ) == len(expected)
    assert agent_store.writer.coverage(agent_store.agent).conversations == len(expected)
    for id_, c in expected.items():
        found = agent_store.reader.conversation(agent_store.agent, id_)
        assert found is not None
        assert comparable(found) == c
        assert found.record


@examples_share_a_mirror
@given(
    first=lists_of_conversations, steps=steps, sort=st.sampled_from(SORTS), limit=st.integers(1, 6)
)
@in_each_mirror
def test_pages_show_each_conversation_once_while_new_ones_arrive(
    database: Database, first: list[Conversation], steps: list[Step], sort: str, limit: int
) -> None:
    """Promised by docs/contract.md, "Tools": `next_cursor` yields every match exactly once."""
    agent_store, current = AgentStore(database), dict[str, Conversation]()
    apply(Step("save", first), agent_store, current, 0)
    start = agent_store.reader.sequence_number()
    expected = sorted_by(current.values(), sort)
    read: list[Conversation] = []
    remaining_steps = iter(enumerate(steps, start=1))
    for page in agent_store.pages(sort, limit, start):
        read += page
        for minute, step in [next(remaining_steps, (0, None))]:
            if step is not None:
                apply(step, agent_store, current, minute)
                agent_store.rebuild_leads()
    assert read == expected
    assert agent_store.reader.count(agent_store.agent, Filter(), at=start) == len(expected)


@examples_share_a_mirror
@given(page=lists_of_conversations)
@in_each_mirror
def test_the_same_page_again_changes_nothing(database: Database, page: list[Conversation]) -> None:
    """Promised by docs/architecture.md, "The mirror": a row is compared before it is replaced."""
    agent_store = AgentStore(database)
    assert agent_store.save(*page) == Saved(len(page), 0, 0)
    agent_store.rebuild_leads()
    sequence_number, found, leads = (
        agent_store.reader.sequence_number(),
        agent_store.find(),
        agent_store.leads(),
    )
    assert agent_store.save(*page, minute=1) == Saved(0, 0, len(page))
    assert agent_store.rebuild_leads() == 0
    assert (
        agent_store.reader.sequence_number(),
        agent_store.find(),
        agent_store.leads(),
    ) == (
        sequence_number,
        found,
        leads,
    )


@examples_share_a_mirror
@given(pages=st.lists(st.tuples(st.integers(0, 6), lists_of_conversations), max_size=5))
@in_each_mirror
def test_the_newer_copy_wins_and_of_equally_old_ones_the_one_that_was_read_later(
    database: Database, pages: list[tuple[int, list[Conversation]]]
) -> None:
    """Promised by docs/architecture.md, "The mirror": pages arrive in any order."""
    agent_store = AgentStore(database)
    expected: dict[str, tuple[int, Conversation]] = {}
    for minute, page in pages:
        agent_store.save(*page, minute=minute)
        for c in agent_store.of_agent(page):
            seen, held = expected.get(c.id, (0, comparable(c)))
            ours, theirs = held.last_activity, c.last_activity
            if comparable(c) == held:
                expected[c.id] = (max(seen, minute), held)
            elif theirs > ours if ours and theirs and ours != theirs else minute >= seen:
                expected[c.id] = (minute, comparable(c))
    assert agent_store.find() == sorted_by([c for _, c in expected.values()], "newest")


@examples_share_a_mirror
@given(steps=steps, later=st.integers(0, 3))
@in_each_mirror
def test_pruning_deletes_no_current_version(
    database: Database, steps: list[Step], later: int
) -> None:
    """Promised by docs/architecture.md, "The mirror": only old versions are pruned."""
    agent_store, expected = AgentStore(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        apply(step, agent_store, expected, minute)
    agent_store.rebuild_leads()
    leads = agent_store.leads()
    kept = timedelta(milliseconds=KEEP_VERSIONS)
    agent_store.writer.prune(now=at(later) + kept)
    assert agent_store.find() == sorted_by(expected.values(), "newest")
    vips = {c.id for c in expected.values() if {"vip", "VIP"} & set(c.tags)}
    assert {c.id for c in agent_store.find(Filter(tags=("Vip",)))} == vips
    assert agent_store.leads() == leads
    again = agent_store.writer.prune(now=at(later) + kept)
    assert again == 0


@examples_share_a_mirror
@given(c=conversations, text=st.text(st.characters(), max_size=20))
@in_each_mirror
def test_any_text_can_be_stored_and_searched_for(
    database: Database, c: Conversation, text: str
) -> None:
    """Ours: NUL, half an emoji, anything; one odd row must not stop a sync."""
    agent_store = AgentStore(database)
    odd = replace(c, name=text, summary=text, stage=text, tags=(text,), source=text, record=text)
    agent_store.save(odd)
    (found,) = agent_store.find(Filter(stages=(text,), tags=(text,)))
    kept = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert (found.name, found.summary, found.source) == (kept, kept, kept)
    assert agent_store.reader.conversation(agent_store.agent, text) is None
    assert agent_store.reader.leads_with(agent_store.agent, "id", [text]) == []
    assert (
        agent_store.reader.people_index.hits(
            agent_store.agent, [TermAlternatives((text,), (text,))]
        )
        is not None
    )
    assert agent_store.reader.people_index.similar_words(agent_store.agent, text) is not None


def test_agents_in_one_mirror_share_no_conversation_and_no_lead(database: Database) -> None:
    """Promised by docs/contract.md, "Rules for every answer": each answer is about one agent.

    Holds docs/contract.md #agents-apart.
    """
    one, other = AgentStore(database), AgentStore(database)
    ann = conversation("c1", email="ann@x.example", tags=("vip",))
    one.save(ann)
    other.save(replace(ann, name="Ann"))
    for agent_store in (one, other):
        agent_store.rebuild_leads()
    assert [c.name for c in one.find(Filter(tags=("vip",)))] == [None]
    assert [lead.name for lead in other.leads().values()] == ["Ann"]
    one.remove("c1")
    one.rebuild_leads()
    assert (len(one.leads()), len(other.leads())) == (0, 1)


def test_rows_that_do_not_fit_are_quarantined_until_they_are_gone(database: Database) -> None:
    """Promised by docs/architecture.md, "The mirror": stored raw with the reason, and counted."""
    agent_store = AgentStore(database)
    bad = Quarantined('{"ID": "\\u0000"}', "ID: should be text\0")
    for minute in (0, 1):
        page = Page(agent_store.of_agent([conversation("c1")]), (bad, replace(bad, raw="other")))
        agent_store.writer.save(agent_store.agent, page, read_at=at(minute))
    assert agent_store.writer.coverage(agent_store.agent).quarantined == 2
    agent_store.writer.save(agent_store.agent, Page((), (bad,)), read_at=at(2))
    agent_store.writer.drop_quarantined(agent_store.agent, before=at(2))
    assert agent_store.writer.coverage(agent_store.agent).quarantined == 1


@pytest.mark.parametrize("name", ["id", "identity"])
def test_a_row_whose_id_no_index_can_hold_is_quarantined(database: Database, name: str) -> None:
    """Ours: an index row of PostgreSQL has at most 2,700 bytes; SQLite behaves the same."""
    agent_store = AgentStore(database)
    longest, too_long = (
        replace(conversation(id_), **fields)
        for id_, length in (("c1", MAX_INDEX_KEY_LENGTH), ("c2", MAX_INDEX_KEY_LENGTH + 1))
        for fields in [cast("dict[str, Any]", {name: "😀" * length})]
    )
    assert agent_store.save(longest, too_long).created == 1
    agent_store.rebuild_leads()
    assert [c.id for c in agent_store.find()] == [longest.id]
    assert agent_store.writer.coverage(agent_store.agent).quarantined == 1


@pytest.mark.parametrize("id_", ["a\0", "a\ud83d", "\udc00"])
def test_a_row_whose_id_no_database_can_hold_is_quarantined(database: Database, id_: str) -> None:
    """Ours: under another id it could be taken for another conversation."""
    agent_store = AgentStore(database)
    other = conversation(id_.encode("utf-8", "replace").decode().replace("\0", "\ufffd"))
    for _ in range(2):
        agent_store.save(conversation(id_), other, conversation("c2"))
        assert {c.id for c in agent_store.find()} == {other.id, "c2"}
        assert agent_store.writer.coverage(agent_store.agent).quarantined == 1


def test_ids_that_differ_only_by_an_outer_blank_are_different_conversations(
    database: Database,
) -> None:
    """Promised by docs/upstream.md, "The list endpoint": `ID` is the only key, as it stands."""
    agent_store, ids = AgentStore(database), ["c1", "c1 ", " c1", "c1\t", "\u00a0c1", "C1"]
    agent_store.save(*(conversation(id_, name=f"Ann {n}") for n, id_ in enumerate(ids)))
    agent_store.rebuild_leads()
    assert len(agent_store.leads()) == len(ids)
    for n, id_ in enumerate(ids):
        found = agent_store.reader.conversation(agent_store.agent, id_)
        assert found is not None
        assert (found.id, found.name) == (id_, f"Ann {n}")
        (lead,) = agent_store.reader.leads_with(agent_store.agent, "id", [id_])
        assert lead.name == f"Ann {n}"
    assert agent_store.save(conversation("c1 ", name="Ann 1")).unchanged == 1
    assert agent_store.remove("c1") == 1
    agent_store.rebuild_leads()
    assert {c.id for c in agent_store.find()} == set(ids) - {"c1"}
    assert len(agent_store.leads()) == len(ids) - 1


def test_a_long_value_that_is_only_shown_is_stored_whole(database: Database) -> None:
    """Ours: what visitors type can have any length."""
    long = "😀" * 20_000
    shown = {"name": long, "email": f"{long}@x.example", "tags": (long, "vip")}
    agent_store = AgentStore(database)
    agent_store.save(
        conversation("c1", label=long, stage=long, channel=long, assignees=(long,), **shown)
    )
    agent_store.rebuild_leads()
    (found,) = agent_store.find(Filter(tags=("vip",)))
    assert (found.name, found.tags) == (long, (long, "vip"))


def test_any_number_of_ids_can_be_given_at_once(database: Database) -> None:
    """Ours: a full sync may miss more conversations than one statement accepts parameters."""
    agent_store = AgentStore(database)
    agent_store.save(*(conversation(f"c{i}") for i in range(1000)))
    many = [f"c{i}" for i in range(40_000)]
    agent_store.writer.mark_missed(agent_store.agent, many)
    assert set(agent_store.writer.last_seen_before(agent_store.agent, at(1)).values()) == {1}
    assert agent_store.remove(*many) == 1000
    assert agent_store.find() == []


def test_missed_syncs_are_counted_until_a_conversation_is_seen_again(database: Database) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": removed when two syncs missed it."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1"), conversation("c2"), conversation("c3"))
    agent_store.save(conversation("c1"), minute=4)
    assert agent_store.writer.last_seen_before(agent_store.agent, at(1)) == {"c2": 0, "c3": 0}
    agent_store.writer.mark_missed(agent_store.agent, ["c2", "c3"])
    agent_store.save(conversation("c2"), minute=2)
    assert agent_store.writer.last_seen_before(agent_store.agent, at(1)) == {"c3": 1}
    assert agent_store.writer.last_seen_before(agent_store.agent, at(3)) == {"c2": 0, "c3": 1}


def test_coverage_is_updated_and_a_gap_makes_it_incomplete(database: Database) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` says what was read."""
    agent_store = AgentStore(database)
    assert not agent_store.writer.coverage(agent_store.agent).complete
    agent_store.writer.update_coverage(
        agent_store.agent, as_of=at(1), watermark=at(2), full_sync_at=at(3), gap="moved"
    )
    found = agent_store.writer.coverage(agent_store.agent)
    assert (found.as_of, found.watermark, found.full_sync_at) == (at(1), at(2), at(3))
    assert not found.complete
    agent_store.writer.update_coverage(agent_store.agent, gap=None)
    assert agent_store.writer.coverage(agent_store.agent).complete


def test_fields_that_could_not_be_read_are_counted_while_they_are_odd(database: Database) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` tells of each field."""
    agent_store = AgentStore(database)

    def save(minute: int, *dropped: tuple[str, ...]) -> tuple[Saved, int, int]:
        rows = [
            # The record is the same: what was dropped is not in it.
            replace(conversation(f"c{n}"), dropped=names)
            for n, names in enumerate(dropped)
        ]
        saved = agent_store.save(*rows, minute=minute)
        coverage = agent_store.writer.coverage(agent_store.agent)
        return saved, coverage.dropped_fields, coverage.with_dropped_fields

    assert save(0, (), (), ()) == (Saved(3, 0, 0), 0, 0)
    assert save(1, (), ("tags", "value"), ("value",)) == (Saved(0, 2, 1), 3, 2)
    assert save(2, (), ("tags", "value"), ("value",)) == (Saved(0, 0, 3), 3, 2)
    assert save(3, (), ("tags",), ()) == (Saved(0, 2, 1), 1, 1)
    agent_store.remove("c1", minute=4)
    assert save(5) == (Saved(0, 0, 0), 0, 0)


def test_a_failed_transaction_is_rolled_back(database: Database) -> None:
    """Promised by docs/architecture.md, "The mirror": each page is one transaction."""
    agent_store = AgentStore(database)
    sequence_number = agent_store.reader.sequence_number()
    invalid = replace(conversation("c2"), messages=10**30)  # no database has room for it
    with pytest.raises(Exception, match="int"):
        agent_store.save(conversation("c1"), invalid)
    assert (agent_store.find(), MirrorReader(database).sequence_number()) == ([], sequence_number)
    assert agent_store.save(conversation("c1")).created == 1
