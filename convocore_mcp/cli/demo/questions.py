"""What the demo asks: as a person says it, and as the tool call that a model makes for it."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcp import Client
from mcp_types import TextContent

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.sanitize import JsonObject

VISITOR = {
    "userName": "Maria Lopez",
    "userEmail": "maria.lopez@example.com",
    "state": "requested_chat",
    "stage": "proposal",
    "lastMessage": "We would like to sign this week. Can somebody call me?",
}
"""Somebody who writes while the demo runs."""
MAX_TRIED_NAMES = 10
"""Names that are tried until one means a single person."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, and the tool call that a model would make for it."""

    text: str
    tool: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, and what it cost."""

    question: Question
    content: JsonObject
    characters: int
    milliseconds: float
    requests: int
    """Requests to Convocore."""


Ask = Callable[[Question], Awaitable[Answer]]


async def ask_all(client: Client, sandbox: Sandbox) -> list[Answer]:
    """Ask one question of each tool; while that goes on, somebody writes."""

    async def ask(question: Question) -> Answer:
        return await _ask(client, sandbox, question)

    hot = await ask(
        Question(
            "Who are my hot leads this week, and why?",
            "summarize_hot_leads",
            {"since": "7d", "top": 20},
        )
    )
    waiting = await ask(
        Question(
            "Who is waiting for a human?",
            "list_conversations",
            {"attention": ["waiting_for_human"], "since": "7d", "sort": "waiting", "limit": 5},
        )
    )
    person = await _person(ask, hot)
    conversations = person.content.get("lead", {}).get("conversations", [])
    transcript = [await _last_turns(ask, person, conversations[0]["id"])] if conversations else []
    deals = await ask(
        Question(
            "Which large deals have no next step?",
            "list_leads",
            {"where": ["value>10000", "stage!=won|lost", "next_due missing", "name exists"],
             "sort": "-value", "limit": 5},
        )
    )  # fmt: skip
    pipeline = await ask(
        Question(
            "How does the pipeline look?",
            "conversation_stats",
            {"of": "leads", "group_by": ["stage"], "where": ["stage exists"]},
        )
    )
    return [hot, waiting, person, *transcript, deals, pipeline, await _changes(ask, sandbox)]


async def _person(ask: Ask, hot: Answer) -> Answer:
    """Everything about the first hot lead whose name fits no other lead."""
    named = [lead["name"] for lead in hot.content["leads"] if lead.get("name")][:MAX_TRIED_NAMES]
    answer = None
    for name in named or ["somebody"]:
        question = Question(f"What do we know about {name}?", "get_lead", {"lead": name})
        answer = await ask(question)
        if "lead" in answer.content:
            break
    assert answer is not None  # noqa: S101  at least one name was asked for
    return answer


async def _last_turns(ask: Ask, person: Answer, conversation_id: str) -> Answer:
    name = person.content["lead"].get("name", "the lead")
    arguments = {"conversation": conversation_id, "turns": 4}
    return await ask(Question(f"What did {name} say last?", "get_conversation", arguments))


async def _changes(ask: Ask, sandbox: Sandbox) -> Answer:
    start = await ask(Question("", "list_changes", {}))
    sandbox.insert(**VISITOR)
    arguments = {"cursor": start.content["next_cursor"]}
    return await ask(Question("What has changed since I asked?", "list_changes", arguments))


async def _ask(client: Client, sandbox: Sandbox, question: Question) -> Answer:
    requests_before, start = len(sandbox.requests), time.perf_counter()
    result = await client.call_tool(question.tool, question.arguments)
    milliseconds = (time.perf_counter() - start) * 1000
    (block,) = result.content
    assert isinstance(block, TextContent)  # noqa: S101  each tool answers with one text block
    requests = len(sandbox.requests) - requests_before
    return Answer(question, json.loads(block.text), len(block.text), milliseconds, requests)
