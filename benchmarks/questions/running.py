"""Asks our server: a real process over stdio, its mirror filled from the sandbox over HTTP."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from benchmarks.questions import LATER, QUIET
from benchmarks.questions.asking import BOOKMARK, Answer, Question, alike
from benchmarks.questions.news import happen
from benchmarks.questions.plain import Facts, Row
from benchmarks.questions.tokens import tokens, written
from benchmarks.questions.world import World
from convocore_mcp.sandbox import Sandbox

SETTLED = 60.0
"""Seconds for the mirror to hold everything before the first question."""


@dataclass(frozen=True)
class Asked:
    """A question, and how it went."""

    question: Question
    right: bool
    calls: int
    tokens: int
    said: Facts = None
    truth: Facts = None

    @property
    def within(self) -> bool:
        """Whether it cost no more than it may."""
        calls = len(self.question.calls)
        return self.calls <= calls and self.tokens <= self.question.tokens


def now() -> datetime:
    """The time, in whole seconds, as answers have it."""
    return datetime.now(UTC).replace(microsecond=0)


async def ask_ours(
    sandbox: Sandbox, base_url: str, look: Callable[[Sequence[Question], World], Any] | None = None
) -> list[Asked]:
    """Ask everything; `look` is shown the questions of either half, and the truth they stand in."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "convocore_mcp"],
        env=dict(os.environ)
        | {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
            "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "0",
        },
    )
    async with Client(server) as client:
        bookmark = await _settled(client)
        world = World.of(list(sandbox.rows()), now())
        asked = [await _ask(client, question, world, bookmark) for question in QUIET]
        if look:
            await look(QUIET, world)
        happen(sandbox)
        earlier: dict[str, Row] = {row["ID"]: row for row in world.rows}
        world = World.of(list(sandbox.rows()), now(), earlier)
        asked += [await _ask(client, question, world, bookmark) for question in LATER]
        if look:
            await look(LATER, world)
    return asked


async def _settled(client: Client) -> str:
    """Where changes are followed from, once everything has been read."""
    began = datetime.now(UTC)
    while True:
        answer, _ = await _call(client, "list_changes", {})
        if answer["freshness"]["complete"]:
            return str(answer["next_cursor"])
        if (datetime.now(UTC) - began).total_seconds() > SETTLED:
            raise TimeoutError("the mirror has not been filled")


async def _ask(client: Client, question: Question, world: World, bookmark: str) -> Asked:
    began, spent = now(), 0
    answers: list[Answer] = []
    for tool, made in question.calls:
        arguments = made(answers) if callable(made) else made
        arguments = {k: bookmark if v == BOOKMARK else v for k, v in arguments.items()}
        answer, text = await _call(client, tool, arguments)
        answers.append(answer)
        spent += tokens(written(arguments), text)
    said = question.facts(answers)
    # A window that ends now may have moved by a second while we asked.
    truths = [question.truth(replace(world, now=at)) for at in {began, now()}]
    right = any(alike(said, truth) for truth in truths)
    return Asked(question, right, len(answers), spent, said, truths[0])


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[Answer, str]:
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return json.loads(text), text
