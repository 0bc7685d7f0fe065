"""Arguments that no sensible client sends: every call is answered, and none finds a bug of ours."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.mcp import RequestContext
from tests.property_tests import examples
from tests.tool_client import Answer, ToolClient, connected, text_of

AGENT = "convocore://agents/demo-agent"
MAX_CHARACTERS = 30_000
LAST_SECOND = "9999-12-31T23:59:59Z"
SIGNS = ["@", "#", "/", "//", "@/", "https://", "www.", "+", '"', "\u200b"]
FIELDS = ["name", "score", "value", "tags", "created", "hot", "stage", "data.a b", 'data."x"', "no"]
VALUES = [
    "", "0", "-1", "1e400", "nan", "9" * 400, "12,500", "a|b", "||", '"', '"a|b"', "today", "+7d",
    "3m", "99999y", LAST_SECOND, "0001-01-01", "2026-02-30", "\x00", "\ud800", "é", "😀", "%_\\",
    "x" * 600, "٣", "½",
]  # fmt: skip
OPERATORS = ["=", "!=", ">", ">=", "<", "<=", "~", "!~", " exists", " missing", "==", ""]
TOOLS = (
    "list_conversations", "get_conversation", "list_leads", "get_lead", "summarize_hot_leads",
    "conversation_stats", "list_changes",
)  # fmt: skip
ARGUMENTS = (
    "query", "stage", "label", "state", "channel", "tag", "assignee", "min_score", "attention",
    "where", "since", "until", "sort", "fields", "limit", "cursor", "detail", "agent_id",
    "conversation", "turns", "find", "lead", "top", "explain", "of", "group_by", "by_time",
    "measure", "kind", "changed", "became",
)  # fmt: skip

conditions = st.tuples(*map(st.sampled_from, (FIELDS, OPERATORS, VALUES))).map("".join)
texts = st.sampled_from(VALUES + SIGNS + FIELDS) | conditions | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=2)
    ),
    max_leaves=5,
)
sensible = texts | st.lists(texts, max_size=3) | st.integers(0, 100) | st.booleans()
arguments = st.dictionaries(st.sampled_from(ARGUMENTS), sensible | anything, max_size=4)
calls = st.lists(st.tuples(st.sampled_from(TOOLS), arguments), min_size=10, max_size=30)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def thirty() -> AsyncIterator[ToolClient]:
    """A client of a server that has read thirty conversations; no test changes them."""
    async with connected(Sandbox(size=30)) as client:
        await client.until_complete()
        yield client


def blanks_in(value: Any) -> bool:
    """Whether something unknown is not left out."""
    if isinstance(value, dict):
        return any(map(blanks_in, value.values()))
    if isinstance(value, list):
        return any(map(blanks_in, value))
    return value is None or value == ""


async def answer_or_error(client: ToolClient, tool: str, given: dict[str, Any]) -> Answer:
    """What comes back, checked by the rules for every answer; the client checks the schema."""
    result = await client.call(tool, **given)
    text = text_of(result)
    assert len(text) <= MAX_CHARACTERS
    body: Answer = json.loads(text)
    if result.is_error:
        error = body["error"]
        assert {"code", "message", "hint"} <= error.keys()
        assert error["code"] not in {"internal", "mirror_unavailable"}, (tool, given)
    else:
        assert body == result.structured_content
        assert "complete" in body["freshness"]
    assert not blanks_in(body), (tool, given)
    return body


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls)
async def test_every_call_is_answered_whatever_its_arguments_are(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": errors, size, nothing unknown.

    Holds docs/contract.md #unknown-left-out.
    """
    async with connected(Sandbox(size=60)) as client:
        schemas = {t.name: t.input_schema for t in (await client.client.list_tools()).tools}
        for tool, arguments in calls:
            known = {n: v for n, v in arguments.items() if n in schemas[tool]["properties"]}
            required = dict.fromkeys(schemas[tool].get("required", ()), "x")
            await answer_or_error(client, tool, required | known)


@pytest.mark.parametrize("argument", ["since", "until"])
async def test_the_last_second_of_the_calendar_is_a_time_like_any_other(
    thirty: ToolClient, argument: str
) -> None:
    """Promised by docs/contract.md, "Times": ISO dates and times."""
    bound = {argument: LAST_SECOND}
    count = 0 if argument == "since" else 30
    assert (await thirty.ask("list_conversations", **bound))["total"] == count
    assert (await thirty.ask("list_conversations", fields="name", **bound))["total"] == count
    for tool in ("list_leads", "summarize_hot_leads", "conversation_stats"):
        await thirty.ask(tool, **bound)


@pytest.mark.parametrize("limit", ["0020" + "9" * 9, "0001" + "9" * 5_000, "101", "-1", "x", ""])
async def test_a_wrong_part_of_a_uri_is_an_invalid_parameter(
    thirty: ToolClient, limit: str
) -> None:
    """Promised by docs/contract.md, "Resources": a failure's text is an error object.

    Holds docs/contract.md #r-failures #r-invalid.
    """
    too_long = f"{AGENT}/leads/{'x' * 301}"
    for uri in (f"{AGENT}/conversations?limit={limit}", f"{AGENT}/leads/%20", too_long):
        with pytest.raises(MCPError) as refused:
            await thirty.read(uri)
        assert refused.value.error.code == INVALID_PARAMS
        assert json.loads(refused.value.error.message)["error"]["code"] == "invalid_argument"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_bug_outside_of_a_tool_tells_nothing_of_itself(mode: Any) -> None:
    """Promised by docs/contract.md, "Rules for every answer": no stack trace, no path."""

    async def crashing(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        if ctx.method == "prompts/get":
            raise RuntimeError("/a/secret/path")
        return await call_next(ctx)

    async with connected(Sandbox(size=1), mode=mode, middleware=[crashing]) as client:
        with pytest.raises(MCPError) as crashed:
            await client.client.get_prompt("triage_handoffs")
    assert crashed.value.error.code == INTERNAL_ERROR
    assert json.loads(crashed.value.error.message)["error"]["code"] == "internal"
    assert "secret" not in str(crashed.value.error)


@pytest.mark.parametrize("signs", SIGNS)
async def test_a_lead_of_nothing_but_signs_is_nobody(thirty: ToolClient, signs: str) -> None:
    """Promised by docs/contract.md, "Tools": no match is a `not_found`."""
    refused = await thirty.refused("get_lead", lead=signs)
    assert refused["code"] in {"not_found", "invalid_argument"}


@pytest.mark.parametrize("tool", ["list_conversations", "list_leads"])
async def test_fields_that_change_between_pages_are_shown_or_refused(tool: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored."""
    async with connected(Sandbox(size=60)) as client:
        await client.until_complete()
        for first, second in (({}, {"fields": ["stage"]}), ({"fields": ["stage"]}, {})):
            cursor = (await client.ask(tool, limit=5, **first))["next_cursor"]
            body = await answer_or_error(client, tool, {"limit": 5, "cursor": cursor} | second)
            assert "error" not in body or body["error"]["code"] == "invalid_argument"


NAMES = [
    "deal budget",
    "x=y",
    "x!=y",
    "x ~ y",
    "it's",
    "a exists",
    '"x"',
    "größe",
    "data.x",
    "a|b",
    "$.x",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_captured_variable_is_found_by_its_name_in_quotes_whatever_it_holds(
    name: str,
) -> None:
    """Promised by docs/contract.md, "Fields": `data.NAME`, and quotes are optional."""
    sandbox = Sandbox(size=20)
    sandbox.insert(ID="named", capturedVariables={name: "12"})
    bare = name.strip('"')
    async with connected(sandbox) as client:
        await client.until_complete()
        for condition in (f'data."{bare}" exists', f'data."{bare}"=12', f'"data.{bare}">=12'):
            if condition[0] == '"' and any(sign in bare for sign in "=~"):
                continue  # only the name itself can protect an operator
            found = (await client.ask("list_conversations", where=[condition]))["conversations"]
            assert [row["id"] for row in found] == ["named"], condition
        by = await client.ask("conversation_stats", group_by=[f'data."{bare}"'])
        counts = {group[f"data.{bare}"]: group["conversations"] for group in by["groups"]}
        assert counts == {"12": 1, "none": 20}


@pytest.mark.parametrize("written", ["5000 EUR", "€5000", "5k €", "5 Tsd. Euro", "EUR 5.000,50"])
async def test_an_amount_with_a_currency_is_refused_since_it_would_find_others(
    thirty: ToolClient, written: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #currency-in-where.
    """
    error = await thirty.refused("list_conversations", where=[f"value>{written}"])
    assert error["code"] == "invalid_argument"
    assert "currency=EUR" in error["hint"]
    assert (await thirty.ask("list_leads", where=["value>$5k"]))["applied"]["where"] == [
        "value>5000"
    ]


@pytest.mark.parametrize(
    ("condition", "understood"),
    [("pickup_seconds>5min", "pickup_seconds>300"), ("reply_seconds<=1.5 h", "reply_seconds<=5400"),
     ("call_seconds>=90 sec", "call_seconds>=90"),
     ("duration_seconds>2d", "duration_seconds>172800"),
     ("handling_seconds<2k", "handling_seconds<2000"), ("ai_usd>0.5 USD", "ai_usd>0.5")],
)  # fmt: skip
async def test_a_time_span_in_another_unit_is_compared_in_seconds(
    thirty: ToolClient, condition: str, understood: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #units-in-where.
    """
    answer = await thirty.ask("list_conversations", where=[condition])
    assert answer["applied"]["where"] == [understood]


@pytest.mark.parametrize(
    "condition",
    ["messages>5min", "score>=75 EUR", "ai_usd>5 EUR", "tokens>10 pcs", "reply_seconds>5m",
     "pickup_seconds>5 EUR", "rating=4 max"],
)  # fmt: skip
async def test_a_number_in_a_unit_that_its_field_does_not_have_is_refused(
    thirty: ToolClient, condition: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #units-in-where.
    """
    for tool in ("list_conversations", "list_leads", "conversation_stats"):
        error = await thirty.refused(tool, where=[condition])
        assert error["code"] == "invalid_argument", tool


@pytest.mark.parametrize("of", ["list_conversations", "list_leads", "conversation_stats"])
async def test_a_condition_that_names_a_stage_which_nobody_has_is_noted(
    thirty: ToolClient, of: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": nothing is silently ignored.

    Holds docs/contract.md #unknown-refused.
    """
    for condition in ("stage!=won,lost", "stage!=wonn", "stage=new|wonn", "state!=requested"):
        answer = await thirty.ask(of, where=[condition])
        assert f"{condition}: no row has '" in str(answer["freshness"]["notes"]), condition
    for condition in ("stage!=won|lost", "stage!=WON", "state!=requested_chat", "stage=new|trial"):
        assert "no row has" not in str((await thirty.ask(of, where=[condition]))["freshness"])
