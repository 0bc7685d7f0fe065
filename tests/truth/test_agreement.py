"""All tools agree about who is hot."""

from random import Random
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected
from tests.truth.oracle import Row

NOW = 1_780_000_000
HOUR = 3600


def random_rows(random: Random) -> list[Row]:
    """Rows of few values, so that many share one, with every way to be hot or not."""
    values: dict[str, tuple[Any, ...]] = {
        "contactIdentityId": (None, None, "i1", "i2", "i3", "i4"),
        "userName": (None, "Ann", "Bob"),
        "userEmail": (None, None, "a@x.example", "A@x.example", "b@x.example", "info@x.example"),
        "userPhone": (None, None, "+49 151 29260773", "004915129260773", "+1 415 555 2671"),
        "stage": (None, None, "new", "negotiation", "won", "lost", "onboarding"),
        "hotLabel": (None, None, None, "hot", "warm", "cold"),
        "leadScore": (None, 0, 40, 74, 75, 80, 99),
        "isTest": (None, None, None, None, True),
        "isBlocked": (None, None, None, None, None, True),
        "funnelLastEvaluated": (None, NOW),
        "value": (None, 100, "$5k", "abc"),
    }
    rows = []
    for number in range(random.randint(1, 60)):
        row = {name: random.choice(of) for name, of in values.items()}
        row = {name: value for name, value in row.items() if value is not None}
        at = NOW - number * HOUR - random.randrange(HOUR)
        rows.append({"ID": f"c{random.randrange(10**9)}", "ts": at, "origin": "whatsapp"} | row)
    return rows


def hot_of(conversations: list[Row]) -> bool:
    """Whether the lead of these rows, newest first, is hot (docs/contract.md, "A lead")."""
    stage, label, score = (
        next((conversation[name] for conversation in conversations if name in conversation), None)
        for name in ("stage", "label", "score")
    )
    by_score = label is None and score is not None and score >= 75
    return stage not in {"won", "lost"} and (label == "hot" or by_score)


async def listed(tool_client: ToolClient) -> dict[str, list[Row]]:
    """Each lead's conversations as `list_conversations` shows them, newest first."""
    leads: dict[str, list[Row]] = {}
    for page in await tool_client.pages(limit=100, detail="full"):
        for row in page["conversations"]:
            if "lead_id" in row:
                leads.setdefault(row["lead_id"], []).append(row)
    return leads


@pytest.mark.parametrize("seed", range(8))
async def test_no_two_tools_ever_disagree_about_who_is_hot(seed: int) -> None:
    """Promised by docs/contract.md, "A lead": one definition of hot, here over random data.

    Holds docs/contract.md #hot.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace(random_rows(Random(seed)))
    async with connected(sandbox) as tool_client:
        summary = await tool_client.ask("summarize_hot_leads", top=50)
        leads = await listed(tool_client)
        hot = {lead_id for lead_id, conversations in leads.items() if hot_of(conversations)}

        assert {lead["lead_id"] for lead in summary["leads"]} == hot
        ranked = [
            (-lead.get("score", -1), lead["last_activity"], lead["lead_id"])
            for lead in summary["leads"]
        ]
        assert [r[0] for r in ranked] == sorted(r[0] for r in ranked)
        assert summary["hot"] == len(hot)
        assert summary["leads_considered"] == len(leads)
        for of in ("conversations", "leads"):  # zeros are left out
            totals = (await tool_client.ask("conversation_stats", of=of))["totals"]
            assert (totals.get("hot", 0), totals.get("leads", 0)) == (len(hot), len(leads))
        rows = (await tool_client.ask("list_leads", where="hot=true", limit=100))["leads"]
        assert [row["lead_id"] for row in rows] == [lead["lead_id"] for lead in summary["leads"]]
        everybody = (await tool_client.ask("list_leads", limit=100))["leads"]
        assert {row["lead_id"] for row in everybody if row["hot"]} == hot
        for lead_id in leads:
            lead = (await tool_client.ask("get_lead", lead=lead_id))["lead"]
            assert lead["hot"] == (lead_id in hot)
        for shown in summary["leads"][:3]:
            lead = (await tool_client.ask("get_lead", lead=shown["lead_id"]))["lead"]
            assert lead["why"] == shown["why"]
        since = {"since": "2026-05-28T00:00:00Z"}
        windowed = await tool_client.ask("summarize_hot_leads", **since)
        of_leads = await tool_client.ask("conversation_stats", of="leads", **since)
        assert windowed["hot"] == of_leads["totals"].get("hot", 0)
