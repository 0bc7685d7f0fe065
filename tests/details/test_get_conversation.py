"""One conversation in full, and what was said in it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.size_limit import MAX_CHARACTERS
from tests.details.details_harness import FAST, NOW, full_rows, notes, until_details_are_in
from tests.tool_client import Answer, ToolClient, connected


def exports(sandbox: Sandbox) -> list[str]:
    """The transcripts that were asked for, by conversation."""
    return [r.path.split("/")[-2] for r in sandbox.requests if r.path.endswith("/export")]


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(size=200, now=NOW, export=True)


@pytest.fixture
async def tool_client(sandbox: Sandbox) -> AsyncIterator[ToolClient]:
    async with connected(sandbox, incremental_sync_seconds=0) as tool_client:
        await tool_client.until_complete()
        yield tool_client


@asynccontextmanager
async def transcribed(
    sandbox: Sandbox, turns: object, **fields: object
) -> AsyncIterator[ToolClient]:
    """A client of one conversation `c0`, in which `turns` were exchanged."""
    sandbox.replace(list(full_rows(1, **fields)))
    sandbox.transcripts["c0"] = {"metadata": {}, "turns": turns}
    async with connected(sandbox) as client:
        yield client


async def ask(client: ToolClient, id_: str, **arguments: object) -> Answer:
    return await client.ask("get_conversation", conversation=id_, **arguments)


async def test_everything_about_a_conversation_is_there(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/architecture.md, "How a question travels": names are the contract's.

    Holds docs/contract.md #conversation-result.
    """
    seen: set[str] = set()
    for row in list(sandbox.rows())[:60]:
        shown = (await ask(tool_client, row["ID"]))["conversation"]
        seen |= shown.keys()
        assert shown["id"] == row["ID"]
        assert shown["messages"] == int(row["messagesNum"])
        assert shown.get("state") == row.get("state")
        assert shown.get("email", "").lower() == (row.get("userEmail") or "").strip().lower()
        assert len(shown.get("score_history", ())) == len(row.get("funnelScoreHistory") or ())
        assert len(shown.get("activities", ())) == len(row.get("crmActivities") or ())
        handoffs = row.get("handoffHistory") or []
        assert shown.get("handoffs", 0) == len(handoffs) == len(shown.get("handoffs_history", ()))
        for handoff, raw in zip(shown.get("handoffs_history", ()), handoffs, strict=True):
            assert handoff.get("by") == raw.get("acceptedBy")
            assert ("accepted" in handoff) == bool(raw.get("acceptedAt"))
    assert seen >= {
        "lead_id", "agent_id", "name", "company", "phone", "country", "language", "links", "title",
        "summary", "notes", "preview", "tags", "data", "channel", "source", "model", "stage",
        "label", "score", "value", "currency", "expected_close", "created", "last_activity",
        "assignee", "assignment", "pickup_seconds", "accepted_by", "duration_seconds", "tokens",
        "ai_usd", "score_history", "activities", "handoffs_history",
    }  # fmt: skip


async def test_a_demo_is_a_moment_in_the_time_zone_as_in_lists(sandbox: Sandbox) -> None:
    """Promised by docs/contract.md, "Times": RFC 3339, UTC; days and times are of the time zone."""
    (row,) = full_rows(1, stage="demo_req", demoDate="2026-07-19", demoTime="15:00")
    sandbox.replace([row])
    async with connected(sandbox, timezone="Asia/Kolkata") as client:
        shown = (await ask(client, "c0"))["conversation"]
        (listed,) = (await client.ask("list_conversations", fields=["demo"]))["conversations"]
    assert shown["demo"] == listed["demo"] == "2026-07-19T09:30:00Z"


async def test_what_is_due_and_overdue_is_told_as_in_lists(sandbox: Sandbox) -> None:
    """Ours: what depends on the time is a field like every other one.

    Holds docs/contract.md #conversation-result.
    """
    late = {"type": "Call", "dueDate": "2025-07-01", "completed": False}
    planned = {"type": "Demo", "dueDate": "2125-07-01", "completed": False}
    first, second, third = full_rows(3, stage="proposal")
    first |= {"crmActivities": [planned, late], "expectedCloseDate": "2025-07-01"}
    second |= {"crmAlerts": {"overdueECD": True}}
    sandbox.replace([first, second, third])
    names = ("next_due", "overdue_activity", "overdue_close")
    async with connected(sandbox) as client:
        listed = (await client.ask("list_conversations", fields=names))["conversations"]
        shown = [(await ask(client, row["ID"]))["conversation"] for row in (first, second, third)]
    found = [{name: row[name] for name in names if name in row} for row in shown]
    assert found == [
        {"next_due": "2125-07-01", "overdue_activity": True, "overdue_close": True},
        {"overdue_close": True},
        {},
    ]
    of_lists = [{name: row[name] for name in names if row.get(name)} for row in listed]
    assert found == of_lists


async def test_an_activity_that_was_logged_is_not_due(sandbox: Sandbox) -> None:
    """Promised by docs/contract.md, "`get_conversation`": `due` is when something is due."""
    logged = {"type": "Email", "date": "2026-07-01", "completed": True}
    planned = {"type": "Call", "date": "2026-07-01", "dueDate": "2026-07-19", "completed": False}
    (row,) = full_rows(1, stage="proposal", crmActivities=[logged, planned])
    sandbox.replace([row])
    async with connected(sandbox) as client:
        shown = (await ask(client, "c0"))["conversation"]
    assert [activity.get("due") for activity in shown["activities"]] == [None, "2026-07-19"]


async def test_the_score_history_says_what_the_visitor_said(sandbox: Sandbox) -> None:
    """Ours: a score is explained by the quote that earned it; secrets stay inside.

    Holds docs/contract.md #conversation-result.
    """
    step = {
        "timestamp": 1_780_000_000, "stepName": "Budget", "pointsAdded": 30, "newScore": 30,
        "messageContext": "We have 25k for this.",
    }  # fmt: skip
    captured = [{"name": "budget", "value": "25k"}, {"name": "api_token", "value": "sk-1"}]
    (row,) = full_rows(1, funnelScoreHistory=[step], capturedVariables=captured)
    sandbox.replace(
        [row | {"value": "about 5", "funnelExtractedData": {"budget": "0", "city": "X"}}]
    )
    async with connected(sandbox) as client:
        shown = (await ask(client, "c0"))["conversation"]
    assert shown["score_history"] == [
        {
            "at": "2026-05-28T20:26:40Z", "step": "Budget", "points": 30, "score": 30,
            "quote": "We have 25k for this.",
        }
    ]  # fmt: skip
    assert shown["data"] == {"budget": "25k", "city": "X"}


async def test_the_newest_turns_are_shown_oldest_first(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/upstream.md, "The transcript": debug messages were never said.

    Holds docs/contract.md #transcript.
    """
    row = next(
        row for row in sandbox.rows() if "_" not in row["ID"] and int(row["messagesNum"]) > 8
    )
    assert "transcript" not in await ask(tool_client, row["ID"])
    assert exports(sandbox) == []
    whole = (await ask(tool_client, row["ID"], turns=200))["transcript"]
    some = (await ask(tool_client, row["ID"], turns=3))["transcript"]
    assert some["turns"] == whole["turns"][-3:]
    assert some["total"] == whole["total"] == len(whole["turns"]) == int(row["messagesNum"])
    assert {turn["from"] for turn in whole["turns"]} <= {"visitor", "ai", "human"}
    assert "debug" not in json.dumps(whole)
    times = [turn["at"] for turn in whole["turns"]]
    assert times == sorted(times)


async def test_a_transcript_is_asked_for_once_for_each_version(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/upstream.md, "The transcript": it is billed against a quota."""
    id_ = next(row["ID"] for row in sandbox.rows() if "_" not in row["ID"])
    for _ in range(3):
        before = (await ask(tool_client, id_, turns=5))["transcript"]
    assert exports(sandbox) == [id_]
    sandbox.touch(id_, lastMessage="One more thing")
    after = (await ask(tool_client, id_, turns=5))["transcript"]
    assert after["total"] == before["total"] + 1
    assert exports(sandbox) == [id_, id_]


async def test_words_are_found_with_the_turns_around_them(sandbox: Sandbox) -> None:
    """Ours: as in `query`, every word must occur, without case and accents.

    Holds docs/contract.md #conversation-arguments.
    """
    lines = ["Hello", "Hi!", "One", "How is the Préis-Liste?", "Two", "Three", "Four"]
    turns = [
        {"from": who, "messages": [{"type": "text", "payload": {"message": line}}]}
        for line, who in zip(
            lines, ["user", "bot", "system", "user", "human", "bot", "user"], strict=True
        )
    ]
    async with transcribed(sandbox, turns) as client:
        found = await ask(client, "c0", find="PREIS liste")
        nothing = await ask(client, "c0", find="preis hello")
    said = [(turn["from"], turn["text"]) for turn in found["transcript"]["turns"]]
    assert said == [
        ("visitor", "Hello"), ("ai", "Hi!"), ("visitor", "How is the Préis-Liste?"),
        ("human", "Two"), ("ai", "Three"),
    ]  # fmt: skip
    assert found["transcript"]["total"] == 6
    assert "1 turn has these words" in notes(found)
    assert nothing["transcript"]["turns"] == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("plan", "plan does not include"), ("missing", "does not have"), ("broken", "can't be read")],
)
async def test_without_a_transcript_a_sentence_says_why(
    sandbox: Sandbox, fault: str, sentence: str
) -> None:
    """Promised by docs/upstream.md, "The transcript": it is not part of every plan.

    Holds docs/contract.md #transcript.
    """
    async with transcribed(sandbox, [] if fault != "broken" else "nonsense") as client:
        sandbox.export = fault != "plan"
        if fault == "missing":
            sandbox.without_item("c0")
        answer = await ask(client, "c0", turns=10)
    assert answer["conversation"]["id"] == "c0"
    assert answer["transcript"].keys() == {"unavailable"}
    assert sentence in answer["transcript"]["unavailable"]


async def test_a_long_transcript_and_a_long_record_fit_and_tell_the_true_numbers(
    sandbox: Sandbox,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters.

    Holds docs/contract.md #cut-told.
    """
    turns = [
        {
            "from": "user",
            "messages": [{"type": "text", "payload": {"message": f"{i} " + "x " * 900}}],
        }
        for i in range(600)
    ]
    data = {f"name{i}": "y " * 400 for i in range(150)}
    tags = [f"tag{i}" for i in range(300)]
    async with transcribed(sandbox, turns, capturedVariables=data, tags=tags) as client:
        result = await client.call("get_conversation", conversation="c0", turns=200)
        answer = await ask(client, "c0", turns=200)
    assert len(json.dumps(result.structured_content, ensure_ascii=False)) <= MAX_CHARACTERS * 1.1
    assert len(result.content[0].text) <= MAX_CHARACTERS  # type: ignore[union-attr]
    assert answer["transcript"]["total"] == 600
    told = notes(answer)
    shown = answer["conversation"]
    assert f"data: {len(shown['data'])} of 150 are shown" in told
    assert f"tags: {len(shown['tags'])} of 300 are shown" in told
    assert f"the newest {len(answer['transcript']['turns'])} of 200 turns are shown" in told
    assert len(shown["tags"]) == 100  # short, so that only what is long is shortened more
    assert answer["transcript"]["turns"][-1]["text"].startswith("599 ")


async def test_hostile_turns_are_made_safe(sandbox: Sandbox) -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    text = "![x](https://evil.example/p.png) \x1b[31mred\u202e <img src=x>"
    turns = [{"from": "user", "messages": [{"type": "text", "payload": {"message": text}}]}]
    async with transcribed(sandbox, turns) as client:
        (turn,) = (await ask(client, "c0", turns=1))["transcript"]["turns"]
    assert turn["text"] == "[x] (https://evil.example/p.png) red \u2039img src=x>"


async def test_what_is_odd_in_a_transcript_does_not_spoil_the_rest(sandbox: Sandbox) -> None:
    """Ours: strangers write it, and Convocore may add kinds of messages."""
    choice = {"type": "choice", "payload": {"buttons": [{"name": "A"}, 3]}}
    turns: list[Any] = [
        None, 5, {"from": "user"}, {"from": "user", "messages": [None, {"payload": 7}]},
        {"from": "robot", "messages": [{"type": "text", "payload": {"message": "no"}}]},
        {"from": "bot", "messages": [{"type": "debug:x", "payload": {"message": "no"}}]},
        {"from": "bot", "messages": [choice]},
        {"from": "bot", "messages": [{"type": "visual", "payload": {"image": "https://x.example"}}]},
        {"from": "user", "messages": [{"type": "text", "ts": "soon", "payload": "plain"}]},
    ]  # fmt: skip
    async with transcribed(sandbox, turns) as client:
        answer = await ask(client, "c0", turns=50)
    assert [(turn["text"], turn.get("at")) for turn in answer["transcript"]["turns"]] == [
        ("[choices: A]", None), ("[image]", None), ("plain", "soon"),
    ]  # fmt: skip


async def test_an_unknown_conversation_is_not_found(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer"."""
    error = await tool_client.refused("get_conversation", conversation="nobody")
    assert error["code"] == "not_found"
    empty = await tool_client.refused("get_conversation", conversation=" ")
    assert empty["code"] == "invalid_argument"


async def test_the_details_of_the_conversation_are_read_at_once(sandbox: Sandbox) -> None:
    """Promised by docs/architecture.md, "Details": whom a question is about comes first."""
    sparse = Sandbox(size=200, now=NOW, sparse=True)
    rows = list(sparse.known_rows())
    async with connected(sparse, details="auto", details_per_second=0.5) as client:
        assert not (await client.ask("conversation_stats"))["freshness"]["complete"]
        row = next(row for row in rows[100:] if sparse.item(row["ID"]) and row.get("userName"))
        answer = await ask(client, row["ID"])
        assert answer["freshness"]["complete"]
        assert answer["conversation"]["name"] == row["userName"].strip()
        assert answer["conversation"]["state"] == row["state"]
        sparse.break_record(rows[150]["ID"])
    async with connected(sparse, **FAST) as client:
        await until_details_are_in(client)
