"""Rows with more of something than people expect: nothing of it is lost without a word."""

from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

NOW = 1_790_000_000
DAY = 86_400
PLANNED = 302


def sandbox_with(*rows: dict[str, Any]) -> Sandbox:
    """A sandbox with these rows, newest first."""
    sandbox = Sandbox(size=0)
    defaults = {"origin": "web-chat", "messagesNum": 1}
    sandbox.replace([
        defaults | {"ID": f"c{n}", "ts": NOW - n, "userName": f"Ann {n}"} | row
        for n, row in enumerate(rows)
    ])  # fmt: skip
    return sandbox


async def test_a_lead_with_hundreds_of_next_steps_is_shown_with_a_note() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut without a number.

    Holds docs/contract.md #cut-told #next-steps.
    """
    steps = [
        {"type": "Call", "title": f"call {n}", "dueDate": NOW + 4000 * DAY + n * DAY}
        for n in range(PLANNED)
    ]
    async with connected(sandbox_with({"crmActivities": steps})) as client:
        await client.until_complete()
        answer = await client.ask("get_lead", lead="c0")
        shown = answer["lead"]["next_steps"]
        titles = [step["title"] for step in shown]
        assert titles == [f"call {n}" for n in range(len(shown))]
        note = f"next_steps is cut short: {len(shown)} of {PLANNED} are shown."
        assert note in answer["freshness"]["notes"]
        assert (await client.read("convocore://agents/demo-agent/leads/c0"))["lead"]


@pytest.mark.parametrize(
    "field",
    [
        "{}, {}", "{},{}", "{}; {}", "{};{}", "{} / {}", "{}/{}", "{} | {}", "{} and {}",
        "work: {}\nhome: {}", "<{}> <{}>", "mailto:{},mailto:{}",
    ],
)  # fmt: skip
async def test_a_person_is_found_by_each_address_in_one_email_field(field: str) -> None:
    """Promised by docs/contract.md, "Tools": whatever was shown can be pasted back.

    Holds docs/contract.md #pasted-back #lead-order.
    """
    addresses = ["rob@smith.example", "R.Smith@corp.example"]
    rows = sandbox_with(
        {"userName": "Robert", "userEmail": field.format(*addresses)},
        {"userName": "Robert", "userEmail": "robert@elsewhere.example"},
    )
    async with connected(rows) as client:
        await client.until_complete()
        for text in (*addresses, field.format(*addresses), f"{addresses[1]}, {addresses[0]}"):
            answer = await client.ask("get_lead", lead=text)
            assert answer["lead"]["lead_id"] == "c0", text
            assert answer["matched_on"] == "email"


async def test_a_note_says_that_there_are_more_namesakes_than_are_counted() -> None:
    """Promised by docs/contract.md, "Rules for every answer": no list is cut without a number.

    Holds docs/contract.md #cut-told.
    """
    many = 2_050
    rows = sandbox_with(*({"userName": f"Maria Nr{n}"} for n in range(many)), {})
    async with connected(rows) as client:
        await client.until_complete()
        answer = await client.ask("get_lead", lead="Maria")
        assert answer["total"] < many
        assert any(
            f"At least {answer['total']:,} people" in n for n in answer["freshness"]["notes"]
        )
        assert "notes" not in (await client.ask("get_lead", lead="Maria Nr7"))["freshness"]


async def test_every_captured_variable_can_be_asked_for_in_its_whole_length() -> None:
    """Promised by docs/contract.md, "Fields": `data.NAME` is the captured variable of that name.

    Holds docs/contract.md #data-name #data-length.
    """
    many = {f"answer_{n}": n for n in range(400)}
    said = "word " * 3_900
    rows = sandbox_with(
        {"capturedVariables": many, "funnelExtractedData": {"budget": "25k"}},
        {"capturedVariables": {"history": f"{said}zebra {said}quokka"}},
    )
    async with connected(rows) as client:
        await client.until_complete()
        for conditions, ids in (
            (["data.answer_399=399"], ["c0"]),
            (["data.budget>=25000", "data.answer_250 exists"], ["c0"]),
            (["data.answer_399 missing"], ["c1"]),
            (["data.history~zebra"], ["c1"]),
            (["data.history~quokka"], []),  # behind the first 20,000 characters
        ):
            found = await client.ask("list_conversations", where=conditions)
            assert [row["id"] for row in found["conversations"]] == ids, conditions
            (note,) = found["freshness"]["notes"]
            assert note.startswith("data: 1 conversation has a captured value of more than 20,000")
        groups = (await client.ask("conversation_stats", group_by=["data.answer_399"]))["groups"]
        assert {group["data.answer_399"] for group in groups} == {"399", "none"}


CONTACTS = [
    ({"userWebsite": "www.kimshop.example, kim-blog.example"},
     ["kim-blog.example", "https://www.kimshop.example"]),
    ({"socialHandle": "@lou / @lou.official"}, ["@lou.official", "@lou / @lou.official"]),
    ({"linkedIn": "linkedin.com/in/nia-x | https://linkedin.com/in/nia-y"},
     ["linkedin.com/in/nia-x", "www.linkedin.com/in/nia-y/"]),
    ({"userPhone": "0151 29260712, 0151 29260713", "countryCode": "DE"},
     ["+4915129260712", "0151-29260713", "+49 151 29260713"]),
    ({"userPhone": "0151 29260714; 030 90182101 ext. 5", "countryCode": "DE"},
     ["+4915129260714", "030 90182101", "+493090182101"]),
    ({"userName": "+49 160 5550 1234"}, ["+4916055501234", "0160 55501234", "+49 160 5550 1234"]),
]  # fmt: skip
"""Fields with several contacts, or a name that is a number, and what finds the person."""


async def test_a_person_is_found_by_each_contact_in_one_field() -> None:
    """Promised by docs/contract.md, "Tools": whatever was shown can be pasted back.

    Holds docs/contract.md #pasted-back #lead-order.
    """
    rows = sandbox_with(*(row for row, _ in CONTACTS))
    async with connected(rows) as client:
        await client.until_complete()
        for number, (_, texts) in enumerate(CONTACTS):
            for text in texts:
                answer = await client.ask("get_lead", lead=text)
                assert answer.get("lead", {}).get("lead_id") == f"c{number}", text
