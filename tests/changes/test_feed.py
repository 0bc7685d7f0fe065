"""The feed of changes: each one at least once, in order, to every reader, whatever happens."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.models import Change, Conversation, FeedPosition, Page
from convocore_mcp.server.questions.change_facts import wanted_changes, what_became
from convocore_mcp.store.changes.logged_versions import KINDS
from convocore_mcp.store.database.engine import Database
from tests.conversations import NOW, conversation
from tests.property_tests import examples
from tests.store.agent_store import AgentStore

if TYPE_CHECKING:
    from collections.abc import Callable

Event = tuple[str, str]
"""What happened (a kind, or `overdue`) and the conversation."""
examples_share_a_mirror = settings(
    max_examples=examples(14),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LONG_PAST = timedelta(days=30)


@dataclass
class FollowedList:
    """An agent's list, the mirror that follows it, and the changes that the feed should tell."""

    agent_store: AgentStore
    now: datetime = NOW
    present: dict[str, Conversation] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)
    edits: list[tuple[Event, Conversation | None, Conversation]] = field(default_factory=list)
    moments: list[tuple[datetime, str]] = field(default_factory=list)

    def pass_time(self, hours: int) -> None:
        until = self.now + timedelta(hours=hours)
        due = (
            (moment, id_)
            for id_, c in self.present.items()
            if (moment := overdue_at(c)) and max(self.now, self.read_at[id_]) < moment <= until
        )
        self.moments += sorted(due)
        self.now = until

    def save(self, changed: list[Conversation]) -> None:
        unique = {c.id: c for c in changed}
        agent = self.agent_store.agent
        page = Page(self.agent_store.of_agent(unique.values()))
        self.agent_store.writer.save(agent, page, read_at=self.now)
        for c in reversed(unique.values()):
            before = self.present.get(c.id)
            if before is None or before.record != c.record:
                kind = "created" if before is None else "updated"
                self.edits.append(((kind, c.id), before, c))
                self.present[c.id], self.read_at[c.id] = c, self.now

    def remove(self, id_: str) -> None:
        self.agent_store.writer.remove(self.agent_store.agent, [id_], at=self.now)
        if id_ in self.present:
            self.edits.append((("removed", id_), None, self.present.pop(id_)))


def overdue_at(c: Conversation) -> datetime | None:
    """The end of the day on which an open deal should have closed."""
    if c.expected_close is None or c.stage in {"won", "lost"}:
        return None
    day = date.fromisoformat(c.expected_close) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass
class Reader:
    """Follows the feed with its own filter and its own page sizes."""

    followed: FollowedList
    kinds: tuple[str, ...] = KINDS
    became: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    position: FeedPosition | None = None
    reported: list[Change] = field(default_factory=list)
    truncated: bool = False

    def read(self, limit: int, cut: int) -> bool:
        """Read one page and keep at most `cut` of it; whether there is more."""
        page = self.followed.agent_store.change_feed.read(
            [self.followed.agent_store.agent], self.position, now=self.followed.now, limit=limit,
            kinds=self.kinds, wanted=wanted_changes(self.changed, self.became, None),
        )  # fmt: skip
        self.truncated = self.truncated or page.truncated
        count = min(limit, cut, len(page.changes))
        self.reported += page.changes[:count]
        position = page.position_after(count)
        # As in a cursor, which is text.
        key = json.loads(json.dumps(position.key()))
        again = FeedPosition.of(position.sequence_number, key)
        assert again == position
        moved = position != self.position
        self.position = position
        assert moved or not (page.more or count < len(page.changes))
        return page.more or count < len(page.changes)

    def expected_edits(self) -> list[Event]:
        return [
            event
            for event, before, after in self.followed.edits
            if event[0] in self.kinds and self._fits(event[0], before, after)
        ]

    def _fits(self, kind: str, before: Conversation | None, after: Conversation) -> bool:
        if self.became == ("won",):
            return kind != "removed" and after.stage == "won" != (before and before.stage)
        if self.changed == ("tags",):
            return kind == "updated" and before is not None and before.tags != after.tags
        return True


FILTERS: list[dict[str, Any]] = [
    {},
    {"kinds": ("created", "removed")},
    {"kinds": ("updated",)},
    {"became": ("won",)},
    {"changed": ("tags",)},
    {"became": ("overdue",)},
]
states = st.builds(
    conversation,
    st.sampled_from(["c1", "c2", "c3", "c4"]),
    name=st.sampled_from(["Ann", "Bob"]),
    email=st.sampled_from([None, "ann@x.example"]),
    stage=st.sampled_from([None, "new", "won", "lost"]),
    score=st.sampled_from([None, 50.0, 80.0]),
    tags=st.sampled_from([(), ("vip",)]),
    expected_close=st.sampled_from([None, "2026-07-19", "2026-07-20", "2026-07-21"]),
)
lists_of_steps = st.lists(
    st.tuples(st.just("save"), st.lists(states, min_size=1, max_size=4))
    | st.tuples(st.just("remove"), st.sampled_from(["c1", "c2", "c3"]))
    | st.tuples(st.just("pass"), st.sampled_from([1, 7, 30, 200]))
    | st.tuples(st.sampled_from(["rebuild", "prune"]), st.none())
    | st.tuples(
        st.just("read"), st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(1, 3))
    ),
    max_size=14,
)


def run(
    database: Database, steps: list[tuple[str, Any]], before: list[Conversation]
) -> FollowedList:
    """Run the steps, with a reader for each filter; returns what the feed should tell."""
    followed = FollowedList(AgentStore(database))
    writer, agent = followed.agent_store.writer, followed.agent_store.agent
    followed.save(before)
    followed.agent_store.rebuild_leads()
    writer.update_coverage(agent, full_sync_at=followed.now, as_of=followed.now)
    followed.edits.clear()
    readers = [Reader(followed, **options) for options in FILTERS]
    for reader in readers:
        reader.read(1, 1)
    actions: dict[str, Callable[[Any], Any]] = {
        "save": followed.save,
        "remove": followed.remove,
        "pass": followed.pass_time,
        "rebuild": lambda _: followed.agent_store.rebuild_leads(),
        "prune": lambda _: writer.prune(now=followed.now),
        "read": lambda value: readers[value[0]].read(value[1], value[2]),
    }
    for kind, value in steps:
        actions[kind](value)
        if kind in {"save", "remove"}:
            followed.now += timedelta(milliseconds=1)
    followed.agent_store.rebuild_leads()
    for reader in readers:
        while reader.read(2, 2):
            pass
        check(followed, reader)
    return followed


def check(followed: FollowedList, reader: Reader) -> None:
    """Every change was reported once and in order, except those that pruning has deleted."""
    edits = [(c.kind, c.conversation.id) for c in reader.reported if c.sequence_number is not None]
    times = [(c.at, c.conversation.id) for c in reader.reported if c.moment is not None]
    if reader.became != ("overdue",):
        expected = reader.expected_edits()
        assert edits == (expected[len(expected) - len(edits) :] if reader.truncated else expected)
    if not (reader.became == ("won",) or reader.changed or "updated" not in reader.kinds):
        moments = followed.moments
        assert reader.truncated or times == moments
    assert reader.truncated or [c for c in reader.reported if c.moment] == sorted(
        (c for c in reader.reported if c.moment), key=lambda c: c.moment or ()
    )


@examples_share_a_mirror
@given(before=st.lists(states, max_size=3), steps=lists_of_steps)
def test_whatever_happens_every_reader_gets_each_change_once_and_in_order(
    database: Database, before: list[Conversation], steps: list[tuple[str, Any]]
) -> None:
    """Promised by docs/contract.md, "`list_changes`": at least once, in order, to every cursor.

    Holds docs/contract.md #every-change #change-order.
    """
    run(database, steps, before)


def test_what_becomes_overdue_as_time_passes_is_reported_once_at_its_moment(
    database: Database,
) -> None:
    """Promised by docs/contract.md, "`list_changes`": `became` overdue, without an edit.

    Holds docs/contract.md #moments.
    """
    due = conversation("c1", name="Ann", stage="new", expected_close="2026-07-20")
    edited = conversation("c1", name="Ann", stage="new", expected_close="2026-07-20", score=9.0)
    moved = conversation("c1", name="Ann", stage="new", expected_close="2026-07-25")
    followed = run(
        database,
        [("save", [edited]), ("pass", 30), ("save", [moved]), ("pass", 200), ("read", (5, 1, 1))],
        [due],
    )
    overdue = Reader(followed, became=("overdue",), position=FeedPosition(0, 0, 2**40))
    overdue.read(10, 10)
    assert [c.at.isoformat() for c in overdue.reported] == [
        "2026-07-21T00:00:00+00:00",
        "2026-07-26T00:00:00+00:00",
    ]
    assert [what_became(c) for c in overdue.reported] == [["overdue"], ["overdue"]]


def test_a_cursor_of_changes_that_were_dropped_goes_on_and_says_so(database: Database) -> None:
    """Promised by docs/contract.md, "`list_changes`": `truncated`, without an error.

    Holds docs/contract.md #truncated.
    """
    followed = FollowedList(AgentStore(database))
    agent, writer = followed.agent_store.agent, followed.agent_store.writer
    followed.save([conversation("c1", name="Ann")])
    followed.agent_store.rebuild_leads()
    writer.update_coverage(agent, full_sync_at=followed.now, as_of=followed.now)
    reader = Reader(followed)
    reader.read(1, 1)
    followed.now += timedelta(hours=1)
    followed.save([conversation("c1", name="Ann", stage="new")])
    followed.now += LONG_PAST
    followed.save([conversation("c2", name="Bob")])
    followed.agent_store.rebuild_leads()
    writer.prune(now=followed.now)
    while reader.read(5, 5):
        pass
    assert reader.truncated
    assert [(c.kind, c.conversation.id) for c in reader.reported] == [("created", "c2")]
    page = followed.agent_store.change_feed.read(
        [agent], None, since=NOW, now=followed.now, limit=5, kinds=KINDS
    )
    assert page.truncated
    assert page.known_since == followed.now - timedelta(days=7)


def test_a_change_waits_until_its_lead_is_rebuilt(database: Database) -> None:
    """Promised by docs/contract.md, "`list_changes`": `became` hot is a fact about the lead.

    Holds docs/contract.md #became-hot.
    """
    followed = FollowedList(AgentStore(database))
    agent = followed.agent_store.agent
    followed.save([conversation("c1", name="Ann", score=10.0)])
    followed.agent_store.rebuild_leads()
    followed.agent_store.writer.update_coverage(
        agent, full_sync_at=followed.now, as_of=followed.now
    )
    hot, everything = Reader(followed, became=("hot",)), Reader(followed)
    for reader in (hot, everything):
        reader.read(1, 1)
    followed.save([conversation("c1", name="Ann", score=80.0)])
    followed.now += timedelta(seconds=1)
    followed.save([conversation("c1", name="Ann", score=80.0, stage="new")])
    for reader in (hot, everything):
        reader.read(5, 5)
        assert reader.reported == []
    followed.agent_store.rebuild_leads()
    for reader in (hot, everything):
        while reader.read(5, 5):
            pass
    # Both changes came before the lead was computed: it became hot by the last of them.
    assert [c.conversation.stage for c in hot.reported] == ["new"]
    assert [what_became(c) for c in everything.reported] == [[], ["hot"]]


def test_a_moment_of_a_version_that_is_committed_late_is_not_lost(database: Database) -> None:
    """Promised by docs/architecture.md, "The feed of changes": a position has two parts."""
    followed = FollowedList(AgentStore(database))
    agent, writer = followed.agent_store.agent, followed.agent_store.writer
    followed.save([conversation("c1", name="Ann")])
    followed.agent_store.rebuild_leads()
    writer.update_coverage(agent, full_sync_at=followed.now, as_of=followed.now)
    followed.now += timedelta(hours=5)
    reader = Reader(followed, became=("overdue",))
    reader.read(1, 1)
    late = conversation("c2", name="Bob", stage="new", expected_close="2026-07-19")
    page = Page(followed.agent_store.of_agent([late]))
    writer.save(agent, page, read_at=NOW + timedelta(hours=1))
    followed.agent_store.rebuild_leads()
    for _ in range(3):
        reader.read(5, 5)
    assert [(c.kind, c.at.isoformat()) for c in reader.reported] == [
        ("updated", "2026-07-20T00:00:00+00:00")
    ]
