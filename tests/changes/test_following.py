"""After both kinds of sync, the mirror equals Convocore and all changes are reported."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.sandbox import Dialect, Sandbox
from tests.property_tests import examples
from tests.tool_client import ToolClient, connected

from .following import (
    Action,
    UpstreamList,
    check_reported,
    following,
    records,
    sync_everything,
    upstream_records,
)

DIALECTS: tuple[Dialect, ...] = ("cursor", "page")
FRONT = {"cursor": 20, "page": 100}
"""Rows on the front page."""
NO_SYNC: Any = {"incremental_sync_seconds": 3600}
"""Only the syncs that the test runs itself."""
EXAMPLE_NUMBERS = itertools.count()
KINDS = ("insert", "touch", "touch", "edit", "edit", "delete")

action = st.tuples(st.sampled_from(KINDS), st.floats(0, 1, exclude_max=True), st.integers(0, 5))
round_ = st.tuples(st.lists(action, max_size=12), st.integers(1, 7))
"""What happens upstream, and how many changes are requested at a time."""


def random_actions(chance: random.Random, count: int) -> list[Action]:
    return [(chance.choice(KINDS), chance.random(), chance.randrange(6)) for _ in range(count)]


async def follow(
    tool_client: ToolClient,
    sandbox: Sandbox,
    rounds: list[tuple[list[Action], int]],
    *,
    one_page: int,
) -> None:
    """Follow the changes for some rounds, then read all of them again from the first cursor."""
    agent = sandbox.agent_id
    cursor = (await tool_client.ask("list_changes"))["next_cursor"]
    first, everything = cursor, []
    for actions, limit in rounds:
        upstream = UpstreamList(sandbox)
        before = upstream.rows()
        upstream.act(actions)
        await sync_everything(tool_client, agent)
        assert await records(tool_client, agent) == upstream_records(sandbox)
        reported, cursor = await following(tool_client, cursor, limit)
        check_reported(reported, before, upstream, one_page=one_page)
        everything += reported
        assert (await following(tool_client, cursor, limit))[0] == []
    again, _ = await following(tool_client, first, 7)
    assert [(c["id"], c["kind"]) for c in again] == [(c["id"], c["kind"]) for c in everything]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_after_both_syncs_the_mirror_is_equal_and_each_change_is_reported_once(
    dialect: Dialect,
) -> None:
    """Promised by docs/contract.md, "Tools": `list_changes`, after inserts, edits and deletions."""
    sandbox = Sandbox(size=150, dialect=dialect)
    chance = random.Random(11)
    rounds = [
        (random_actions(chance, count), limit)
        for count, limit in ((12, 1), (40, 7), (0, 3), (90, 4))
    ]
    async with connected(sandbox, **NO_SYNC) as tool_client:
        await follow(tool_client, sandbox, rounds, one_page=FRONT[dialect])


async def test_postgresql_reports_the_same(postgresql: Callable[[], str]) -> None:
    """Promised by docs/contract.md, "Tools": `list_changes`, in the other engine."""
    sandbox = Sandbox(size=150)
    chance = random.Random(5)
    rounds = [(random_actions(chance, count), limit) for count, limit in ((15, 2), (30, 5))]
    async with connected(sandbox, store=postgresql(), **NO_SYNC) as tool_client:
        await follow(tool_client, sandbox, rounds, one_page=FRONT["cursor"])


@contextmanager
def followed(sandbox: Sandbox) -> Iterator[tuple[BlockingPortal, ToolClient]]:
    """One client for all examples of a test: starting a server takes a while."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(connected(sandbox, **NO_SYNC)) as tool_client,
    ):
        yield portal, tool_client


@pytest.fixture(scope="module", params=DIALECTS)
def followers(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[BlockingPortal, ToolClient, Sandbox]]:
    sandbox = Sandbox(size=0, dialect=request.param, max_limit=20)
    with followed(sandbox) as (portal, tool_client):
        yield portal, tool_client, sandbox


@settings(max_examples=examples(6))
@given(size=st.integers(0, 70), rounds=st.lists(round_, max_size=4))
def test_whatever_happens_is_reported_once_and_in_order(
    followers: tuple[BlockingPortal, ToolClient, Sandbox],
    size: int,
    rounds: list[tuple[list[Action], int]],
) -> None:
    """Promised by docs/contract.md, "Tools": `list_changes`, for random changes to a new list.

    Holds docs/contract.md #every-change.
    """
    portal, tool_client, sandbox = followers

    async def example() -> None:
        # New IDs: an older copy of a conversation that is known would have to be confirmed first.
        name = f"example{next(EXAMPLE_NUMBERS)}"
        rows = [
            {"ID": f"{name}-{n}", "ts": 1_700_000_000 - n, "messagesNum": 1} for n in range(size)
        ]
        sandbox.replace(list(rows))
        for _ in range(3):  # the first ones do not believe that nearly everything is gone
            await sync_everything(tool_client, sandbox.agent_id)
        assert await records(tool_client, sandbox.agent_id) == upstream_records(sandbox)
        await follow(tool_client, sandbox, rounds, one_page=20)

    portal.call(example)
