"""Asks a real server over stdio, whose mirror is filled from the sandbox over HTTP."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from benchmarks.questions import AFTER_CHANGES, BEFORE_CHANGES
from benchmarks.questions.changes import apply_changes
from benchmarks.questions.question import SAVED_CURSOR, Answer, Question, alike
from benchmarks.questions.tokens import tokens, written
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts, Row
from convocore_mcp.sandbox import Sandbox

FILL_SECONDS = 60.0
"""Seconds in which the mirror must be complete, before the first question."""


@dataclass(frozen=True)
class Result:
    """How a question was answered."""

    question: Question
    right: bool
    calls: int
    tokens: int
    answer: Facts = None
    expected: Facts = None

    @property
    def within_budget(self) -> bool:
        """Whether it took no more calls and tokens than allowed."""
        calls = len(self.question.calls)
        return self.calls <= calls and self.tokens <= self.question.tokens


def now() -> datetime:
    """The time in whole seconds, as answers show it."""
    return datetime.now(UTC).replace(microsecond=0)


async def ask_ours(
    sandbox: Sandbox,
    base_url: str,
    also: Callable[[Sequence[Question], Dataset], Any] | None = None,
) -> list[Result]:
    """Ask all questions; `also` gets the questions before and after the changes, with the data."""
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
            "CONVOCORE_DETAILS": "off",
            "CONVOCORE_TIMEZONE": "UTC",
        },
    )
    async with Client(server) as client:
        saved_cursor = await _filled(client)
        dataset = Dataset.of(list(sandbox.rows()), now())
        results = [
            await _ask(client, question, dataset, saved_cursor) for question in BEFORE_CHANGES
        ]
        if also:
            await also(BEFORE_CHANGES, dataset)
        apply_changes(sandbox)
        earlier: dict[str, Row] = {row["ID"]: row for row in dataset.rows}
        dataset = Dataset.of(list(sandbox.rows()), now(), earlier)
        results += [
            await _ask(client, question, dataset, saved_cursor) for question in AFTER_CHANGES
        ]
        if also:
            await also(AFTER_CHANGES, dataset)
    return results


async def _filled(client: Client) -> str:
    """Wait until everything has been read; returns the cursor to follow changes from."""
    began = datetime.now(UTC)
    while True:
        answer, _ = await _call(client, "list_changes", {})
        if answer["freshness"]["complete"]:
            return str(answer["next_cursor"])
        if (datetime.now(UTC) - began).total_seconds() > FILL_SECONDS:
            raise TimeoutError("The mirror was not filled in time.")


async def _ask(client: Client, question: Question, dataset: Dataset, saved_cursor: str) -> Result:
    began, spent = now(), 0
    answers: list[Answer] = []
    for tool, given in question.calls:
        arguments = given(answers) if callable(given) else given
        arguments = {k: saved_cursor if v == SAVED_CURSOR else v for k, v in arguments.items()}
        answer, text = await _call(client, tool, arguments)
        answers.append(answer)
        spent += tokens(written(arguments), text)
    facts = question.facts(answers)
    # A window that ends now may have moved by a second in the meantime.
    expected = [question.expected(replace(dataset, now=at)) for at in {began, now()}]
    right = any(alike(facts, other) for other in expected)
    return Result(question, right, len(answers), spent, facts, expected[0])


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[Answer, str]:
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return json.loads(text), text
