"""Whatever the data is, no two answers disagree about anybody."""

from collections import Counter, defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.fields.table import FIELDS, Kind, Rows
from convocore_mcp.sandbox import Sandbox
from tests.fields.plain_rows import fold
from tests.fields.raw_rows import RawRow, raw_rows
from tests.property_tests import examples
from tests.tool_client import Answer, ToolClient, connected

ROOT = "convocore://agents/demo-agent"
OF_LEADS = [f for f in FIELDS if f.rows in {Rows.LEADS, Rows.BOTH}]
SINGLE = [
    f.name for f in OF_LEADS if f.kind in {Kind.TEXT, Kind.CHOICE, Kind.FLAG, Kind.ID}
    and f.storage.value != "text"
]  # fmt: skip
"""The fields of which a lead has one value that can be grouped by."""
FIGURES = ("leads", "hot", "waiting_for_human", "overdue", "unparsed_values")
SAME_IN_SUMMARY = (
    "name", "company", "contact", "channel", "stage", "label", "score", "value", "value_text",
    "currency", "assignee", "last_activity",
)  # fmt: skip
SAME_IN_LEAD = (
    "lead_id", "name", "company", "stage", "label", "score", "value", "value_text", "currency",
    "hot", "assignee", "country", "language", "lost_reason", "campaign", "summary", "notes",
)  # fmt: skip
DATES = ("expected_close", "demo")
UNREADABLE = "soon"
"""A date that is none: `get_lead` shows what somebody wrote, a field of time has no value."""


async def every(client: ToolClient, tool: str, name: str, **asked: Any) -> list[Answer]:
    """The rows of all pages; `total` counts them."""
    rows: list[Answer] = []
    cursor = ""
    while True:
        page = await client.ask(tool, limit=5, **asked, cursor=cursor)
        rows += page[name]
        if not (cursor := page.get("next_cursor", "")):
            assert page["total"] == len(rows)
            return rows


def parts(row: Answer, names: tuple[str, ...]) -> Answer:
    """Those fields that the row has."""
    return {name: row[name] for name in names if name in row}


async def check_hot_leads(client: ToolClient, leads: dict[str, Answer]) -> None:
    """The summary, the lists and the statistics of hot leads."""
    summary = await client.ask("summarize_hot_leads", top=50)
    listed = await every(client, "list_leads", "leads", where="hot=true")
    assert [lead["lead_id"] for lead in summary["leads"]] == [row["lead_id"] for row in listed]
    for lead, row in zip(summary["leads"], listed, strict=True):
        assert parts(lead, SAME_IN_SUMMARY) == parts(row, SAME_IN_SUMMARY)
    assert {row["lead_id"] for row in listed} == {i for i, row in leads.items() if row["hot"]}
    stats = await client.ask("conversation_stats", of="leads", where="hot=true")
    for name in ("waiting_for_human", "overdue", "unparsed_values"):
        assert summary[name] == stats["totals"].get(name, 0)
    assert summary["value"] == stats["totals"].get("value", {})
    for name in ("waiting_for_human", "unassigned", "overdue"):
        asked = await client.ask("list_leads", where="hot=true", attention=name)
        assert summary[name] == asked["total"]
    for name in ("stage", "channel"):
        by = await client.ask("conversation_stats", of="leads", where="hot=true", group_by=name)
        assert summary[f"by_{name}"] == {group[name]: group["leads"] for group in by["groups"]}
    closed = await client.ask("list_leads", stage=["won", "lost"])
    assert summary["excluded"] == {**stats["excluded"], "closed": closed["total"]}
    assert summary["leads_considered"] == len(leads)
    resource = await client.read(f"{ROOT}/hot-leads")
    assert resource["hot"] == summary["hot"] == len(listed)
    assert resource["leads"] == summary["leads"][:10]


async def check_groups(client: ToolClient, leads: dict[str, Answer]) -> None:
    """Groups of leads: each has those of its key, and all of them add up to the totals."""
    for name in SINGLE:
        answer = await client.ask("conversation_stats", of="leads", group_by=name)
        counts = {_key(group[name]): group["leads"] for group in answer["groups"]}
        assert counts == Counter(_key(row.get(name, "none")) for row in leads.values()), name
        for figure in set(FIGURES) - {name}:
            of_groups = sum(group.get(figure, 0) for group in answer["groups"])
            assert of_groups == answer["totals"].get(figure, 0), (name, figure)
        sums: Counter[str] = Counter()
        for group in answer["groups"]:
            sums.update(group.get("value", {}))
        assert dict(sums) == answer["totals"].get("value", {}), name
    for name in ("waiting_for_human", "overdue"):
        asked = await client.ask("list_leads", attention=name)
        assert asked["total"] == answer["totals"].get(name, 0)
    by_stage = await client.ask("conversation_stats", of="leads", group_by="stage")
    resource = await client.read(f"{ROOT}/stats")
    assert (resource["groups"], resource["totals"]) == (by_stage["groups"], by_stage["totals"])


def _key(value: Any) -> Any:
    return fold(value) if isinstance(value, str) else value


async def check_people(client: ToolClient, leads: dict[str, Answer]) -> None:
    """`get_lead`, by its ID and by any conversation, and the resource, against the list."""
    members = defaultdict(set)
    for row in await every(client, "list_conversations", "conversations", fields="lead_id"):
        if "lead_id" in row:
            members[row["lead_id"]].add(row["id"])
    assert members.keys() == leads.keys()
    for lead_id, row in leads.items():
        answer = await client.ask("get_lead", lead=lead_id)
        lead = answer["lead"]
        assert parts(lead, SAME_IN_LEAD) == parts(row, SAME_IN_LEAD)
        for name in DATES:
            assert lead.get(name) in {row.get(name), UNREADABLE}
        assert {c["id"] for c in lead["conversations"]} == members[lead_id]
        assert lead["conversations_total"] == row["conversations"] == len(members[lead_id])
        assert {fold(tag) for tag in lead.get("tags", [])} == {*map(fold, row.get("tags", []))}
        assert len(row.get("tags", [])) == len({*map(fold, row.get("tags", []))})
        spent = {n: row[n] for n in ("tokens", "ai_usd", "call_usd") if row.get(n)}
        assert lead.get("usage", {}) == spent
        due_times = [s["due"] for s in lead.get("next_steps", []) if not s.get("overdue")]
        assert row.get("next_due") == next((due for due in due_times if due != UNREADABLE), None)
        for_one = await client.ask("get_lead", lead=min(members[lead_id]))
        assert for_one["lead"] == lead
        assert (await client.read(f"{ROOT}/leads/{lead_id}"))["lead"] == lead


async def check_conversations(client: ToolClient) -> None:
    """A list by its index, the same list by fields, and each conversation by itself."""
    brief = await every(client, "list_conversations", "conversations", detail="full")
    names = {"value", *(name for row in brief for name in row)} - {"value_text", "lead_id"}
    shown = await every(client, "list_conversations", "conversations", fields=[*names, "lead_id"])
    for row, same in zip(brief, shown, strict=True):
        row |= {flag: row.get(flag, False) for flag in {"test", "blocked"} & names}
        if row.get("expected_close") == UNREADABLE:
            del row["expected_close"]
        assert row == same
        alone = (await client.ask("get_conversation", conversation=row["id"]))["conversation"]
        unset = {name for name in ("test", "blocked") if row.get(name) is False}
        assert {n: v for n, v in row.items() if n not in unset} == parts(alone, (*row,))


@settings(max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(raw_rows, min_size=4, max_size=12, unique_by=lambda row: row["ID"]))
async def test_no_two_answers_ever_disagree_about_anybody(rows: list[RawRow]) -> None:
    """Promised by docs/contract.md, "A lead": one person is the same in every answer.

    Holds docs/contract.md #same-hot #hot-counts #groups-add-up #one-truth.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace(rows)
    async with connected(sandbox, timezone="Asia/Kolkata") as client:
        await client.until_read()
        names = [field.name for field in OF_LEADS]
        listed = await every(client, "list_leads", "leads", fields=names)
        leads = {row["lead_id"]: row for row in listed}
        assert len(leads) == len(listed)
        await check_hot_leads(client, leads)
        await check_groups(client, leads)
        await check_people(client, leads)
        await check_conversations(client)
