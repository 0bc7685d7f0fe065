"""`conversation_stats`, compared with the oracle and plain counting over the raw rows."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected
from tests.truth import oracle

Row = dict[str, Any]
DIALECTS = ("cursor", "page")


def moment(row: Row) -> datetime:
    return datetime.fromtimestamp(oracle.last_activity(row), UTC)


def week(row: Row) -> str:
    year, number, _ = moment(row).isocalendar()
    return f"{year}-W{number:02}"


KEYS: dict[str, Callable[[Row], str | None]] = {
    "stage": lambda row: oracle.filled(row.get("stage")),
    "channel": oracle.channel,
    "state": lambda row: oracle.filled(row.get("state")),
    "label": lambda row: oracle.filled(row.get("hotLabel")),
    "day": lambda row: f"{moment(row):%Y-%m-%d}",
    "week": week,
    "month": lambda row: f"{moment(row):%Y-%m}",
    "country": lambda row: oracle.filled(row.get("countryCode")),
    "source": lambda row: oracle.filled(row.get("source")),
    "assignee": lambda row: next(iter(oracle.owners(row)), None),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=DIALECTS)
async def client_and_rows(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[ToolClient, list[Row]]]:
    sandbox = Sandbox(size=2000, dialect=request.param, now=datetime(2026, 11, 20, tzinfo=UTC))
    async with connected(sandbox, incremental_sync_seconds=3600) as tool_client:
        await tool_client.until_complete()
        yield tool_client, list(sandbox.rows())


def counted(rows: list[Row], of: Callable[[Row], Any]) -> dict[Any, dict[str, Any]]:
    """Each group's numbers, by plain counting."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[of(row) or "none"].append(row)
    lead_of = {id_: lead for lead in oracle.leads(rows) for id_ in lead.ids}
    found = {}
    for key, group in groups.items():
        people = {id(lead): lead for row in group if (lead := lead_of.get(row["ID"]))}.values()
        sums: Counter[str] = Counter()
        for amount, currency in (lead.money for lead in people):
            if amount is not None:
                sums[currency or "unknown"] += amount  # type: ignore[assignment]
        found[key] = {
            "conversations": len(group),
            "leads": len(people),
            "hot": sum(lead.hot() for lead in people),
            "messages": sum(int(oracle.number(row.get("messagesNum")) or 0) for row in group),
            "value": {currency: round(amount, 2) for currency, amount in sums.items()},
            "unparsed_values": sum(
                lead.field("value") is not None and lead.money[0] is None for lead in people
            ),
            "waiting_for_human": sum(oracle.waiting(row) for row in group),
        }
    return found


def numbers(group: dict[str, Any]) -> dict[str, Any]:
    return {name: group[name] for name in (
        "conversations", "leads", "hot", "messages", "value", "unparsed_values",
        "waiting_for_human",
    )}  # fmt: skip


@pytest.mark.parametrize("by", KEYS)
async def test_groups_agree_with_plain_counting(
    client_and_rows: tuple[ToolClient, list[Row]], by: str
) -> None:
    """Promised by docs/contract.md, "Tools"; sanitized keys are compared by their counts only."""
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by=by)
    expected = counted(rows, KEYS[by])
    got = {group[by]: numbers(group) for group in answer["groups"]}

    if by == "day":  # so many that an answer can't hold them all, and says so
        assert got.items() <= expected.items()
        assert len(got) == len(expected) or "groups are shown" in str(answer["freshness"])
        return
    assert {key: got[key] for key in got.keys() & expected.keys()} == {
        key: expected[key] for key in got.keys() & expected.keys()
    }
    assert sorted(g["conversations"] for g in got.values()) == sorted(
        g["conversations"] for g in expected.values()
    )


async def test_totals_agree_with_plain_counting_and_with_the_hot_leads(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "A lead": one definition of lead and hot."""
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by=["stage", "label"])
    hot = await tool_client.ask("summarize_hot_leads")
    everything = counted(rows, lambda _: "all")["all"]

    assert numbers(answer["totals"]) == everything
    assert answer["totals"]["hot"] == hot["hot"]
    assert answer["totals"]["leads"] == hot["leads_considered"]
    for name in ("conversations", "messages"):
        assert sum(group[name] for group in answer["groups"]) == answer["totals"][name]


async def test_by_tag_a_conversation_counts_under_each_of_its_tags(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools": by tag."""
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by="tag")
    tags = Counter(tag for row in rows for tag in {t.casefold() for t in row.get("tags") or []})

    got = {group["tag"]: group["conversations"] for group in answer["groups"]}
    assert {tag: got.get(tag) for tag in tags} == dict(tags)
    assert "each of its tags" in str(answer["freshness"]["notes"])


async def test_filters_apply_and_invalid_groupings_are_refused(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools"."""
    tool_client, rows = client_and_rows
    won = await tool_client.ask("conversation_stats", stage="won", since="3m")
    listed = await tool_client.ask("list_conversations", stage="won", since="3m", limit=1)
    nothing = await tool_client.ask("conversation_stats", query="zzzqqq", stage="won")
    error = await tool_client.refused("conversation_stats", group_by="colour")
    too_many = await tool_client.refused("conversation_stats", group_by=["stage", "day", "tag"])

    assert won["totals"]["conversations"] == listed["total"]
    assert nothing["totals"]["conversations"] == 0
    assert nothing["relax"]["query"] == len(oracle.matching(rows, stage="won"))
    assert "stage, channel" in error["hint"]
    assert error["code"] == too_many["code"] == "invalid_argument"
