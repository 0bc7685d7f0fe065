"""A lead that becomes hot because of a change of a conversation that is in it no more."""

from collections.abc import Callable
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.changes.following import sync_everything
from tests.tool_client import Answer, ToolClient, connected

SCORED: dict[str, Any] = {"leadScore": 90, "funnelLastEvaluated": 1_700_000_000}
HOT: dict[str, Any] = {
    "userName": "Ada", "userEmail": "ada@acme.example", "stage": "new", **SCORED,
    "ts": 1_750_000_000,
}  # fmt: skip
LOST: dict[str, Any] = {"userEmail": "ada@acme.example", "stage": "lost"}


async def told_of(
    change: Callable[[Sandbox], object], *rows: dict[str, Any]
) -> tuple[list[Answer], list[Answer], set[str]]:
    """All changes, those that made somebody hot, and the leads that became hot."""
    sandbox = Sandbox(size=30)
    for row in rows:
        sandbox.insert(**row)
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        before = await hot_leads(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        change(sandbox)
        await sync_everything(client, sandbox.agent_id)
        changes = (await client.ask("list_changes", cursor=cursor))["changes"]
        hot = (await client.ask("list_changes", cursor=cursor, became="hot"))["changes"]
        return changes, hot, await hot_leads(client) - before


async def hot_leads(client: ToolClient) -> set[str]:
    answer = await client.ask("list_leads", where=["hot=true"], limit=100, fields=["name"])
    return {row["lead_id"] for row in answer["leads"]}


async def test_a_removed_conversation_makes_its_lead_hot() -> None:
    """Promised by docs/contract.md, "`list_changes`": `became` is about the lead.

    Holds docs/contract.md #became.
    """
    changes, hot, found = await told_of(
        lambda sandbox: sandbox.delete("late"), {"ID": "early", **HOT}, {"ID": "late", **LOST}
    )
    assert [(c["kind"], c["id"], c["hot"], c["became"]) for c in changes] == [
        ("removed", "late", True, ["hot"])
    ]
    assert hot == changes
    assert found == {changes[0]["lead_id"]}


@pytest.mark.parametrize("edit", [{"userEmail": "bo@acme.example"}, {"isTest": True}])
async def test_a_conversation_that_goes_to_another_lead_makes_the_lead_that_it_left_hot(
    edit: dict[str, Any],
) -> None:
    """Promised by docs/contract.md, "`list_changes`": the row names the lead that became hot.

    Holds docs/contract.md #became-hot-elsewhere.
    """
    changes, hot, found = await told_of(
        lambda sandbox: sandbox.edit("late", **edit), {"ID": "early", **HOT}, {"ID": "late", **LOST}
    )
    (change,) = changes
    assert (change["id"], change["became"]) == ("late", ["hot"])
    assert hot == changes
    assert found == {"early"} == set(change["hot_lead_ids"])
    assert not change.get("hot")


async def test_people_who_are_told_apart_by_a_change_become_hot() -> None:
    """Ours: a conversation that no longer joins two others leaves one of them with a new lead."""
    rows = [
        {"ID": "ada", "userName": "Ada", "userEmail": "ada@acme.example", "stage": "new", **SCORED,
         "ts": 1_750_000_000},
        {"ID": "link", "userEmail": "ada@acme.example", "userPhone": "+49 30 1234567"},
        {"ID": "bo", "userName": "Bo", "userPhone": "+49 30 1234567", "stage": "lost"},
    ]  # fmt: skip
    changes, hot, found = await told_of(lambda sandbox: sandbox.delete("link"), *rows)
    assert hot == changes
    (change,) = hot
    own = {change["lead_id"]} if change["hot"] else set()
    assert len(found) == 1
    assert own | set(change.get("hot_lead_ids", ())) == found


async def test_a_lead_that_was_hot_already_does_not_become_hot_when_one_leaves() -> None:
    """Promised by docs/contract.md, "`list_changes`": `became` is what was not so before."""
    changes, hot, found = await told_of(
        lambda sandbox: sandbox.edit("late", userEmail="bo@acme.example"),
        {"ID": "early", **HOT}, {"ID": "late", **LOST, "stage": "new"},
    )  # fmt: skip
    assert len(changes) == 1
    assert hot == []
    assert found == set()
    assert "hot_lead_ids" not in changes[0]


ONE: dict[str, Any] = {"ID": "one", "contactIdentityId": "id-1", "userPhone": "+49 30 1234567"}
TWO: dict[str, Any] = {"ID": "two", "contactIdentityId": "id-2", "userPhone": "+49 30 1234567"}
SHARING: dict[str, Any] = {"ID": "ada", **HOT, "userPhone": "+49 30 1234567"}


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_conversation_by_which_a_number_is_shared_makes_who_is_told_apart_hot(
    arrives: bool,
) -> None:
    """Ours: a second identity with the same number leaves the first one without her.

    Holds docs/contract.md #became-hot-elsewhere.
    """
    cold = {**ONE, "hotLabel": "cold", "stage": "new"}
    hot_already = {**TWO, "userPhone": "+49 30 7654321", "hotLabel": "hot", "stage": "new"}
    rows = [cold, SHARING] if arrives else [cold, SHARING, hot_already]

    def change(sandbox: Sandbox) -> None:
        if arrives:
            sandbox.insert(**TWO)
        else:
            sandbox.edit("two", userPhone=TWO["userPhone"])

    changes, hot, found = await told_of(change, *rows)
    assert [c["id"] for c in changes] == ["two"]
    assert hot == changes
    assert found == {"ada"} == set(changes[0]["hot_lead_ids"])


async def test_a_number_that_is_shared_no_more_makes_the_lead_that_somebody_joins_hot() -> None:
    """Ours: without a second identity, the first one has her back.

    Holds docs/contract.md #became-hot-elsewhere.
    """
    quiet = {**SHARING, "leadScore": 10, "hotLabel": "hot", "stage": "lost", "ts": 1_740_000_000}
    one = {**ONE, "stage": "new"}
    changes, hot, found = await told_of(
        lambda sandbox: sandbox.edit("two", userPhone="+49 30 7654321"), one, quiet, TWO
    )
    assert [c["id"] for c in changes] == ["two"]
    assert hot == changes
    assert found == {"id-1"} == set(changes[0]["hot_lead_ids"])
