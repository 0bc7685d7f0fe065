"""`get_lead`: people are found by every identifier they have, and nobody is guessed."""

import time
from collections import Counter
from typing import Any

import phonenumbers
import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected
from tests.truth import oracle
from tests.truth.conftest import in_live_dialect
from tests.truth.oracle import Lead, Row

SAMPLE = 12
NOW = 1_780_000_000


@pytest.fixture(scope="module")
def leads(sandbox: Sandbox) -> list[Lead]:
    return sorted(oracle.leads(sandbox.rows()), key=lambda lead: -lead.at)


def found(answer: Answer) -> frozenset[str]:
    """The ids of the conversations of the lead that was found."""
    assert "lead" in answer, answer
    assert "candidates" not in answer
    return frozenset(conversation["id"] for conversation in answer["lead"]["conversations"])


@in_live_dialect
async def test_a_lead_is_found_by_its_id_and_by_its_conversation_ids(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "Tools": by lead id and conversation ID."""
    for lead in leads[:SAMPLE] + leads[-3:]:
        for conversation_id in lead.ids:
            answer = await tool_client.ask("get_lead", lead=conversation_id)
            assert found(answer) == lead.ids
            assert answer["matched_on"] in ("conversation_id", "lead_id")
        again = await tool_client.ask("get_lead", lead=answer["lead"]["lead_id"])
        assert again["lead"] == answer["lead"]
        assert again["matched_on"] == "lead_id"


@in_live_dialect
async def test_a_lead_is_found_by_email_however_it_is_written(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "Tools": by email, whatever its case and blanks."""
    with_email = [lead for lead in leads if lead.get(oracle.email)]
    for lead in with_email[:SAMPLE]:
        for row in lead.rows:
            address = oracle.email(row)
            if address is None:
                continue
            for written in (address, address.upper(), f"  {address.title()} "):
                answer = await tool_client.ask("get_lead", lead=written)
                assert found(answer) == lead.ids, written
                assert answer["matched_on"] == "email"


@in_live_dialect
async def test_a_lead_is_found_by_phone_in_every_notation(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "Tools": by phone; two who share one are candidates.

    Holds docs/contract.md #lead-arguments.
    """
    owners: dict[str, set[frozenset[str]]] = {}
    for lead in leads:
        for row in lead.rows:
            if number := oracle.phone(row):
                owners.setdefault(number, set()).add(lead.ids)
    shared = {number for number, sharing in owners.items() if len(sharing) > 1}
    assert shared
    for number in [*list(owners)[:SAMPLE], *shared]:
        for written in notations(number):
            answer = await tool_client.ask("get_lead", lead=written)
            assert answer["matched_on"] == "phone", written
            if number in shared:
                assert answer["total"] == len(answer["candidates"]) == len(owners[number])
            else:
                assert {found(answer)} == owners[number], written


def notations(number: str) -> list[str]:
    """International, with 00, and national with punctuation, as the country writes it."""
    read = phonenumbers.parse(f"+{number}")
    shapes = phonenumbers.PhoneNumberFormat
    pretty = phonenumbers.format_number(read, shapes.INTERNATIONAL)
    national = phonenumbers.format_number(read, shapes.NATIONAL)
    return [f"+{number}", f"00{number}", number, pretty, national, national.replace(" ", "-")]


async def test_a_lead_is_found_by_name_and_namesakes_are_candidates(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "Tools": by name; several people are candidates.

    Holds docs/contract.md #lead-or-candidates.
    """
    named: dict[tuple[str, ...], list[Lead]] = {}
    for lead in leads:
        if name := lead.field("userName"):
            named.setdefault(oracle.words(name), []).append(lead)
    unchanged = {
        w: namesakes
        for w, namesakes in named.items()
        if oracle.shown_unchanged(namesakes[0].field("userName"))
    }
    single = [namesakes[0] for namesakes in unchanged.values() if len(namesakes) == 1]
    several = [namesakes for namesakes in unchanged.values() if len(namesakes) > 1]
    assert single
    assert several
    for lead in single[:SAMPLE]:
        answer = await tool_client.ask("get_lead", lead=lead.field("userName"))
        assert found(answer) == lead.ids
        assert answer["matched_on"] == "name"
    for namesakes in several[:SAMPLE]:
        answer = await tool_client.ask("get_lead", lead=namesakes[0].field("userName").upper())
        assert answer["total"] == len(namesakes)
        # Only leads with this current name, each with the fields that tell them apart.
        got = Counter(_distinguishing(c) for c in answer["candidates"])
        assert got == Counter(_distinguishing(_candidate(lead)) for lead in namesakes[:20])


def _candidate(lead: Lead) -> Row:
    known = {
        "name": lead.field("userName"),
        "company": lead.field("userCompany"),
        "last_activity": oracle.rfc3339(lead.at),
        "score": lead.get(oracle.score),
    }
    return {name: value for name, value in known.items() if value is not None}


def _distinguishing(candidate: Row) -> tuple[Any, ...]:
    fields = {name: value for name, value in candidate.items() if name != "lead_id"}
    if not oracle.shown_unchanged(fields.get("company", "")):
        fields["company"] = "?"
    return tuple(sorted(fields.items()))


async def test_a_name_may_be_misspelt_and_needs_no_accents() -> None:
    """Promised by docs/contract.md, "Tools": a name, perhaps with company, perhaps misspelt.

    Holds docs/contract.md #lead-arguments.
    """
    called: list[Any] = [
        "María González", "Siobhán O'Connor", "Siobhán Lee", "Jürgen Müller", "Jürgen Weiß",
        "Bob Miller", "Jane Lee", "Katarzyna Kowalska", "Anna Nowak", "山田太郎", "高橋健太",
    ]  # fmt: skip
    rows = [{"ID": f"c{i}", "ts": NOW - i, "userName": name} for i, name in enumerate(called)]
    sandbox = Sandbox(size=0)
    jane = {"ID": "it", "ts": NOW + 1, "userName": "Jane Miller", "userCompany": "Acme Corp"}
    sandbox.replace([jane, *rows])
    async with connected(sandbox) as tool_client:
        for typed, name in {
            "Gonzales": "María González",
            "Siobhan OConnor": "Siobhán O'Connor",
            "jurgen muller": "Jürgen Müller",
            "Jane Millar": "Jane Miller",
            "Miller, Jane": "Jane Miller",
            "Jane Acme": "Jane Miller",
            "Katarzyna Kowalsky": "Katarzyna Kowalska",
            "山田": "山田太郎",
            "weiss": "Jürgen Weiß",
        }.items():
            answer = await tool_client.ask("get_lead", lead=typed)
            assert answer["lead"]["name"] == name
            assert answer["matched_on"]


async def test_an_exact_name_comes_before_many_similar_ones() -> None:
    """Promised by docs/contract.md, "Tools": nobody is guessed; `total` counts everybody."""
    sandbox = Sandbox(size=0)
    many: list[Any] = [
        {"ID": f"c{i}", "ts": 1_780_000_000 - i, "userName": f"Janet Nr{i}"} for i in range(300)
    ]
    twins: list[Any] = [
        {"ID": f"t{i}", "ts": 1_770_000_000 - i, "userName": "John Smith"} for i in range(250)
    ]
    sandbox.replace([*many, *twins, {"ID": "her", "ts": 1_700_000_000, "userName": "Jane"}])
    async with connected(sandbox) as tool_client:
        answer = await tool_client.ask("get_lead", lead="Jane")
        assert found(answer) == frozenset({"her"})
        answer = await tool_client.ask("get_lead", lead="john smith")
        assert answer["total"] == 250


@in_live_dialect
async def test_nobody_of_that_name_is_not_found_with_the_nearest_ones(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "Tools": `not_found`, with the nearest names."""
    for typed in ("Xqzwv Bfghjk", "nobody@nowhere.example", "+99 0000 000000", "conv-nothing"):
        error = await tool_client.refused("get_lead", lead=typed)
        assert error["code"] == "not_found"
        assert error["hint"]
    names = {lead.field("userName") for lead in leads}
    near = await tool_client.refused("get_lead", lead="Amelix Tolar Xyqqw")
    assert any(name and name in near["hint"] for name in names), near
    for arguments in ({"lead": ""}, {"lead": "   "}, {}, {"lead": "x" * 5000}, {"name": "Jane"}):
        error = await tool_client.refused("get_lead", **arguments)
        assert error["code"] == "invalid_argument"


async def test_a_test_and_a_blocked_visitor_are_no_lead(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/contract.md, "A lead": they take no part in leads."""
    out = [row["ID"] for row in sandbox.rows() if not oracle.takes_part(row)]
    for conversation_id in out[:20]:
        error = await tool_client.refused("get_lead", lead=conversation_id)
        assert error["code"] == "not_found"


async def test_every_field_of_a_lead_is_what_its_conversations_say(
    tool_client: ToolClient, leads: list[Lead]
) -> None:
    """Promised by docs/contract.md, "A lead": the newest conversation that has a field wins.

    Holds docs/contract.md #lead-fields.
    """
    for lead in [*leads[:SAMPLE], *(one for one in leads if len(one.rows) > 3)][: 3 * SAMPLE]:
        answer = await tool_client.ask("get_lead", lead=lead.rows[0]["ID"])
        got = answer["lead"]
        _check_lists(got, lead)
        amount, currency = lead.money
        day = lead.field("demoDate")
        known = {
            "name": lead.field("userName"),
            "company": lead.field("userCompany"),
            "country": lead.field("countryCode"),
            "language": lead.get(lambda row: row.get("language") or row.get("lang")),
            "stage": lead.field("stage"),
            "label": lead.field("hotLabel"),
            "score": lead.get(oracle.score),
            "hot": lead.hot(),
            "value": amount,
            "value_text": lead.field("value") if amount is None else None,
            "currency": currency,
            "expected_close": lead.field("expectedCloseDate"),
            "lost_reason": lead.field("lostReason"),
            "campaign": lead.field("campaignId"),
            "demo": day and f"{day}T15:00:00Z",  # the hour of every demo in the sandbox
            "assignee": lead.assignee,
            "summary": lead.get(lambda row: row.get("summary") or row.get("funnelSummary")),
            "notes": lead.get(oracle.notes),
        }
        expected = {name: value for name, value in known.items() if value is not None}
        if "summary" not in expected:
            got.pop("summary", None)  # the details may have one
        assert oracle.differences(got, expected) == {}, lead.rows[0]["ID"]


def _check_lists(got: Row, lead: Lead) -> None:
    """Check the fields of a lead that are lists, and take them out of `got`."""
    got.pop("lead_id")
    assert got.pop("why") or not lead.get(oracle.score)
    conversations = got.pop("conversations")
    assert [t["id"] for t in conversations] == [row["ID"] for row in lead.rows]
    assert [t["last_activity"] for t in conversations] == [
        oracle.rfc3339(oracle.last_activity(row)) for row in lead.rows
    ]
    for conversation, row in zip(conversations, lead.rows, strict=True):
        assert conversation.get("channel") == oracle.channel(row)
        assert conversation.get("state") == row.get("state")
        assert conversation.get("messages") == oracle.number(row.get("messagesNum"))
    emails = [e for row in lead.rows if (e := oracle.email(row))]
    assert [e.casefold() for e in got.pop("emails", [])] == list(dict.fromkeys(emails))
    phones = [p for row in lead.rows if (p := oracle.phone(row))]
    assert len(got.pop("phones", [])) == len(set(phones))
    links = {
        row[name] for row in lead.rows
        for name in ("linkedIn", "facebook", "instagram", "socialHandle", "userWebsite")
        if row.get(name)
    }  # fmt: skip
    assert set(got.pop("links", [])) == links
    tags = {tag for row in lead.rows for tag in row.get("tags") or ()}
    assert set(got.pop("tags", [])) == tags
    timeline = got.pop("timeline", [])
    assert [e["at"] for e in timeline] == sorted((e["at"] for e in timeline), reverse=True)
    assert len(timeline) <= 15
    assert all(e["kind"] and e["text"] for e in timeline)
    assert timeline[0]["at"] >= oracle.rfc3339(lead.at) or len(timeline) == 15
    _check_usage(got.pop("usage", {}), lead)
    assert set(got.pop("alerts", [])) == oracle.alerts_of(lead.rows, time.time())
    assert got.pop("conversations_total") == len(lead.rows)
    planned = oracle.next_steps(lead.rows, time.time())
    steps = got.pop("next_steps", [])
    assert [s.get("overdue", False) for s in steps] == [
        oracle.past(a["dueDate"], time.time()) for a in planned
    ]
    assert Counter(s["type"] for s in steps) == Counter(a["type"] for a in planned)
    assert [oracle.unix_time(s["due"]) // 86400 for s in steps] == [
        (oracle.seconds(a["dueDate"]) or 0) // 86400 for a in planned
    ]
    _check_quotes(got.pop("said", []), lead)
    extracted = got.pop("extracted", {})
    for row in lead.rows:
        for name, value in (row.get("funnelExtractedData") or {}).items():
            assert name in extracted, value


def _check_quotes(quotes: list[str], lead: Lead) -> None:
    earned = [
        step["messageContext"]
        for row in lead.rows
        for step in row.get("funnelScoreHistory") or ()
        if step["pointsAdded"] > 0 and step.get("messageContext")
    ]
    assert len(quotes) == min(3, len(set(earned)))
    if all(oracle.shown_unchanged(text) for text in earned):
        assert set(quotes) <= set(earned)


def _check_usage(usage: Row, lead: Lead) -> None:
    spent = [row["tokenUsage"] for row in lead.rows if row.get("tokenUsage")]
    if not spent:
        assert usage == {}
        return
    assert usage["tokens"] == sum(used["cumulativeTotalTokens"] for used in spent)
    assert abs(usage["ai_usd"] - sum(used["cumulativeUsd"] for used in spent)) < 1e-9
