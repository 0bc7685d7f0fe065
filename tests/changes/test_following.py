"""After a tail and a sweep the mirror is what Convocore shows, and its changes have been told."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.sandbox import Dialect, Sandbox
from tests.tool_client import ToolClient, connected

from .following import Action, World, caught_up, check, following, records, shown

DIALECTS: tuple[Dialect, ...] = ("cursor", "page")
FRONT = {"cursor": 20, "page": 100}
"""Rows on the front page."""
STILL: Any = {"incremental_sync_seconds": 3600}
"""Nothing is read but what the test has read."""
KINDS = ("insert", "touch", "touch", "edit", "edit", "delete")

action = st.tuples(st.sampled_from(KINDS), st.floats(0, 1, exclude_max=True), st.integers(0, 5))
round_ = st.tuples(st.lists(action, max_size=12), st.integers(1, 7))
"""What happens upstream, and how many changes are asked for at a time."""


def some(chance: random.Random, count: int) -> list[Action]:
    return [(chance.choice(KINDS), chance.random(), chance.randrange(6)) for _ in range(count)]


async def follow(
    tool_client: ToolClient,
    sandbox: Sandbox,
    rounds: list[tuple[list[Action], int]],
    *,
    one_page: int,
) -> None:
    """Look on for some rounds; then hear it all once more from the first cursor."""
    agent = sandbox.agent_id
    cursor = (await tool_client.ask("list_changes"))["next_cursor"]
    first, everything = cursor, []
    for actions, limit in rounds:
        world = World(sandbox)
        before = world.rows()
        world.act(actions)
        await caught_up(tool_client, agent)
        assert await records(tool_client, agent) == shown(sandbox)
        told, cursor = await following(tool_client, cursor, limit)
        check(told, before, world, one_page=one_page)
        everything += told
        assert (await following(tool_client, cursor, limit))[0] == []
    again, _ = await following(tool_client, first, 7)
    assert [(c["id"], c["kind"]) for c in again] == [(c["id"], c["kind"]) for c in everything]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_tail_and_a_sweep_leave_the_mirror_equal_and_tell_each_change_once(
    dialect: Dialect,
) -> None:
    """Promised by the issue: inserts, touches, silent edits and deletions, then one of each."""
    sandbox = Sandbox(size=300, dialect=dialect)
    chance = random.Random(11)
    rounds = [(some(chance, count), limit) for count, limit in ((12, 1), (40, 7), (0, 3), (90, 4))]
    async with connected(sandbox, **STILL) as tool_client:
        await follow(tool_client, sandbox, rounds, one_page=FRONT[dialect])


async def test_postgresql_tells_the_same(postgresql: Callable[[], str]) -> None:
    """Promised by the issue, in the other engine."""
    sandbox = Sandbox(size=150)
    chance = random.Random(5)
    rounds = [(some(chance, count), limit) for count, limit in ((15, 2), (30, 5))]
    async with connected(sandbox, store=postgresql(), **STILL) as tool_client:
        await follow(tool_client, sandbox, rounds, one_page=FRONT["cursor"])


@contextmanager
def followed(sandbox: Sandbox) -> Iterator[tuple[BlockingPortal, ToolClient]]:
    """One client for all the examples of a test: starting a server takes its time."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(connected(sandbox, **STILL)) as tool_client,
    ):
        yield portal, tool_client


@pytest.fixture(scope="module", params=DIALECTS)
def followers(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[BlockingPortal, ToolClient, Sandbox]]:
    sandbox = Sandbox(size=0, dialect=request.param, max_limit=20)
    with followed(sandbox) as (portal, tool_client):
        yield portal, tool_client, sandbox


@settings(max_examples=40)
@given(size=st.integers(0, 70), rounds=st.lists(round_, max_size=4))
def test_whatever_happens_it_is_told_once_and_in_order(
    followers: tuple[BlockingPortal, ToolClient, Sandbox],
    size: int,
    rounds: list[tuple[list[Action], int]],
) -> None:
    """Promised by the issue, for any changes; each example begins with a list of its own."""
    portal, tool_client, sandbox = followers

    async def example() -> None:
        rows = [{"ID": f"c{n}", "ts": 1_700_000_000 - n, "messagesNum": 1} for n in range(size)]
        sandbox.replace(list(rows))
        await caught_up(tool_client, sandbox.agent_id)
        assert await records(tool_client, sandbox.agent_id) == shown(sandbox)
        await follow(tool_client, sandbox, rounds, one_page=20)

    portal.call(example)
