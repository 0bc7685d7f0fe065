"""What `get_conversation` says of details that its conversation lacks."""

from collections.abc import Sequence
from typing import Any

import pytest

from convocore_mcp.models import Conversation
from convocore_mcp.sandbox import Sandbox
from tests.details.details_harness import NOW, notes
from tests.tool_client import Answer, ToolClient, connected

SLOW: dict[str, Any] = {"details": "all", "details_per_second": 0.01}
"""Nothing is read in the background while the test runs."""


async def ask(client: ToolClient, id_: str) -> Answer:
    return await client.ask("get_conversation", conversation=id_)


async def test_a_sparse_row_whose_details_are_not_read_by_the_settings_is_not_complete() -> None:
    """Promised by docs/contract.md, "Rules for every answer": never passed off as complete."""
    sparse = Sandbox(size=40, now=NOW, sparse=True)
    (id_,) = [row["ID"] for row in sparse.known_rows() if sparse.item(row["ID"])][:1]
    async with connected(sparse, details="off") as client:
        answer = await ask(client, id_)
    assert "state" not in answer["conversation"]
    assert not answer["freshness"]["complete"]
    assert "says too little of 1 conversation" in notes(answer)
    assert "CONVOCORE_DETAILS" in notes(answer)


async def test_a_full_row_is_complete_also_where_no_details_are_read() -> None:
    """Ours: the rows of a full list lack nothing."""
    sandbox = Sandbox(size=40, now=NOW)
    async with connected(sandbox, details="off") as client:
        rows = (await client.ask("list_conversations", limit=40))["conversations"]
        answers = [await ask(client, row["id"]) for row in rows]
    assert all(answer["freshness"]["complete"] for answer in answers)
    assert not any(notes(answer) for answer in answers)


async def test_details_that_convocore_does_not_give_are_told_of_this_conversation_alone() -> None:
    """Promised by docs/contract.md, "Rules for every answer": a note, and complete all the same."""
    sparse = Sandbox(size=40, now=NOW, sparse=True)
    broken, other = [row["ID"] for row in sparse.known_rows() if sparse.item(row["ID"])][-2:]
    async with connected(sparse, **SLOW) as client:
        await client.until_read()
        sparse.break_record(broken)
        refused, read = await ask(client, broken), await ask(client, other)
    assert refused["freshness"]["complete"]
    assert "does not give the details of 1 conversation" in notes(refused)
    assert read["freshness"]["complete"]
    assert notes(read) == ""


async def test_details_that_come_in_just_too_late_to_be_waited_for_are_shown_or_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours: a conversation without its details was called complete, as they were stored by then."""
    sparse = Sandbox(size=40, now=NOW, sparse=True)
    row = next(row for row in sparse.known_rows() if sparse.item(row["ID"]) and row.get("userName"))
    async with connected(sparse, **SLOW) as client:
        await client.until_read()
        details = (await client.app.backend()).details
        enrich = details.enrich

        async def too_late(conversations: Sequence[Conversation]) -> list[Conversation]:
            await enrich(conversations)
            return list(conversations)

        monkeypatch.setattr(details, "enrich", too_late)
        answer = await ask(client, row["ID"])
    assert answer["freshness"]["complete"]
    assert answer["conversation"]["name"] == row["userName"].strip()
