"""What a change of `list_changes` says: when, which fields, and what somebody became."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.tool_client import Answer, ToolClient, connected, text_of

NOW: Any = {"incremental_sync_seconds": 0}
"""Each call reads the front of the list again."""
ADA: dict[str, Any] = {
    "ID": "ada", "userName": "Ada", "stage": "negotiation", "tags": ["vip", "trade-fair"],
    "leadScore": 40, "funnelLastEvaluated": 1_700_000_000, "state": "ai-chatting",
}  # fmt: skip


async def first_cursor(client: ToolClient, **arguments: Any) -> str:
    """A cursor at the end."""
    cursor: str = (await client.ask("list_changes", **arguments))["next_cursor"]
    return cursor


@pytest.mark.parametrize(
    ("edit", "became"),
    [
        ({"leadScore": 90}, ["hot"]),
        ({"state": "requested_chat"}, ["waiting"]),
        ({"stage": "Won"}, ["won"]),
        ({"stage": "lost"}, ["lost"]),
        ({"assignedTo": {"userId": "u1", "name": "Lina"}}, ["assigned"]),
        ({"expectedCloseDate": "2020-01-01"}, ["overdue"]),
        ({"lastMessage": "Hello?"}, None),
    ],
)
async def test_a_change_says_what_somebody_became(edit: Any, became: list[str] | None) -> None:
    """Promised by docs/contract.md, "`list_changes`": `became`.

    Holds docs/contract.md #became.
    """
    sandbox = Sandbox(size=30)
    sandbox.insert(**ADA)
    async with connected(sandbox, **NOW) as client:
        cursor = await first_cursor(client)
        sandbox.touch("ada", **edit)
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
        asked = ["hot", "waiting", "won", "lost", "assigned", "overdue"]
        found = await client.ask("list_changes", cursor=cursor, became=asked)
        others = [name for name in asked if name not in (became or [])]
        without = await client.ask("list_changes", cursor=cursor, became=others)
        sandbox.touch("ada", lastMessage="And again.")
        again = await client.ask("list_changes", cursor=found["next_cursor"], became=asked)

    assert change.get("became") == became
    assert found["changes"] == ([change] if became else [])
    assert without["changes"] == []
    assert again["changes"] == []


async def test_a_new_conversation_that_is_won_already_became_won() -> None:
    """Promised by docs/contract.md, "`list_changes`": `became` compares with what was before.

    Holds docs/contract.md #became-new.
    """
    sandbox = Sandbox(size=30)
    async with connected(sandbox, **NOW) as client:
        cursor = await first_cursor(client)
        sandbox.insert(**ADA | {"stage": "won", "state": "requested_chat"})
        (change,) = (await client.ask("list_changes", cursor=cursor, became="won"))["changes"]
    assert change["kind"] == "created"
    assert change["became"] == ["waiting", "won"]
    assert change["hot"] is False


async def test_only_updates_of_the_named_fields_are_listed_with_these_fields_alone() -> None:
    """Promised by docs/contract.md, "`list_changes`": `changed`, and lists by what moved.

    Holds docs/contract.md #changed #following-fields.
    """
    sandbox = Sandbox(size=30)
    sandbox.insert(**ADA)
    async with connected(sandbox, **NOW) as client:
        cursor = await first_cursor(client)
        sandbox.touch("ada", stage="won", tags=["trade-fair", "renewal"])
        sandbox.insert(ID="bob", userName="Bob", stage="new", tags=["vip"])
        tags = await client.ask("list_changes", cursor=cursor, changed="tags")
        stage = await client.ask("list_changes", cursor=cursor, changed=["stage", "notes"])
        nothing = await client.ask("list_changes", cursor=cursor, changed="company")
        everything = await client.ask("list_changes", cursor=cursor)

    (change,) = tags["changes"]
    assert change["changed"] == {"tags": {"added": ["renewal"], "removed": ["vip"]}}
    (change,) = stage["changes"]
    assert change["changed"] == {"stage": ["negotiation", "won"]}
    assert nothing["changes"] == []
    assert not nothing["has_more"]
    assert len(everything["changes"]) == 2
    updated = next(c for c in everything["changes"] if c["id"] == "ada")
    assert updated["changed"].keys() - {"last_activity"} == {"stage", "tags", "messages"}


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"changed": "stagee"}, "stagee"),
        ({"changed": "lead_id"}, "lead_id"),
        ({"changed": "channels"}, "channels"),
        ({"became": "cold"}, "became"),
        ({"kind": "moved"}, "kind"),
    ],
)
async def test_what_does_not_exist_is_refused_by_name(arguments: Answer, name: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #changes-arguments.
    """
    async with connected(Sandbox(size=20)) as client:
        error = await client.refused("list_changes", **arguments)
    assert error["code"] == "invalid_argument"
    assert name in error["message"]


async def test_a_server_that_was_off_tells_when_things_happened() -> None:
    """Promised by docs/contract.md, "`list_changes`": `at` and `seen` differ.

    Holds docs/contract.md #changes-since.
    """
    sandbox = Sandbox(size=30)
    sandbox.insert(**ADA)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with connected(sandbox, **NOW) as client:
        cursor = await first_cursor(client)
        sandbox.insert(ID="bob", userName="Bob", ts=int(yesterday.timestamp()))
        sandbox.edit("ada", stage="won")
        answer = await client.ask("list_changes", cursor=cursor)
        recent = await client.ask("list_changes", since="1h")
        long = await client.ask("list_changes", since="3d")

    by_id = {change["id"]: change for change in answer["changes"]}
    assert by_id["bob"]["at"] == f"{yesterday:%Y-%m-%dT%H:%M:%SZ}" < by_id["bob"]["seen"]
    assert by_id["ada"]["at"] == by_id["ada"]["seen"]
    assert [change["id"] for change in recent["changes"]] == ["ada"]
    assert {change["id"] for change in long["changes"]} == {"ada", "bob"}
    assert answer["known_since"] <= by_id["ada"]["seen"]
    assert answer["truncated"] is False
    assert answer["next_poll_seconds"] == 1


async def test_an_event_keeps_its_id_after_a_restart_and_between_replicas(tmp_path: Path) -> None:
    """Promised by docs/contract.md, "`list_changes`": `event_id` is the key to deduplicate by.

    Holds docs/contract.md #event-id.
    """
    sandbox = Sandbox(size=30)
    sandbox.insert(**ADA)
    with serving(sandbox) as base_url:
        same: dict[str, Any] = {"store": str(tmp_path / "mirror.sqlite3"), "base_url": base_url}
        async with connected(sandbox, **same, **NOW) as client:
            cursor = await first_cursor(client)
            for stage in ("won", "negotiation", "won"):
                sandbox.edit("ada", stage=stage)
                first = await client.ask("list_changes", cursor=cursor)
            async with connected(sandbox, **same, **NOW) as replica:
                second = await replica.ask("list_changes", cursor=cursor)
        async with connected(sandbox, **same, **NOW) as restarted:
            third = await restarted.ask("list_changes", cursor=cursor)

    ids = [change["event_id"] for change in first["changes"]]
    assert len(set(ids)) == 3
    for answer in (second, third):
        assert [change["event_id"] for change in answer["changes"]] == ids


async def pages(client: ToolClient, cursor: str, **arguments: Any) -> list[str]:
    """The IDs of all changes behind a cursor, page by page."""
    seen: list[str] = []
    more = True
    while more:
        result = await client.call("list_changes", cursor=cursor, limit=200, **arguments)
        answer = result.structured_content or {}
        assert len(text_of(result)) <= 30_000
        seen += [change["id"] for change in answer["changes"]]
        cursor, more = answer["next_cursor"], answer["has_more"]
    return seen


async def test_pages_that_are_cut_for_their_length_lose_nothing() -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters.

    Holds docs/contract.md #left-out.
    """
    sandbox = Sandbox(size=0)
    for number in range(60):
        sandbox.insert(ID=f"c{number}", userName=f"Visitor {number}", summary="old " * 150)
    async with connected(sandbox, **NOW) as client:
        cursor = await first_cursor(client)
        for number in range(60):
            sandbox.touch(f"c{number}", summary="new " * 150, somethingNew=["x" * 290] * 60)
        seen = await pages(client, cursor)
        filtered = await pages(client, cursor, changed="messages")

    assert sorted(seen) == sorted(f"c{number}" for number in range(60))
    assert filtered == seen


async def test_all_agents_are_followed_with_one_cursor() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `all` asks all of them at once.

    Holds docs/contract.md #changes-cursor.
    """
    sandbox = Sandbox(size=30)
    async with connected(sandbox, agent_id=f"{sandbox.agent_id},another", **NOW) as client:
        cursor = await first_cursor(client, agent_id="all")
        sandbox.insert(**ADA)
        answer = await client.ask("list_changes", cursor=cursor, agent_id="all")
        other = await client.refused("list_changes", cursor=cursor, agent_id=sandbox.agent_id)

    (change,) = answer["changes"]
    assert change["agent_id"] == sandbox.agent_id
    assert not answer["freshness"]["complete"]
    assert any("another" in note for note in answer["freshness"]["notes"])
    assert "another question" in other["message"]
