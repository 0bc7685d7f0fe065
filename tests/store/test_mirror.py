"""Writing: whatever comes in whatever order, the mirror holds what a dict would hold."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.models import Conversation, Either, Filter, Page, Quarantined
from convocore_mcp.store.engine import Database
from convocore_mcp.store.mirror import KEEP_VERSIONS, Saved
from convocore_mcp.store.queries import Queries
from convocore_mcp.store.schema import LONGEST_KEY
from tests.store.desk import SORTS, Desk, at, bare, in_order
from tests.store.steps import Step, shared, steps, take
from tests.talks import lists_of_talks, talk, talks


@shared
@given(steps=steps)
def test_it_holds_what_a_dict_would_hold_in_every_order(
    database: Database, steps: list[Step]
) -> None:
    """Promised by design.md: a local copy, in the same order in every database."""
    desk, held = Desk(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(desk, step, held, minute)
    for sort in SORTS:
        assert desk.find(sort=sort) == in_order(held.values(), sort), sort
    assert desk.queries.count(desk.agent, Filter(), at=desk.queries.seq()) == len(held)
    assert desk.mirror.coverage(desk.agent).conversations == len(held)
    for id_, c in held.items():
        found = desk.queries.conversation(desk.agent, id_)
        assert found is not None
        assert bare(found) == c
        assert found.record


@shared
@given(first=lists_of_talks, steps=steps, sort=st.sampled_from(SORTS), limit=st.integers(1, 6))
def test_a_list_is_paged_through_as_it_was_when_it_was_begun(
    database: Database, first: list[Conversation], steps: list[Step], sort: str, limit: int
) -> None:
    """Promised by contract.md: every match exactly once, also while new conversations arrive."""
    desk, held = Desk(database), dict[str, Conversation]()
    take(desk, Step("save", first), held, 0)
    began, expected = desk.queries.seq(), in_order(held.values(), sort)
    read: list[Conversation] = []
    coming = iter(enumerate(steps, start=1))
    for page in desk.pages(sort, limit, began):
        read += page
        for minute, step in [next(coming, (0, None))]:
            if step is not None:
                take(desk, step, held, minute)
                desk.mirror.settle(desk.agent)
    assert read == expected
    assert desk.queries.count(desk.agent, Filter(), at=began) == len(expected)


@shared
@given(page=lists_of_talks)
def test_the_same_page_again_changes_nothing(database: Database, page: list[Conversation]) -> None:
    """Promised by design.md: every upsert compares with what was there."""
    desk = Desk(database)
    assert desk.save(*page) == Saved(len(page), 0, 0)
    desk.mirror.settle(desk.agent)
    seq, found, leads = desk.queries.seq(), desk.find(), desk.leads()
    assert desk.save(*page, minute=1) == Saved(0, 0, len(page))
    assert desk.mirror.settle(desk.agent) == 0
    assert (desk.queries.seq(), desk.find(), desk.leads()) == (seq, found, leads)


@shared
@given(pages=st.lists(st.tuples(st.integers(0, 6), lists_of_talks), max_size=5))
def test_a_page_that_was_read_earlier_never_replaces_what_was_read_later(
    database: Database, pages: list[tuple[int, list[Conversation]]]
) -> None:
    """Ours: pages are read side by side and come in any order; unchanged is read, too."""
    desk = Desk(database)
    held: dict[str, tuple[int, Conversation]] = {}
    for minute, page in pages:
        desk.save(*page, minute=minute)
        for c in desk.own(page):
            if minute >= held.get(c.id, (0, c))[0]:
                held[c.id] = (minute, bare(c))
    assert desk.find() == in_order([c for _, c in held.values()], "newest")


@shared
@given(steps=steps, later=st.integers(0, 3))
def test_pruning_drops_no_current_row(database: Database, steps: list[Step], later: int) -> None:
    """Promised by design.md: what is dropped are old versions."""
    desk, held = Desk(database), dict[str, Conversation]()
    for minute, step in enumerate(steps):
        take(desk, step, held, minute)
    desk.mirror.settle(desk.agent)
    leads = desk.leads()
    kept = timedelta(milliseconds=KEEP_VERSIONS)
    desk.mirror.prune(now=at(later) + kept)
    assert desk.find() == in_order(held.values(), "newest")
    vips = {c.id for c in held.values() if {"vip", "VIP"} & set(c.tags)}
    assert {c.id for c in desk.find(Filter(tags=("Vip",)))} == vips
    assert desk.leads() == leads
    again = desk.mirror.prune(now=at(later) + kept)
    assert again == 0


@shared
@given(c=talks, text=st.text(st.characters(), max_size=20))
def test_no_text_is_too_odd_to_be_kept_or_asked_for(
    database: Database, c: Conversation, text: str
) -> None:
    """Ours: NUL, half an emoji, anything; one odd row must not stop a walk."""
    desk = Desk(database)
    odd = replace(c, name=text, summary=text, stage=text, tags=(text,), source=text, record=text)
    desk.save(odd)
    (found,) = desk.find(Filter(stages=(text,), tags=(text,)))
    kept = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert (found.name, found.summary, found.source) == (kept, kept, kept)
    assert desk.queries.conversation(desk.agent, text) is None
    assert desk.queries.leads_with(desk.agent, "id", [text]) == []
    assert desk.queries.lookup.hits(desk.agent, [Either((text,), (text,))]) is not None
    assert desk.queries.lookup.alike(desk.agent, text) is not None


def test_two_agents_in_one_mirror_never_meet(database: Database) -> None:
    """Promised by contract.md: each answer is about one agent."""
    one, other = Desk(database), Desk(database)
    ann = talk("c1", email="ann@x.example", tags=("vip",))
    one.save(ann)
    other.save(replace(ann, name="Ann"))
    for desk in (one, other):
        desk.mirror.settle(desk.agent)
    assert [c.name for c in one.find(Filter(tags=("vip",)))] == [None]
    assert [lead.name for lead in other.leads().values()] == ["Ann"]
    one.remove("c1")
    one.mirror.settle(one.agent)
    assert (len(one.leads()), len(other.leads())) == (0, 1)


def test_rows_that_do_not_fit_are_kept_aside_and_released(database: Database) -> None:
    """Promised by design.md: quarantined, kept raw with the reason, and counted."""
    desk = Desk(database)
    bad = Quarantined('{"ID": "\\u0000"}', "ID: should be text\0")
    for minute in (0, 1):
        page = Page(desk.own([talk("c1")]), (bad, replace(bad, raw="other")))
        desk.mirror.save(desk.agent, page, read_at=at(minute))
    assert desk.mirror.coverage(desk.agent).quarantined == 2
    desk.mirror.save(desk.agent, Page((), (bad,)), read_at=at(2))
    desk.mirror.release(desk.agent, before=at(2))
    assert desk.mirror.coverage(desk.agent).quarantined == 1


@pytest.mark.parametrize("name", ["id", "identity"])
def test_what_no_index_can_hold_is_quarantined(database: Database, name: str) -> None:
    """Ours: an index row of PostgreSQL has 2,700 bytes; both databases behave the same."""
    desk = Desk(database)
    longest, too_long = (
        replace(talk(id_), **fields)
        for id_, length in (("c1", LONGEST_KEY), ("c2", LONGEST_KEY + 1))
        for fields in [cast("dict[str, Any]", {name: "😀" * length})]
    )
    assert desk.save(longest, too_long).created == 1
    desk.mirror.settle(desk.agent)
    assert [c.id for c in desk.find()] == [longest.id]
    assert desk.mirror.coverage(desk.agent).quarantined == 1


def test_a_long_value_that_is_only_shown_is_kept_whole(database: Database) -> None:
    """Ours: what visitors type has no bounds."""
    long = "😀" * 20_000
    shown = {"name": long, "email": f"{long}@x.example", "tags": (long, "vip")}
    desk = Desk(database)
    desk.save(talk("c1", label=long, stage=long, channel=long, assignees=(long,), **shown))
    desk.mirror.settle(desk.agent)
    (found,) = desk.find(Filter(tags=("vip",)))
    assert (found.name, found.tags) == (long, (long, "vip"))


def test_it_takes_as_many_ids_at_once_as_there_are(database: Database) -> None:
    """Ours: a sweep may miss more than one statement has room for."""
    desk = Desk(database)
    desk.save(*(talk(f"c{i}") for i in range(1000)))
    many = [f"c{i}" for i in range(40_000)]
    desk.mirror.miss(desk.agent, many)
    assert set(desk.mirror.missing(desk.agent, before=at(1)).values()) == {1}
    assert desk.remove(*many) == 1000
    assert desk.find() == []


def test_what_a_walk_missed_counts_until_it_is_seen_again(database: Database) -> None:
    """Promised by design.md: removed when two sweeps missed it."""
    desk = Desk(database)
    desk.save(talk("c1"), talk("c2"), talk("c3"))
    desk.save(talk("c1"), minute=4)
    assert desk.mirror.missing(desk.agent, before=at(1)) == {"c2": 0, "c3": 0}
    desk.mirror.miss(desk.agent, ["c2", "c3"])
    desk.save(talk("c2"), minute=2)
    assert desk.mirror.missing(desk.agent, before=at(1)) == {"c3": 1}
    assert desk.mirror.missing(desk.agent, before=at(3)) == {"c2": 0, "c3": 1}


def test_progress_is_noted_and_the_baseline_only_once(database: Database) -> None:
    """Promised by contract.md: until the first walk is complete everything is baseline."""
    desk = Desk(database)
    assert not desk.mirror.coverage(desk.agent).complete
    desk.mirror.note(desk.agent, as_of=at(1), mark=at(2), walked_at=at(3), gap="moved")
    found = desk.mirror.coverage(desk.agent)
    assert (found.as_of, found.mark, found.walked_at) == (at(1), at(2), at(3))
    assert not found.complete
    desk.mirror.note(desk.agent, gap=None)
    assert desk.mirror.coverage(desk.agent).complete


def test_nothing_of_a_transaction_that_fails_stays(database: Database) -> None:
    """Promised by design.md: each page is one transaction."""
    desk = Desk(database)
    seq = desk.queries.seq()
    torn = replace(talk("c2"), messages=10**30)  # no database has room for it
    with pytest.raises(Exception, match="int"):
        desk.save(talk("c1"), torn)
    assert (desk.find(), Queries(database).seq()) == ([], seq)
    assert desk.save(talk("c1")).created == 1
