"""Odd values in every field of the schema, as a model meets them: in the answers of every tool."""

import json
from contextlib import AsyncExitStack
from typing import NamedTuple
from urllib.parse import quote

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.api.test_odd_fields import FIELD_PATHS, ODD_VALUES, WHOLE, FieldPath, json_of
from tests.details.details_harness import FAST, FULL_ROW, until_details_are_in
from tests.tool_client import ToolClient, connected

EVERY_NTH = 6
"""The step between the rows that are requested one by one."""


class OddRow(NamedTuple):
    """A row with an odd value in one field."""

    id: str
    field_path: FieldPath
    json: str


def odd_rows() -> list[OddRow]:
    """Each field with three of the odd values, so that each value meets many fields."""
    rows = []
    for n, field_path in enumerate(FIELD_PATHS):
        for step in range(3):
            value = ODD_VALUES[(3 * n + step) % len(ODD_VALUES)]
            row_id = f"odd-{n}-{step}"
            row = json_of(row_id, field_path, value)
            if field_path.path[0] not in {"userEmail", "userName"}:  # else all would be one lead
                row = row.replace("jane@", f"jane{n}.{step}@").replace("Jane", f"Jane{n}x{step}")
            rows.append(OddRow(row_id, field_path, row))
    return rows


async def connected_to(stack: AsyncExitStack, rows: list[OddRow]) -> ToolClient:
    """A client of a server that reads a list of `rows`, each between two whole ones."""
    sandbox = Sandbox(size=0)
    whole = [json.dumps({"ID": f"whole-{n}"} | WHOLE) for n in range(len(rows))]
    mixed = ",".join(
        text for row, other in zip(rows, whole, strict=True) for text in (row.json, other)
    )
    body = f'{{"success":true,"data":[{mixed}],"hasMore":false,"nextCursor":null}}'.encode()
    sandbox.respond_next(200, {"content-type": "application/json"}, body, times=1000)
    return await stack.enter_async_context(connected(sandbox))


async def test_every_tool_answers_with_every_row_whatever_one_field_holds() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": each field is parsed by itself."""
    rows = odd_rows()
    async with AsyncExitStack() as stack:
        client = await connected_to(stack, rows)
        await client.until_read()  # what is dropped leaves no answer complete
        answers = await client.pages(detail="full", limit=100)
        listed = {row["id"]: row for answer in answers for row in answer["conversations"]}
        assert listed.keys() == {row.id for row in rows} | {f"whole-{n}" for n in range(len(rows))}
        assert answers[0]["total"] == 2 * len(rows)
        for row in rows:
            shown = listed[row.id]
            assert row.field_path.path[0] == "stage" or shown["stage"] == "won", row
            assert row.field_path.path[0] == "summary" or shown["summary"] == "Refund.", row

        stats = await client.ask("conversation_stats", group_by=["stage"])
        assert stats["totals"]["conversations"] == 2 * len(rows)
        await client.ask("summarize_hot_leads", top=50)
        await client.ask("list_changes")
        for row in rows[::EVERY_NTH]:
            await client.ask("get_lead", lead=listed[row.id]["lead_id"])
            uri = f"convocore://agents/demo-agent/conversations/{quote(row.id)}"
            assert (await client.read(uri))["id"] == row.id


SEARCHED = {
    "userName": "aardvark", "userEmail": "badger@zoo.example", "userCompany": "camel",
    "title": "dingo", "summary": "elephant", "lastMessage": "ferret", "notes": "gibbon",
    "tags": ["heron"], "funnelSummary": "ibex", "userPhone": "+49 151 29260773",
}  # fmt: skip


@pytest.mark.parametrize("details", ["off", "auto"])
async def test_each_searched_field_is_searched(details: str) -> None:
    """Ours: also what only the record holds, whether a list or a single conversation has it.

    Holds docs/contract.md #query-fields.
    """
    sandbox = Sandbox(size=0, sparse=details == "auto")
    sandbox.replace([FULL_ROW | {"ID": field, field: text} for field, text in SEARCHED.items()])
    async with connected(sandbox, **(FAST | {"details": details})) as client:
        await until_details_are_in(client)
        for field, text in SEARCHED.items():
            word = text[0] if isinstance(text, list) else text
            for query in (word, f'"{word}"'):
                answer = await client.ask("list_conversations", query=query)
                assert [row["id"] for row in answer["conversations"]] == [field]
