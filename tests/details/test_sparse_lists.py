"""Answers over a sparse list: incomplete before the details are in, and right afterwards."""

from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.write.erasing import Eraser
from tests.details.details_harness import (
    FAST,
    NOW,
    notes,
    requested_single_ids,
    until_details_are_in,
    without_freshness,
)
from tests.tool_client import Answer, ToolClient, connected

QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("conversation_stats", {"group_by": ["stage"]}),
    ("conversation_stats", {"group_by": ["assignee", "state"]}),
    ("summarize_hot_leads", {"explain": True}),
    ("list_conversations", {"attention": ["waiting_for_human"], "detail": "full", "limit": 50}),
    ("list_conversations", {"query": "price", "detail": "full", "limit": 50}),
    ("list_conversations", {"sort": "value", "limit": 30, "detail": "full"}),
    ("list_conversations", {"tag": ["vip"], "since": "2025-01-01"}),
]


async def answers(client: ToolClient) -> list[Answer]:
    return [await client.ask(tool, **arguments) for tool, arguments in QUESTIONS]


@pytest.mark.parametrize("dialect", ["cursor", "page"])
async def test_with_details_a_sparse_list_gives_the_answers_of_a_full_one(
    dialect: Dialect,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it isn't."""
    sparse = Sandbox(size=200, dialect=dialect, now=NOW, sparse=True)
    full = Sandbox(size=200, dialect=dialect, now=NOW)
    assert sparse.break_one_record()
    full._broken |= sparse._broken  # noqa: SLF001
    async with connected(sparse, **FAST) as client, connected(full, **FAST) as other:
        await until_details_are_in(other)
        before = await answers(client)
        assert not any(answer["freshness"]["complete"] for answer in before)
        assert all("details of " in notes(answer) for answer in before)
        assert all("conversations are not read yet" in notes(answer) for answer in before)
        await until_details_are_in(client)
        after = await answers(client)
        assert all(answer["freshness"]["complete"] for answer in after)
        assert without_freshness(after) == without_freshness(await answers(other))
    waiting = sum(row.get("state") == "requested_chat" for row in sparse.known_rows())
    assert after[3]["total"] == waiting > 0


async def test_what_every_row_of_the_list_has_needs_no_details() -> None:
    """Ours: a question about such fields alone is complete before the details are in."""
    listed = {"fields": ["channel", "messages", "last_activity"], "sort": "-messages"}
    async with connected(Sandbox(size=60, now=NOW, sparse=True), **FAST) as client:
        complete = await client.ask("list_conversations", where=["messages>1"], **listed)
        others = [
            await client.ask("list_conversations", **listed | asked)
            for asked in (
                {"where": ["state=requested_chat"]},
                {"query": "demo"},
                {"fields": ["channel", "name"]},
                {"sort": "waiting"},
            )
        ]
        brief = await client.ask("list_conversations")
    assert complete["freshness"]["complete"]
    assert not notes(complete)
    assert not any(answer["freshness"]["complete"] for answer in (*others, brief))


async def test_details_are_no_change_and_survive_later_rows_of_the_list() -> None:
    """Promised by docs/contract.md, "`list_changes`": details that are read later are no change.

    Holds docs/contract.md #details-no-change.
    """
    sandbox = Sandbox(size=60, now=NOW, sparse=True)
    id_ = next(row["ID"] for row in sandbox.known_rows() if row.get("userName"))
    name = (sandbox.item(id_) or {})["userName"]
    async with connected(sandbox, **FAST, incremental_sync_seconds=0) as client:
        cursor = (await client.ask("list_changes"))["next_cursor"]
        await until_details_are_in(client)
        assert (await client.ask("list_changes", cursor=cursor))["changes"] == []
        sandbox.touch(id_, tags=["from-the-list"])
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
        assert change["id"] == id_
        assert change["name"] == name.strip()
        assert change["changed"].keys() <= {"tags", "last_activity", "messages"}
        row = (await client.ask("list_conversations", tag=["from-the-list"]))["conversations"][0]
        assert row["name"]
        await until_details_are_in(client)
        assert requested_single_ids(sandbox).count(id_) == 2  # once for each version


async def test_every_page_of_a_list_is_of_the_same_moment_while_details_are_read() -> None:
    """Promised by docs/contract.md, "`list_conversations`": each match exactly once."""
    sandbox = Sandbox(size=120, now=NOW, sparse=True)
    async with connected(sandbox, **FAST) as client:
        first = await client.ask("list_conversations", sort="value", limit=40)
        await until_details_are_in(client)
        rows = first["conversations"]
        cursor = first.get("next_cursor")
        while cursor:
            page = await client.ask("list_conversations", sort="value", limit=40, cursor=cursor)
            rows += page["conversations"]
            cursor = page.get("next_cursor")
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids)) == first["total"]


async def test_details_do_not_bring_a_forgotten_person_back(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Erasing a person": a sparse row does not tell whose it is."""
    sandbox, theirs = Sandbox(size=0, sparse=True), {"userEmail": "jane@x.example", "state": "ai"}
    for number in range(3):
        sandbox.insert(ID=f"o{number}", userName=f"Other {number}", state="ai")
    sandbox.insert(ID="j1", userName="Quirinalia", **theirs)
    place: dict[str, Any] = {
        "store": str(tmp_path / "mirror.sqlite3"),
        "incremental_sync_seconds": 0,
    }
    async with connected(sandbox, **FAST, **place) as client:
        await until_details_are_in(client)
        assert (await client.ask("list_leads", query="Quirinalia"))["total"] == 1
        backend = await client.app.backend()
        Eraser(backend.syncs._parts.mirror.database).forget(sandbox.agent_id, ["j1"])  # type: ignore[attr-defined]  # noqa: SLF001
        sandbox.insert(ID="j2", userName="Quirinalia", **theirs)
        await client.ask("list_conversations")
        await until_details_are_in(client)
        for full in (False, True):
            assert (await client.ask("list_leads", query="Quirinalia"))["total"] == 0
            listed = await client.ask("list_conversations")
            assert {row["id"] for row in listed["conversations"]} == {"o0", "o1", "o2"}
            assert listed["freshness"]["complete"]
            assert (await client.ask("list_changes", since="1h"))["changes"] == []
            await backend.syncs.sync(sandbox.agent_id, full=full)
            await until_details_are_in(client)
        assert requested_single_ids(sandbox).count("j2") == 1
