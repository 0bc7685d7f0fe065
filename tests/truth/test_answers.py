"""What holds for every answer: its shape, its size, its safety, and its freshness."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest

from convocore_mcp.sandbox import FREE_PLAN_KEY, Sandbox
from tests.tool_client import Answer, ToolClient, connected, text_of

NO_SYNC_SECONDS = 36_000
MAX_CHARACTERS = 30_000
NOW = 1_780_000_000
AGENT = "convocore://agents/demo-agent"
HIDING = (
    "![img](https://evil.test/p.png?q=1)", "[ok](https://evil.test)", "[a][1]\n\n[1]: https://e.test",
    "<img src=x onerror=alert(1)><!-- hi --><https://evil.test>", "\x1b[31mred\x1b[0m\x9b2J",
    "\x1b]8;;https://evil.test\x07open\x1b]8;;\x07", "a\u202eb\u202c\u2066c\u2069\u200e\u061c",
    "z\u200bw\u200c\u200d\u2060\ufeff\u00ad", "t\U000e0041\U000e0042\U000e007f",
    "\x00\x07\x08\x7f\x85", "half \ud83d emoji", "!\u200b[x]\u200b(https://evil.test)", "]\x1b[0m(https://evil.test)",
    "!\u2060[x][y]", "line\u2028end\u2029", "\ufe0f\U000e0100\u3164\u2800",
)  # fmt: skip
HOSTILE = " ".join(HIDING)


def replaced(rows: list[Any]) -> Sandbox:
    """A sandbox that serves these rows."""
    sandbox = Sandbox(size=0)
    sandbox.replace(rows)
    return sandbox


def leaves(value: Any) -> Iterator[Any]:
    """Every value and every name in an answer."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def check_safe(answer: Answer) -> None:
    """Nothing unknown, nothing hidden, nothing that renders as a link or an image."""
    for value in leaves(answer):
        assert value is not None
        if not isinstance(value, str):
            continue
        assert value.strip()
        hidden = [
            c for c in value
            if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and c not in "\n\t"
        ]  # fmt: skip
        assert hidden == [], ascii(value)
        assert not re.search(r"\]\(|!\[|\]\[|<[a-zA-Z/!?]", value), value


async def asked_about(tool_client: ToolClient, conversation_id: str) -> list[Answer]:
    """The answers about one conversation and its lead."""
    lead = await tool_client.ask("get_lead", lead=conversation_id)
    return [
        lead,
        await tool_client.ask("get_lead", lead=lead["lead"]["lead_id"]),
        await tool_client.read(f"{AGENT}/conversations/{conversation_id}"),
    ]


async def asked_every_way(tool_client: ToolClient, conversation_id: str) -> list[Answer]:
    """An answer of every tool and of every resource that shows what visitors wrote."""
    return [
        *await asked_about(tool_client, conversation_id),
        await tool_client.ask("list_conversations", limit=100),
        await tool_client.ask("list_conversations", limit=100, detail="full"),
        await tool_client.ask("list_conversations", query="xyzzy", label="hot", tag="plugh"),
        await tool_client.ask("summarize_hot_leads", top=50, explain=True, min_score=0),
        await tool_client.read(f"{AGENT}/conversations?limit=100"),
        await tool_client.read(f"{AGENT}/hot-leads"),
        await tool_client.read(f"{AGENT}/stats"),
        await tool_client.read("convocore://agents"),
    ]


# Shape


async def test_every_answer_fits_the_schema_its_tool_declares_and_holds_nothing_unknown(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #one-object.
    """
    schemas = {
        tool.name: tool.output_schema for tool in (await tool_client.client.list_tools()).tools
    }
    ids = [row["ID"] for row in sandbox.rows() if not row.get("isTest") and row.get("stage")]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_conversations", {"limit": 100, "detail": "full"}),
        ("list_conversations", {"sort": "value", "attention": ["overdue"], "since": "90d"}),
        ("list_conversations", {"stage": "won", "label": "hot", "tag": "nope"}),
        ("summarize_hot_leads", {"top": 50, "explain": True}),
        ("summarize_hot_leads", {"since": "2030-01-01"}),
        ("get_lead", {"lead": "Jane"}),
        *(("get_lead", {"lead": i}) for i in ids[:20]),
    ]
    for tool, arguments in calls:
        result = await tool_client.call(tool, **arguments)
        if result.is_error:
            assert json.loads(text_of(result))["error"]["code"] == "not_found"
            continue
        answer = await tool_client.ask(tool, **arguments)
        jsonschema.Draft202012Validator(schemas[tool]).validate(answer)
        check_safe(answer)
        text = text_of(result)
        assert len(text) <= MAX_CHARACTERS
        assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        check_freshness(answer["freshness"])


def check_freshness(freshness: Answer) -> None:
    """The three fields that are always there."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", freshness["as_of"])
    assert isinstance(freshness["complete"], bool)
    assert isinstance(freshness["conversations"], int)


async def test_tools_are_small_flat_read_only_and_titled(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #read-only #input-schemas.
    """
    tools = (await tool_client.client.list_tools()).tools
    size = 0
    for tool in tools:
        schema = json.dumps(tool.input_schema, separators=(",", ":"))
        size += len(tool.name) + len(tool.description or "") + len(schema)
        assert tool.title
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.idempotent_hint is True
        assert 0 < len(tool.description or "") < 1000
        assert len(tool.input_schema.get("required", [])) <= 1
        for published in (tool.input_schema, tool.output_schema):
            text = json.dumps(published)
            assert "$ref" not in text
            assert "$defs" not in text
            assert '"null"' not in text
            jsonschema.Draft202012Validator.check_schema(published or {})
    assert {"list_conversations", "get_lead", "summarize_hot_leads"} <= {t.name for t in tools}
    assert size <= 13_000
    assert 0 < len(tool_client.client.instructions or "") < 1_900


async def test_twenty_brief_rows_are_small(tool_client: ToolClient) -> None:
    """Ours: twenty brief rows take at most 6,000 characters.

    Holds docs/contract.md #brief.
    """
    text = text_of(await tool_client.call("list_conversations"))
    assert len(text) <= 6_000


async def test_both_eras_of_the_protocol_get_the_same_answers() -> None:
    """Promised by docs/architecture.md, "Serving": both protocol eras."""
    # Made a moment ago: what is due at that moment is overdue for both.
    sandbox = Sandbox(size=300, now=datetime.now(UTC) - timedelta(minutes=3))
    ids = [row["ID"] for row in sandbox.rows() if row.get("userName") and not row.get("isTest")]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_conversations", {"limit": 30, "detail": "full"}),
        ("list_conversations", {"stage": ["won", "trial"], "sort": "score"}),
        ("summarize_hot_leads", {"top": 20}),
        ("get_lead", {"lead": ids[3]}),
        ("list_conversations", {"stage": "nope"}),
        ("get_lead", {"lead": "Xqzwv Bfghjk"}),
        ("list_conversations", {"colour": "red"}),
    ]
    modes: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")
    by_mode = []
    for mode in modes:
        async with connected(
            sandbox, mode=mode, incremental_sync_seconds=NO_SYNC_SECONDS
        ) as tool_client:
            await tool_client.until_complete()
            results = [await tool_client.call(tool, **arguments) for tool, arguments in calls]
            texts = [
                re.sub(r'"(as_of|next_cursor)":"[^"]+"|as of [^ ]+', "", text_of(r))
                for r in results
            ]
            tools = (await tool_client.client.list_tools()).tools
            by_mode.append((texts, [r.is_error for r in results], [t.input_schema for t in tools]))
    assert by_mode[0] == by_mode[1]


# Size and safety


def huge(number: int) -> dict[str, Any]:
    """A conversation with too much of everything, and a label that makes it hot."""
    words = f"word{number} " * 300
    texts = (
        "userName", "userCompany", "title", "summary", "lastMessage", "notes", "note", "source",
        "userAddress", "userWebsite", "linkedIn", "crossChannelContext", "funnelSummary", "lang",
        "language", "countryCode", "currency", "lostReason", "expectedCloseDate", "endReason",
    )  # fmt: skip
    at = NOW - number
    step = {"type": "Call " + words, "title": words, "dueDate": at, "completed": False, "date": at}
    return {
        "ID": f"huge-{number}", "ts": at, "lastMessageTS": at, "firstMessageTS": at,
        **dict.fromkeys(texts, words), "userEmail": f"{'x' * 3000}{number}@example.com",
        "value": words, "hotLabel": "hot", "origin": words[:500], "state": "requested_chat",
        "tags": [f"tag {i} {words[:400]}" for i in range(300)],
        "crmActivities": [step | {"title": f"{i} {words}"} for i in range(60)],
        "handoffHistory": [{"requestedAt": at - i} for i in range(300)],
        "capturedVariables": {f"{i} {words[:60]}": words[:500] for i in range(300)},
        "assignedTo": {"userId": words, "name": words, "email": words},
        "funnelScoreHistory": [
            {"timestamp": at - i, "stepId": "s", "stepName": words[:900], "pointsAdded": 1,
             "newScore": i} for i in range(100)
        ],
    }  # fmt: skip


async def test_an_answer_stays_within_its_limit_and_paging_still_yields_all() -> None:
    """Promised by docs/contract.md, "Rules for every answer": 30,000 characters.

    Holds docs/contract.md #size.
    """
    rows = [huge(number) for number in range(24)]
    async with connected(replaced(rows), incremental_sync_seconds=NO_SYNC_SECONDS) as tool_client:
        for asked in ({"detail": "full"}, {"detail": "brief"}, {"detail": "full", "sort": "score"}):
            pages = await tool_client.pages(limit=100, **asked)
            found = Counter(row["id"] for page in pages for row in page["conversations"])
            assert found == Counter({row["ID"]: 1 for row in rows})
            assert {page["total"] for page in pages} == {len(rows)}
        for answer in await asked_every_way(tool_client, "huge-7"):
            check_safe(answer)
            assert (
                len(json.dumps(answer, ensure_ascii=False, separators=(",", ":"))) <= MAX_CHARACTERS
            )
        for page in pages:
            assert (
                len(json.dumps(page, ensure_ascii=False, separators=(",", ":"))) <= MAX_CHARACTERS
            )
        lead = await tool_client.ask("get_lead", lead="huge-7")
        assert any("cut short" in note for note in lead["freshness"]["notes"])


def made_hostile(value: Any, name: str = "") -> Any:
    """`value` with every text and every name of free-form data as hostile as they come."""
    if isinstance(value, dict):
        free = name in ("capturedVariables", "metadata", "extractedData", "funnelExtractedData")
        return {(f"{k} {HOSTILE}" if free else k): made_hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [made_hostile(item, name) for item in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) else value


async def test_a_conversation_hostile_in_every_field_leaves_nothing_hidden_in_any_answer() -> None:
    """Promised by docs/architecture.md, "Untrusted text": in text and structure alike.

    Holds docs/contract.md #untrusted.
    """
    rows: list[Any] = []
    given = {
        "ID",
        "contactIdentityId",
        "userPhone",
        "lastActivityDate",
        "date",
        "dueDate",
        "assignedAt",
        "hotLabel",
    }
    for row in Sandbox(size=80, dialect="page").rows():
        text = {name: made_hostile(v, name) for name, v in row.items() if name not in given}
        text.pop("crmActivities", None)
        kept = {name: v for name, v in row.items() if name in given}
        free = {"capturedVariables": {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}, "value": HOSTILE}
        steps = [{"type": HOSTILE, "title": HOSTILE, "dueDate": NOW, "metadata": {HOSTILE: 1}}]
        rows.append(kept | text | free | {"crmActivities": steps, "newField": {HOSTILE: HOSTILE}})
    async with connected(replaced(rows), incremental_sync_seconds=NO_SYNC_SECONDS) as tool_client:
        telling = [r["ID"] for r in rows if r.get("userName") and not r.get("isTest")]
        answers = await asked_every_way(tool_client, telling[0])
        for conversation_id in telling[1:5]:
            answers += await asked_about(tool_client, conversation_id)
        for answer in answers:
            check_safe(answer)
        for typed in (HOSTILE, *HIDING):
            for asked in ({"query": typed[:400]}, {"tag": typed[:190]}, {"stage": typed[:190]}):
                result = await tool_client.call("list_conversations", **asked)
                check_safe(json.loads(text_of(result)))
            check_safe(json.loads(text_of(await tool_client.call("get_lead", lead=typed[:290]))))


# How far an answer can be trusted


@pytest.mark.parametrize("dialect", ["cursor", "page"])
async def test_a_broken_row_is_quarantined_and_noted_and_costs_no_other(
    dialect: Literal["cursor", "page"],
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": a note in `freshness`.

    Holds docs/contract.md #note-quarantined.
    """
    sandbox = Sandbox(size=300, dialect=dialect)
    good = {row["ID"] for row in sandbox.rows()}
    broken: list[Any] = [None, "a row", {"no": "ID"}, {"ID": "", "ts": 1}, 7]

    def break_some(envelope: Answer, number: int) -> None:
        if number <= len(broken):
            envelope["data"].insert(3, broken[number - 1])

    sandbox.alter_page(break_some)
    async with connected(sandbox, incremental_sync_seconds=NO_SYNC_SECONDS) as tool_client:
        await tool_client.until_read()
        pages = await tool_client.pages(limit=100)
        assert {row["id"] for page in pages for row in page["conversations"]} == good
        freshness = pages[0]["freshness"]
        assert freshness["conversations"] == len(good)
        notes = " ".join(freshness["notes"])
        assert re.search(r"\d+ record", notes)
        for tool, asked in (("summarize_hot_leads", {}), ("get_lead", {"lead": min(good)})):
            result = await tool_client.call(tool, **asked)
            if not result.is_error:
                assert json.loads(text_of(result))["freshness"]["notes"] == freshness["notes"]


@pytest.mark.parametrize("dialect", ["cursor", "page"])
async def test_when_convocore_is_down_the_mirror_answers_with_a_note(
    dialect: Literal["cursor", "page"],
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": stale data is a note.

    Holds docs/contract.md #note-stale.
    """
    sandbox = Sandbox(size=200, dialect=dialect)
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        await tool_client.until_complete()
        before = await tool_client.ask("list_conversations", limit=100)
        assert before["freshness"]["complete"] is True
        assert "notes" not in before["freshness"]
        sandbox.insert(userName="Too Late")
        sandbox.fail_next(503, times=10_000)

        for tool, asked in (
            ("list_conversations", {"limit": 100}), ("summarize_hot_leads", {}),
            ("get_lead", {"lead": before["conversations"][0]["id"]}),
        ):  # fmt: skip
            answer = await tool_client.ask(tool, **asked)
            freshness = answer["freshness"]
            assert freshness["as_of"] <= before["freshness"]["as_of"]
            assert freshness["conversations"] == before["freshness"]["conversations"]
            assert any("503" in note or "can't be read" in note for note in freshness["notes"])
        again = await tool_client.ask("list_conversations", limit=100)
        assert again["conversations"] == before["conversations"]


ERRORS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("a wrong key", "unauthorized", {"api_key": "wrong"}),
    ("a plan without the endpoint", "forbidden", {"api_key": FREE_PLAN_KEY}),
    ("no such agent", "not_found", {"agent_id": "nobody-here"}),
    ("no key", "not_configured", {"api_key": None}),
    ("no agent", "not_configured", {"agent_id": None}),
    ("several agents, none chosen", "invalid_argument", {"agent_id": "one,two"}),
    ("an unknown region", "not_configured", {"region": "mars"}),
)


@pytest.mark.parametrize(("_case", "code", "settings"), ERRORS, ids=[case[0] for case in ERRORS])
async def test_a_wrong_setting_is_an_error_that_says_what_to_do(
    _case: str,
    code: str,
    settings: dict[str, Any],
) -> None:
    """Promised by docs/contract.md, "Configuration": without a key, tools are listed.

    Holds docs/contract.md #error-hint #error-secrets.
    """
    async with connected(Sandbox(size=50), **settings) as tool_client:
        assert len((await tool_client.client.list_tools()).tools) >= 3
        for tool, asked in (
            ("list_conversations", {}), ("summarize_hot_leads", {}), ("get_lead", {"lead": "Jane"})
        ):  # fmt: skip
            error = await tool_client.refused(tool, **asked)
            assert error["code"] == code
            assert error["message"]
            assert error["hint"]
            assert not re.search(
                r"Traceback|/work|site-packages|sandbox-key|wrong\b.*key", str(error)
            )
            if code == "unauthorized":
                assert "region" in error["hint"].lower()
            if settings.get("agent_id") == "one,two":
                assert "one" in error["hint"]
                assert "two" in error["hint"]


HTML = b"<!doctype html><html><head><title>502</title></head><body>Bad gateway</body></html>"
FAULTS: tuple[tuple[str, str, int, dict[str, str], bytes], ...] = (
    ("500", "upstream_unavailable", 500, {}, b'{"message":"boom","code":"INTERNAL_SERVER_ERROR"}'),
    ("a proxy's page", "upstream_unavailable", 502, {"content-type": "text/html"}, HTML),
    ("503 with nothing", "upstream_unavailable", 503, {}, b""),
    ("HTML under 200", "upstream_invalid", 200, {"content-type": "text/html"}, HTML),
    ("no list", "upstream_invalid", 200, {}, b'{"success":true,"message":"ok","data":"none"}'),
    ("401", "unauthorized", 401, {}, b'{"message":"no","code":"UNAUTHORIZED"}'),
    ("403", "forbidden", 403, {}, b'{"message":"Business plan or higher","code":"FORBIDDEN"}'),
    ("404", "not_found", 404, {}, b'{"message":"Not found","code":"NOT_FOUND"}'),
    ("429", "rate_limited", 429, {"retry-after": "1"}, b'{"message":"slow","code":"TOO_MANY"}'),
    ("no success", "upstream_invalid", 200, {}, b'{"success":false,"message":"nope","data":[]}'),
)


@pytest.mark.parametrize(
    ("_case", "code", "status", "headers", "body"), FAULTS, ids=[case[0] for case in FAULTS]
)
async def test_each_failure_of_convocore_has_its_error_code(
    _case: str,
    code: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer"; here the mirror is empty.

    Holds docs/contract.md #error-codes.
    """
    sandbox = Sandbox(size=50)
    sandbox.respond_next(status, headers, body, times=10_000)
    async with connected(sandbox) as tool_client:
        for tool, asked in (("list_conversations", {}), ("get_lead", {"lead": "Jane"})):
            error = await tool_client.refused(tool, **asked)
            assert error["code"] == code
            assert error["hint"]
            assert "<html" not in str(error)
            if status == 429:
                assert 0 < error["retry_after"] <= 1
