"""`list_changes`: what happened since last time, once and in order."""

from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected

NOW: Any = {"incremental_sync_seconds": 0}
"""Each call reads the front of the list again."""


async def first_cursor(tool_client: ToolClient) -> str:
    """A cursor at the end, after everything has been read."""
    answer = await tool_client.ask("list_changes")
    assert answer["changes"] == []
    assert not answer["has_more"]
    cursor: str = answer["next_cursor"]
    return cursor


@pytest.mark.parametrize("dialect", ["cursor", "page"])
async def test_new_and_changed_conversations_are_reported_once_in_order(dialect: Any) -> None:
    """Promised by docs/contract.md, "Tools": `list_changes`.

    Holds docs/contract.md #changes-result #change-fields.
    """
    sandbox = Sandbox(size=120, dialect=dialect)
    some = [row["ID"] for row in sandbox.rows()][40]
    async with connected(sandbox, **NOW) as tool_client:
        cursor = await first_cursor(tool_client)
        sandbox.insert(ID="new-1", userName="Ada", stage="new")
        first = await tool_client.ask("list_changes", cursor=cursor)
        sandbox.touch(some, stage="won", notes="signed")
        second = await tool_client.ask("list_changes", cursor=first["next_cursor"])
        third = await tool_client.ask("list_changes", cursor=second["next_cursor"])
        again = await tool_client.ask("list_changes", cursor=cursor)

    (created,), (updated,) = first["changes"], second["changes"]
    assert (created["kind"], created["id"], created["name"]) == ("created", "new-1", "Ada")
    assert "changed" not in created
    assert (updated["kind"], updated["id"]) == ("updated", some)
    assert updated["changed"]["stage"][1] == "won"
    assert updated["changed"]["notes"][1] == "signed"
    assert "last_activity" in updated["changed"]
    assert third["changes"] == []
    assert [change["id"] for change in again["changes"]] == ["new-1", some]


async def test_the_first_full_sync_is_the_baseline_and_no_change() -> None:
    """Promised by docs/contract.md, "Tools": the baseline.

    Holds docs/contract.md #changes-start #baseline #known-since.
    """
    async with connected(Sandbox(size=60)) as tool_client:
        assert (await tool_client.ask("list_changes", since="7d"))["changes"] == []


async def test_paging_and_kinds_of_changes_lose_nothing() -> None:
    """Promised by docs/contract.md, "Tools": at least once, in order, to every cursor.

    Holds docs/contract.md #changes-arguments.
    """
    sandbox = Sandbox(size=40)
    ids = [row["ID"] for row in sandbox.rows()]
    async with connected(sandbox, **NOW) as tool_client:
        cursor = await first_cursor(tool_client)
        for number in range(5):
            sandbox.insert(ID=f"new-{number}")
        for id_ in ids[:5]:
            sandbox.touch(id_, stage="lost")
        everything = await tool_client.ask("list_changes", cursor=cursor)
        seen = []
        page = await tool_client.ask("list_changes", cursor=cursor, limit=3)
        while True:
            seen += page["changes"]
            if not page["has_more"]:
                break
            page = await tool_client.ask("list_changes", cursor=page["next_cursor"], limit=3)
        created = await tool_client.ask("list_changes", cursor=cursor, kind="created")
        updated = await tool_client.ask("list_changes", cursor=cursor, kind=["updated"])
        removed = await tool_client.ask("list_changes", cursor=cursor, kind=["removed"])

    assert seen == everything["changes"]
    assert len(seen) == 10
    assert {change["id"] for change in created["changes"]} == {f"new-{n}" for n in range(5)}
    assert {change["id"] for change in updated["changes"]} == set(ids[:5])
    assert removed["changes"] == []


async def test_a_deletion_found_by_a_full_sync_is_reported_as_removed() -> None:
    """Promised by docs/architecture.md, "The mirror": a full sync finds deletions."""
    sandbox = Sandbox(size=60)
    gone = next(row for row in sandbox.rows() if row.get("userName"))
    async with connected(sandbox, **NOW) as tool_client:
        cursor = await first_cursor(tool_client)
        sandbox.delete(gone["ID"])
        backend = await tool_client.app.backend()
        await backend.syncs.sync(sandbox.agent_id)
        answer = await tool_client.ask("list_changes", cursor=cursor)

    (change,) = answer["changes"]
    assert (change["kind"], change["id"]) == ("removed", gone["ID"])


async def test_a_cursor_of_another_tool_or_a_damaged_one_is_refused() -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #changes-cursor.
    """
    async with connected(Sandbox(size=60)) as tool_client:
        other = (await tool_client.ask("list_conversations", limit=1))["next_cursor"]
        for cursor in (other, "nonsense", other[:-3]):
            error = await tool_client.refused("list_changes", cursor=cursor)
            assert error["code"] == "invalid_argument"
            assert "cursor" in error["message"]
