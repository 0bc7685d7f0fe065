"""Rows that stand where their time does not belong hide no news from an incremental sync."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.list_order import EVIDENCE
from tests.api.api_client import utc_now
from tests.property_tests import examples

from .sync_harness import DirectSyncs, mirror_rows, open_mirror, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
AGENT_NUMBERS = itertools.count()
DAY = 86_400
START = int(utc_now().timestamp()) - 2 * DAY
"""When the newest ordinary conversation was active."""
ANY_NUMBER = ("future", "old", "old in milliseconds", "missing")
"""Kinds of misplaced rows of which there may be any number."""
NEWEST = ("newest in milliseconds", "equal to the newest")
"""Kinds that no time tells from ordinary rows; fewer than `EVIDENCE` of them may stand together."""


@dataclass
class UnorderedList:
    """A list with rows that stand in front for good; what is new arrives behind them."""

    front: list[dict[str, Any]] = field(default_factory=list)
    ordinary: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def row(self, at: float | None) -> dict[str, Any]:
        number = next(self.numbers)
        times = {} if at is None else {"ts": at, "lastMessageTS": at}
        return {"ID": f"c{number:05d}", "origin": "web-chat", "messagesNum": 1, **times}

    def misplaced(self, kind: str) -> dict[str, Any]:
        number = len(self.front)
        at = {
            "future": START + 30 * DAY - number,
            "old": START - 400 * DAY - number,
            "old in milliseconds": (START - 40 * DAY - number) * 1000,
            "missing": None,
            "newest in milliseconds": (START - number) * 1000 + 1,
            "equal to the newest": START,
        }[kind]
        return self.row(at)

    def arrive(self, count: int, at: int) -> None:
        for second in range(count):
            self.ordinary.insert(0, self.row(at + second))

    def touch(self, position: float, at: int) -> None:
        if self.ordinary:
            row = self.ordinary.pop(int(position * len(self.ordinary)))
            again = {"ts": at, "lastMessageTS": at, "messagesNum": row["messagesNum"] + 1}
            self.ordinary.insert(0, row | again)

    def touch_in_front(self, position: float) -> None:
        """A misplaced row gets a message and stays where it is."""
        if self.front:
            self.front[int(position * len(self.front))]["messagesNum"] += 1

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.front + self.ordinary

    @property
    def expected(self) -> set[tuple[str, int | None, int]]:
        return {(row["ID"], _milliseconds(row.get("ts")), row["messagesNum"]) for row in self.rows}


def _milliseconds(at: int | None) -> int | None:
    return at if at is None or at > 10**11 else at * 1000


kinds = st.lists(st.sampled_from(ANY_NUMBER), max_size=50)
newest = st.lists(st.sampled_from(NEWEST), max_size=EVIDENCE - 1)
steps = st.lists(st.sampled_from([0, 1, 60, 3600]), max_size=120)
scattered = st.lists(st.tuples(st.sampled_from(ANY_NUMBER), st.floats(0, 1)), max_size=5)
position = st.floats(0, 1, exclude_max=True)


@dataclass(frozen=True)
class Round:
    """What happens between two incremental syncs."""

    arrived: int = 0
    touched: tuple[float, ...] = ()
    touched_in_front: tuple[float, ...] = ()
    restart: bool = False


rounds = st.lists(
    st.builds(
        Round,
        arrived=st.integers(0, 45),
        touched=st.lists(position, max_size=30).map(tuple),
        touched_in_front=st.lists(position, max_size=3).map(tuple),
        restart=st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def mirror() -> Iterator[MirrorWriter]:
    mirror = open_mirror("memory")
    yield mirror
    mirror.close()


@asynccontextmanager
async def direct_syncs(sandbox: Sandbox, mirror: MirrorWriter) -> AsyncIterator[DirectSyncs]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.app),
        base_url="http://sandbox/v3",
        headers={"Authorization": f"Bearer {sandbox.key}"},
    ) as http:
        yield DirectSyncs(ConvocoreClient(http, now=utc_now), mirror, sandbox.agent_id)


async def follow(
    mirror: MirrorWriter, dialect: Dialect, listed: UnorderedList, happens: list[Round]
) -> None:
    """Run a full sync, then an incremental sync after each round, and compare each time."""
    agent_id = f"agent{next(AGENT_NUMBERS)}"
    sandbox = Sandbox(size=0, dialect=dialect, agent_id=agent_id, max_limit=20)
    sandbox.replace(listed.rows)

    def check() -> None:
        assert listed.expected <= {row[:3] for row in mirror_rows(mirror, agent_id)}
        assert mirror.coverage(agent_id).complete

    async with direct_syncs(sandbox, mirror) as syncs:
        await syncs.full_sync()
        check()
        for number, round_ in enumerate(happens, start=1):
            at = START + number * 3600
            for position in round_.touched:
                at += 1
                listed.touch(position, at)
            for position in round_.touched_in_front:
                listed.touch_in_front(position)
            listed.arrive(round_.arrived, at + 1)
            sandbox.replace(listed.rows)
            if round_.restart:
                async with direct_syncs(sandbox, mirror) as others:
                    await others.incremental_sync()
            else:
                await syncs.incremental_sync()
            check()


@BOTH_DIALECTS
@settings(
    max_examples=examples(17),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kinds=kinds, newest=newest, steps=steps, scattered=scattered, rounds=rounds)
@example(["future"], [], [60] * 100, [], [Round(30), Round(30)])
@example(["old in milliseconds"], [], [60] * 100, [], [Round(30), Round(1)])
@example(["old"] * 50, [], [60] * 100, [], [Round(30), Round(1, restart=True)])
@example([], ["newest in milliseconds"] * 20, [60] * 100, [], [Round(30), Round(1), Round(2)])
@example([], ["equal to the newest"] * 20, [0] * 100, [], [Round(30), Round(1)])
@example(["missing"] * 30, [], [60] * 15, [], [Round(30), Round(1)])
@example(["missing"] * 30 + ["future"] * 20, [], [60] * 100, [], [Round(30), Round(1)])
def test_misplaced_rows_hide_no_new_rows(
    mirror: MirrorWriter,
    dialect: Dialect,
    kinds: list[str],
    newest: list[str],
    steps: list[int],
    scattered: list[tuple[str, float]],
    rounds: list[Round],
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never passed off as complete."""
    listed = UnorderedList()
    for kind in (*newest, *kinds):
        listed.front.append(listed.misplaced(kind))
    for step in itertools.accumulate(steps):
        listed.ordinary.append(listed.row(START - step))
    for kind, position in scattered:
        listed.ordinary.insert(int(position * len(listed.ordinary)), listed.misplaced(kind))
    asyncio.run(follow(mirror, dialect, listed, rounds))


@BOTH_DIALECTS
def test_rows_from_amid_the_list_that_stand_in_front_hide_no_new_rows(
    mirror: MirrorWriter, dialect: Dialect
) -> None:
    """Ours: a row counts only if most of the newer ones were read before it.

    When these rows have been read, each belongs to the newest N rows, N being the number of rows
    read: so their time alone does not show that they are misplaced.
    """
    listed = UnorderedList(ordinary=[])
    listed.ordinary = [listed.row(START - 60 * n) for n in range(100)]
    listed.front = listed.ordinary[20:60]
    del listed.ordinary[20:60]
    asyncio.run(follow(mirror, dialect, listed, [Round(30), Round(1)]))


@pytest.mark.parametrize("arrived", [0, 1, 15, 19, 20, 25, 39, 40, 45])
async def test_the_order_of_a_list_costs_one_page_more_at_most(arrived: int) -> None:
    """Ours: one page more than the pages that hold the news, and the row that ends them."""
    sandbox = Sandbox(size=200)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        for _ in range(arrived):
            sandbox.insert()
        await harness.count_requests()
        harness.clock.advance(minutes=1)
        await harness.ensure_fresh()
        assert harness.mirror_rows == harness.upstream_rows
        pages = arrived // 20 + 1
        # The next page is requested already, and the front read again, for it could have moved.
        further = 2 if pages > 1 else 0
        assert await harness.count_requests() <= pages + further + 1


@BOTH_DIALECTS
async def test_misplaced_rows_do_not_end_the_first_answers_window(dialect: Dialect) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` needs the whole window."""
    listed = UnorderedList()
    for _ in range(40):
        listed.front.append(listed.misplaced("old"))
    for second in range(300):
        listed.ordinary.append(listed.row(START - 60 * second))
    sandbox = Sandbox(size=0, dialect=dialect, max_limit=20, latency=0.02)
    sandbox.replace(listed.rows)
    since = datetime.fromtimestamp(START - 30 * 60, UTC)
    async with running_harness(sandbox) as harness:
        freshness = await harness.ensure_fresh(since=since)
        held = {row.id for row in harness.mirror_rows}
        window = {row["ID"] for row in listed.ordinary if row["ts"] >= since.timestamp()}
        assert len(window) > 20
        assert window <= held or not freshness.complete
