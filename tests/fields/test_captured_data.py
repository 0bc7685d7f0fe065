# ruff: noqa: RUF001  letters and digits of other scripts look like those of ours
"""Captured data is the same in every tool, has names wherever it can, and holds no secrets."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.fields.captured_data import captured_data
from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected

SECRET = "sk-4711"
LISTED = [
    {"name": "city", "value": "Köln"}, {"name": "seats", "value": 12},
    {"name": "api_token", "value": SECRET},
]  # fmt: skip
NAMED = {"budget": "5k", "access_token": SECRET, "login": {"password": SECRET, "user": "ann"}}
ROW: dict[str, Any] = {"origin": "web-chat", "messagesNum": 1, "userName": "Ann Lee"}
FIELDS_WITH_SECRETS = [
    "data.api_token",
    "data.access_token",
    "data.login",
    "data.captured_variables",
]


@pytest.fixture
async def client() -> AsyncIterator[ToolClient]:
    rows = [
        ROW | {"ID": "listed", "ts": 1_780_000_100, "capturedVariables": LISTED},
        ROW | {"ID": "named", "ts": 1_780_000_000, "userName": "Bob Ray",
               "capturedVariables": NAMED, "funnelExtractedData": {"budget": 900, "seats": "3"}},
    ]  # fmt: skip
    sandbox = Sandbox(size=0)
    sandbox.replace(rows)
    async with connected(sandbox) as found:
        await found.until_complete()
        yield found


async def test_a_list_of_names_and_values_is_asked_for_by_name(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Fields": `data.NAME` is the captured variable of that name.

    Holds docs/contract.md #data-name.
    """
    found = await client.ask("list_conversations", where=["data.city=köln", "data.seats>=10"])
    assert [row["id"] for row in found["conversations"]] == ["listed"]
    groups = (await client.ask("conversation_stats", group_by=["data.seats"]))["groups"]
    assert {group["data.seats"] for group in groups} == {"12", "3"}


async def test_every_tool_gives_the_same_captured_data(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Fields": the captured variable, else the extracted value."""
    (row,) = (await client.ask("list_leads", query="Bob", fields=["data.budget", "data.seats"]))[
        "leads"
    ]
    lead = (await client.ask("get_lead", lead="Bob Ray"))["lead"]
    one = (await client.ask("get_conversation", conversation="named"))["conversation"]
    assert (row["data.budget"], row["data.seats"]) == ("5k", "3")
    assert lead["extracted"] == one["data"]
    assert one["data"] == {"budget": "5k", "seats": "3", "login": {"user": "ann"}}


async def test_a_captured_secret_is_in_no_answer(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Resources": secrets are left out, wherever they were put."""
    resource = "convocore://agents/demo-agent/conversations"
    answers = [
        await client.ask("list_conversations", fields=FIELDS_WITH_SECRETS),
        await client.ask("list_leads", fields=FIELDS_WITH_SECRETS),
        await client.ask("conversation_stats", group_by=["data.api_token", "data.access_token"]),
        await client.ask("get_lead", lead="Ann Lee"),
        await client.ask("get_lead", lead="Bob Ray"),
        await client.ask("get_conversation", conversation="listed"),
        await client.ask("get_conversation", conversation="named"),
        await client.read(f"{resource}/listed"),
        await client.read(f"{resource}/named"),
    ]
    assert SECRET not in json.dumps(answers)
    for name in ("data.api_token", "data.access_token"):
        found = await client.ask("list_conversations", where=[f"{name} exists"])
        assert found["total"] == 0, name


NAMES = st.sampled_from(["size", "city", "api_token", "Password", "captured_variables"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_an_object_and_a_list_of_its_pairs_mean_the_same(
    captured: dict[str, object], extracted: dict[str, object]
) -> None:
    """Ours: both shapes were seen; what is known does not depend on the shape."""
    pairs = [{"name": name, "value": value} for name, value in captured.items()]
    found = captured_data(captured, extracted)
    assert captured_data(pairs, extracted) == found
    assert {"api_token", "Password"}.isdisjoint(found)


WRITTEN = {
    "25k": 25_000, "15,000": 15_000, "AED 15,000": 15_000, "15,000 AED": 15_000, "USD 25k": 25_000,
    "R$ 1.500,50": 1500.5, "25kEUR": 25_000, "2,5 Mio. €": 2_500_000, "5 тыс.": 5000,
    "5 млн руб": 5_000_000, "5 Tsd": 5000, "3 mrd": 3_000_000_000, "5 lakhs": 500_000,
    "\u0662\u0665\u0660\u0660\u0660": 25_000, "\uff11\uff15\uff10\uff10\uff10": 15_000,
    "\u06f1\u06f2": 12, "\u0662\u0665\u066c\u0660\u0660\u0660\u066b\u0665": 25_000.5,
    "30 min": 30, "12 pcs": 12, "10%": 10, "~100": 100, "−5 €": -5,
    "4 kids": None, "5 mins": None, "2 keys": None, "5 MINS": None, "5 mil": None, "(500)": None,
    "5 months": None, "room 5": None,
}  # fmt: skip
"""What visitors write, and the number that it is; `None` for what is no number or has several
readings: *mil* is a thousand in Spanish and a million elsewhere, and *kids* are not thousands."""


async def test_what_is_written_as_a_number_compares_as_that_number_and_nothing_else_does() -> None:
    """Promised by docs/contract.md, "Fields": text that is a number compares as one.

    Holds docs/contract.md #data-name.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace([
        ROW | {"ID": f"c{n}", "ts": 1_780_000_000 - n, "capturedVariables": {"size": text}}
        for n, text in enumerate(WRITTEN)
    ])  # fmt: skip
    async with connected(sandbox) as client:
        await client.until_complete()
        numbers = sorted({number for number in WRITTEN.values() if number is not None})
        for number in numbers:
            where = [f"data.size>={number}", f"data.size<={number}"]
            found = await client.ask("list_conversations", where=where, limit=100)
            texts = {list(WRITTEN)[int(row["id"][1:])] for row in found["conversations"]}
            assert texts == {text for text, meant in WRITTEN.items() if meant == number}, number
        everything = await client.ask("list_conversations", where=["data.size>=-1000"], limit=100)
        assert everything["total"] == sum(number is not None for number in WRITTEN.values())
