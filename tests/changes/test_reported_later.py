"""A client that asks later gets the same changes as one that asked at once."""

from random import Random
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected

SCORED = {"funnelLastEvaluated": 1_700_000_000}
VALUES: dict[str, tuple[Any, ...]] = {
    "contactIdentityId": (None, None, "i1", "i2"),
    "userEmail": (None, "ann@x.example", "bob@x.example", "bob@x.example"),
    "leadScore": (20, 80, 95),
    "stage": ("new", "won"),
    "isTest": (None, None, True),
}


async def first_cursor(client: ToolClient) -> str:
    """A cursor at the end, once the whole list was read."""
    await client.until_complete()
    cursor: str = (await client.ask("list_changes"))["next_cursor"]
    return cursor


async def changes(client: ToolClient, cursor: str, **arguments: Any) -> tuple[list[Answer], str]:
    """All changes behind a cursor, and the cursor to go on from."""
    reported: list[Answer] = []
    while True:
        answer = await client.ask("list_changes", cursor=cursor, **arguments)
        reported, cursor = reported + answer["changes"], answer["next_cursor"]
        if not answer["has_more"]:
            return reported, cursor


async def read_list(client: ToolClient, sandbox: Sandbox) -> None:
    backend = await client.app.backend()
    await backend.syncs.sync(sandbox.agent_id)


@pytest.mark.parametrize("by", ["a new conversation", "an edit"])
async def test_a_lead_that_was_hot_before_it_was_merged_became_hot(by: str) -> None:
    """Promised by docs/contract.md, "`list_changes`": every change is delivered to every cursor.

    Holds docs/contract.md #every-change #became-hot.
    """
    sandbox = Sandbox(size=0)
    sandbox.insert(ID="ann", userName="Ann", userEmail="a@x.example", leadScore=40, **SCORED)
    sandbox.insert(ID="bob", userName="Bob", leadScore=10, **SCORED)
    merging = {"userEmail": "a@x.example", "contactIdentityId": "i2"}
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        cursor = await first_cursor(client)
        sandbox.edit("ann", leadScore=90)
        await read_list(client, sandbox)
        (at_once,), _ = await changes(client, cursor, became="hot")
        if by == "an edit":
            sandbox.edit("bob", **merging)
        else:
            sandbox.insert(ID="new", userName="Ann", **merging)
        await read_list(client, sandbox)
        (later, *_), _ = await changes(client, cursor, became="hot")
    assert later == at_once
    assert (later["lead_id"], later["hot"], later["became"]) == ("ann", True, ["hot"])


async def test_a_change_of_a_lead_ends_where_a_new_conversation_of_it_began() -> None:
    """Promised by docs/contract.md, "`list_changes`": one change made the lead hot.

    Holds docs/contract.md #became-hot.
    """
    sandbox = Sandbox(size=0)
    sandbox.insert(ID="ann", userName="Ann", userEmail="a@x.example", leadScore=40, **SCORED)
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        cursor = await first_cursor(client)
        sandbox.edit("ann", leadScore=90)
        await read_list(client, sandbox)
        # Its score is newer, so the lead is no longer hot. Both then move to another lead.
        sandbox.insert(ID="again", userEmail="a@x.example", leadScore=10, **SCORED)
        await read_list(client, sandbox)
        at_once, _ = await changes(client, cursor)
        sandbox.insert(ID="new", userEmail="a@x.example", contactIdentityId="i2")
        await read_list(client, sandbox)
        later, _ = await changes(client, cursor)
    assert later[:2] == at_once
    assert [change["hot"] for change in at_once] == [True, False]


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_reported_later_is_what_was_reported_at_once(seed: int) -> None:
    """Promised by docs/contract.md, "`list_changes`": also while people merge and part again.

    Holds docs/contract.md #every-change.
    """
    random, sandbox = Random(seed), Sandbox(size=0)
    for number in range(6):
        sandbox.insert(ID=f"c{number}", userName="Ann", leadScore=20, **SCORED)
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        cursor = start = await first_cursor(client)
        at_once: list[Answer] = []
        for _ in range(8):
            for _ in range(random.randint(1, 3)):
                names = random.sample(sorted(VALUES), random.randint(1, 2))
                fields = {name: random.choice(VALUES[name]) for name in names}
                act = random.choice([sandbox.edit, sandbox.touch])
                act(f"c{random.randrange(6)}", **fields)
            await read_list(client, sandbox)
            reported, cursor = await changes(client, cursor)
            at_once += reported
        later, _ = await changes(client, start)
    assert later == at_once
