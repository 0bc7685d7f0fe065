"""`conversation_stats`, compared with the oracle and plain counting over the raw rows."""

import statistics
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
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
    "assignee": lambda row: next(iter(oracle.assignees(row)), None),
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=DIALECTS)
async def client_and_rows(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[ToolClient, list[Row]]]:
    sandbox = Sandbox(size=1000, dialect=request.param, now=datetime(2026, 11, 20, tzinfo=UTC))
    async with connected(sandbox, incremental_sync_seconds=3600) as tool_client:
        await tool_client.until_complete()
        yield tool_client, list(sandbox.rows())


def sums(leads: Iterable[oracle.Lead]) -> dict[str, float]:
    """The value of leads by currency."""
    found: dict[str, float] = defaultdict(float)
    for amount, currency in (lead.money for lead in leads):
        if amount is not None:
            found[currency or "unknown"] += amount
    return {currency: round(amount, 2) for currency, amount in found.items()}


def of_conversations(rows: list[Row]) -> dict[str, Any]:
    """The figures of conversations, by plain counting; zeros are left out."""
    ratings = [r for row in rows if (r := oracle.number(row.get("ratingFrom5"))) is not None]
    found = {
        "conversations": len(rows),
        "messages": sum(int(oracle.number(row.get("messagesNum")) or 0) for row in rows),
        "waiting_for_human": sum(oracle.waiting(row) for row in rows),
        "rated": len(ratings),
    }
    return {name: figure for name, figure in found.items() if figure}


def of_leads(leads: Iterable[oracle.Lead]) -> dict[str, Any]:
    """The figures of leads, by plain counting; zeros are left out."""
    leads = list(leads)
    found = {
        "leads": len(leads),
        "hot": sum(lead.hot() for lead in leads),
        "value": sums(leads),
        "unparsed_values": sum(
            lead.field("value") is not None and lead.money[0] is None for lead in leads
        ),
    }
    return {name: figure for name, figure in found.items() if figure}


def shown(group: Row, *names: str) -> Row:
    return {name: group[name] for name in names if name in group}


CONVERSATION_FIGURES = ("conversations", "messages", "waiting_for_human", "rated")
LEAD_FIGURES = ("leads", "hot", "value", "unparsed_values")


@pytest.mark.parametrize("by", KEYS)
async def test_groups_of_conversations_agree_with_plain_counting(
    client_and_rows: tuple[ToolClient, list[Row]], by: str
) -> None:
    """Promised by docs/contract.md, "Tools": at most 100 groups, the rest under `(other)`.

    Holds docs/contract.md #stats-of-conversations #groups-without-leads.
    """
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by=by)
    expected: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        expected[KEYS[by](row) or "none"].append(row)
    groups = {group[by]: group for group in answer["groups"]}
    other = groups.pop("(other)", None)

    assert answer["groups_total"] == len(expected)
    assert (other is not None) == (len(expected) > 100)
    for key, group in groups.items():
        if key in expected:  # others are written in another way, or hold hidden characters
            assert shown(group, *CONVERSATION_FIGURES) == of_conversations(expected[key]), key
        assert not {"leads", "hot", "value"} & group.keys()
    everything = [*groups.values(), *([other] if other else [])]
    for name in ("conversations", "messages", "waiting_for_human", "rated"):
        assert sum(group.get(name, 0) for group in everything) == answer["totals"].get(name, 0)
    sizes = sorted(map(len, expected.values()), reverse=True)
    if by not in {"day", "week", "month"}:
        assert [g["conversations"] for g in groups.values()] == sizes[:100]


LEAD_KEYS: dict[str, Callable[[oracle.Lead], str | None]] = {
    "stage": lambda lead: lead.field("stage"),
    "label": lambda lead: lead.field("hotLabel"),
    "country": lambda lead: lead.field("countryCode"),
    "source": lambda lead: lead.field("source"),
}


@pytest.mark.parametrize("by", LEAD_KEYS)
async def test_groups_of_leads_add_up_to_their_totals(
    client_and_rows: tuple[ToolClient, list[Row]], by: str
) -> None:
    """Promised by docs/contract.md, "Tools": each lead in the one group of its merged value.

    Holds docs/contract.md #groups-add-up.
    """
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", of="leads", group_by=by)
    leads = oracle.leads(rows)
    expected: dict[str, list[oracle.Lead]] = defaultdict(list)
    for lead in leads:
        expected[LEAD_KEYS[by](lead) or "none"].append(lead)

    assert shown(answer["totals"], *LEAD_FIGURES) == of_leads(leads)
    assert sum(group["leads"] for group in answer["groups"]) == len(leads)
    for group in answer["groups"]:
        if group[by] in expected:
            assert shown(group, *LEAD_FIGURES) == of_leads(expected[group[by]]), group[by]


async def test_totals_agree_with_plain_counting_and_with_the_hot_leads(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "A lead": one definition of lead and hot.

    Holds docs/contract.md #stats-result.
    """
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by=["stage", "label"])
    hot = await tool_client.ask("summarize_hot_leads")
    people = await tool_client.ask("list_leads", where="hot=true", limit=1)
    totals = answer["totals"]

    assert shown(totals, *CONVERSATION_FIGURES) == of_conversations(rows)
    assert shown(totals, *LEAD_FIGURES) == of_leads(oracle.leads(rows))
    assert totals["hot"] == hot["hot"] == people["total"]
    assert totals["leads"] == hot["leads_considered"]
    assert people["excluded"].items() <= hot["excluded"].items()


async def test_by_tag_a_conversation_counts_under_each_of_its_tags(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools": by a list, a row may be in several groups.

    Holds docs/contract.md #overlapping.
    """
    tool_client, rows = client_and_rows
    answer = await tool_client.ask("conversation_stats", group_by="tag")
    tags = Counter(tag for row in rows for tag in {t.casefold() for t in row.get("tags") or []})

    got = {group["tag"].casefold(): group["conversations"] for group in answer["groups"]}
    assert {tag: got.get(tag) for tag in tags} == dict(tags)
    assert "counts in each group" in str(answer["freshness"]["notes"])


async def test_a_flag_groups_by_true_and_false(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools": by `hot` the key is true or false.

    Holds docs/contract.md #flag-keys.
    """
    tool_client, _ = client_and_rows
    answer = await tool_client.ask("conversation_stats", of="leads", group_by="hot")
    groups = {group["hot"]: group["leads"] for group in answer["groups"]}
    assert groups.keys() == {True, False}
    assert groups[True] == answer["totals"]["hot"]


async def test_a_measure_agrees_with_plain_statistics(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools": `measures`, money by currency within.

    Holds docs/contract.md #measures.
    """
    tool_client, rows = client_and_rows
    answer = await tool_client.ask(
        "conversation_stats", group_by="channel", measure=["messages", "value"]
    )
    for group in answer["groups"]:
        there = [row for row in rows if (oracle.channel(row) or "none") == group["channel"]]
        counts = [n for row in there if (n := oracle.number(row.get("messagesNum"))) is not None]
        measured = group["measures"]["messages"]
        assert (measured["n"], measured["sum"]) == (len(counts), sum(counts))
        assert measured["median"] == pytest.approx(statistics.median(counts), abs=1e-4)
        assert measured["max"] == max(counts)
        assert measured["avg"] == pytest.approx(statistics.fmean(counts), abs=1e-4)
        amounts = Counter(c or "unknown" for a, c in map(oracle.money, there) if a is not None)
        by_currency = group["measures"].get("value", {})
        assert {currency: m["n"] for currency, m in by_currency.items()} == dict(amounts)


async def test_filters_apply_and_invalid_groupings_are_refused(
    client_and_rows: tuple[ToolClient, list[Row]],
) -> None:
    """Promised by docs/contract.md, "Tools"."""
    tool_client, rows = client_and_rows
    won = await tool_client.ask("conversation_stats", stage="won", since="3mo")
    listed = await tool_client.ask("list_conversations", stage="won", since="3mo", limit=1)
    nothing = await tool_client.ask("conversation_stats", query="zzzqqq", stage="won")
    unknown = await tool_client.refused("conversation_stats", group_by="colour")
    number = await tool_client.refused("conversation_stats", group_by="messages")
    text = await tool_client.refused("conversation_stats", measure="stage")
    too_many = await tool_client.refused("conversation_stats", group_by=["stage", "day", "tag"])

    assert won["totals"]["conversations"] == listed["total"]
    assert nothing["totals"] == {"conversations": 0}
    assert nothing["relax"]["query"] == len(oracle.matching(rows, stage="won"))
    for error in (unknown, number, text, too_many):
        assert error["code"] == "invalid_argument"
    assert "stage" in unknown["hint"]
    assert "channel" in number["hint"]
    assert "messages" in text["hint"]


async def test_long_texts_that_only_begin_alike_are_groups_of_their_own() -> None:
    """Promised by docs/contract.md, "Tools": `group_by`, any text field."""
    beginning = "The visitor asked what the enterprise plan costs a year, and "
    texts = [f"{beginning}left.", f"{beginning}bought it.", f"{beginning}left.", beginning.strip()]
    sandbox = Sandbox(size=0)
    for number, text in enumerate(texts):
        sandbox.insert(title=text, summary=text, userName=f"Person {number}", state="ended_chat")
    async with connected(sandbox) as client:
        for of in ("conversations", "leads"):
            for field in ("title", "summary"):
                answer = await client.ask("conversation_stats", of=of, group_by=[field])
                found = sorted(group[of] for group in answer["groups"])
                assert found == [1, 1, 2], (of, field, answer["groups"])
