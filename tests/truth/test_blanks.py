"""Values that differ only in blanks are one value, as they are to people; counts are whole."""

from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.details.details_harness import full_rows
from tests.tool_client import connected

SPELLINGS = ("Acme Inc", "Acme  Inc", " acme\tinc ", "ACME\u00a0Inc", "Ácme   İnc")
FIELDS = {
    "userCompany": "company", "stage": "stage", "origin": "channel", "userName": "name",
    "source": "source", "state": "state", "campaignId": "campaign",
}  # fmt: skip


def sandbox_of(values: tuple[Any, ...], name: str) -> Sandbox:
    rows = [
        row | ({} if value is None else {name: value})
        for row, value in zip(full_rows(len(values)), values, strict=True)
    ]
    sandbox = Sandbox(size=0)
    sandbox.replace(list(rows))
    return sandbox


@pytest.mark.parametrize("name", FIELDS)
async def test_values_that_differ_only_in_blanks_are_one(name: str) -> None:
    """Ours: nobody sees how many blanks stand between two words.

    Holds docs/contract.md #where.
    """
    field = FIELDS[name]
    async with connected(sandbox_of((*SPELLINGS, "AcmeInc"), name)) as client:
        for spelling in ("acme inc", "Acme   Inc"):
            found = await client.ask("list_conversations", where=[f"{field}={spelling}"])
            assert found["total"] == len(SPELLINGS)
        if field in {"stage", "state", "channel"}:
            found = await client.ask("list_conversations", **{field: ["acme  inc"]})
            assert found["total"] == len(SPELLINGS)
        stats = await client.ask("conversation_stats", group_by=[field])
        assert [group["conversations"] for group in stats["groups"]] == [len(SPELLINGS), 1]
        if field in {"stage", "channel"}:
            hot = await client.ask("summarize_hot_leads")
            assert hot["hot"] == 0


async def test_a_list_with_further_blanks_is_one_item() -> None:
    """Ours: as a text."""
    tags = tuple([spelling] for spelling in SPELLINGS)
    async with connected(sandbox_of(tags, "tags")) as client:
        assert (await client.ask("list_conversations", where=["tags=acme inc"]))["total"] == 5
        assert (await client.ask("list_conversations", tag=["acme inc"]))["total"] == 5
        stats = await client.ask("conversation_stats", group_by=["tag"])
        assert [group["conversations"] for group in stats["groups"]] == [5]


COUNTS = (3, 3.0, "3", "3.0", 2.5, "2.5", "1.000", "1,000", None)
"""Of these, the first four are three, the next four can't be read, and the last says nothing."""


async def test_a_count_that_is_not_whole_is_left_out_and_counted() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": other coercions are lossless."""
    async with connected(sandbox_of(COUNTS, "interactionsNum")) as client:
        answer = await client.ask("list_conversations")
        assert "4 fields of 4 conversations could not be read" in str(answer["freshness"]["notes"])
        assert answer["freshness"]["complete"] is False
    async with connected(sandbox_of(COUNTS, "messagesNum")) as client:
        answer = await client.ask("list_conversations", fields=["messages"], sort="newest")
        shown = [row.get("messages") for row in answer["conversations"]]
        assert shown == [3, 3, 3, 3, None, None, None, None, 3]  # the harness gives the last one 3
