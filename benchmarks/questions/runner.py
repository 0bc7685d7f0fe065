"""Asks a real server over stdio, whose mirror is filled from the sandbox over HTTP."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mcp import Client, StdioServerParameters
from mcp_types import TextContent

from benchmarks.questions import ABOUT_AGENCY, AFTER_CHANGES, BEFORE_CHANGES
from benchmarks.questions.agency import DENTAL, MOTORS, ZONE, Agency
from benchmarks.questions.askers.quality_reviewer import BY_REST_API, RICH, SCRIPTED
from benchmarks.questions.changes import apply_changes
from benchmarks.questions.question import SAVED_CURSOR, Answer, Question, alike
from benchmarks.questions.tokens import compact_json, tokens
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts, Row
from convocore_mcp.sandbox import Sandbox

FILL_SECONDS = 120.0
"""Seconds in which the mirror must be complete, before the first question."""
FAST = 1000.0
"""Single conversations per second: fast enough that no question waits for details."""

MARGIN = timedelta(minutes=2)
"""Longer than the questions of one run take."""
ZONES = (UTC, ZoneInfo(ZONE))


@dataclass(frozen=True)
class Result:
    """How a question was answered."""

    question: Question
    right: bool
    calls: int
    tokens: int
    answer: Facts = None
    expected: Facts = None
    complete: bool = True
    """Whether every answer called itself complete."""

    @property
    def within_budget(self) -> bool:
        """Whether it took no more calls and tokens than allowed."""
        calls = len(self.question.calls)
        return self.calls <= calls and self.tokens <= self.question.tokens


def now() -> datetime:
    """The time in whole seconds, as answers show it."""
    return datetime.now(UTC).replace(microsecond=0)


def wait_for_midnight() -> None:
    """Let a day that is about to end do so: "today" would be one day for the truth, then the next.

    To be called before the data are made, whose times count from then.
    """
    soon = now() + MARGIN
    for zone in ZONES:
        midnight = soon.astimezone(zone).replace(hour=0, minute=0, second=0)
        time.sleep(max(0.0, (midnight - now()).total_seconds()))


def known_rows(sandbox: Sandbox) -> list[Row]:
    """What can be known: what the list shows; of a sparse list, what single conversations show."""
    return list(sandbox.known_rows() if sandbox.sparse else sandbox.rows())


async def ask_ours(
    sandbox: Sandbox,
    base_url: str,
    ask_others: Callable[[Sequence[Question], Dataset], Any] | None = None,
    *,
    questions: Sequence[Question] = BEFORE_CHANGES,
    after_changes: Sequence[Question] = AFTER_CHANGES,
) -> list[Result]:
    """Ask `questions` and those about changes, of one agent.

    `ask_others` receives them, too, with the data. Of a sparse list, questions about changes are
    left out: details that are read later are no change.
    """
    async with Client(_server(sandbox, base_url)) as client:
        saved_cursor = await _filled(client)
        dataset = Dataset.of(known_rows(sandbox), now())
        results = [await _ask(client, q, dataset, saved_cursor) for q in questions]
        if ask_others:
            await ask_others(questions, dataset)
        if sandbox.sparse:
            return results
        apply_changes(sandbox)
        earlier: dict[str, Row] = {row["ID"]: row for row in dataset.rows}
        dataset = Dataset.of(list(sandbox.rows()), now(), earlier)
        results += [await _ask(client, q, dataset, saved_cursor) for q in after_changes]
        if ask_others:
            await ask_others(after_changes, dataset)
    return results


async def ask_agency(
    agency: Agency, base_url: str, *, questions: Sequence[Question] = ABOUT_AGENCY
) -> list[Result]:
    """Ask the questions about two agents and about transcripts."""
    agents = {DENTAL: agency, MOTORS: agency.second}
    server = _server(
        agency,
        base_url,
        CONVOCORE_AGENT_ID=f"{DENTAL},{MOTORS}",
        CONVOCORE_TIMEZONE=ZONE,
    )
    async with Client(server) as client:
        await _filled(client, agent_id="all")
        at = now()
        by_agent = {name: Dataset.of(known_rows(one), at) for name, one in agents.items()}
        named = {
            SCRIPTED: agency.scripted, RICH: agency.rich, BY_REST_API: agency.by_rest_api
        }  # fmt: skip
        dataset = replace(by_agent[DENTAL], agents=by_agent, exports=agency.exports(), named=named)
        return [await _ask(client, question, dataset, "") for question in questions]


async def ask_early(
    sandbox: Sandbox, base_url: str, *, questions: Sequence[Question] = BEFORE_CHANGES
) -> list[Result]:
    """Ask about one agent when its sparse list is read, but hardly any details are."""
    server = _server(sandbox, base_url, CONVOCORE_DETAILS_PER_SECOND="0.5")
    async with Client(server) as client:
        while (await _call(client, "list_changes", {}))[0].get("error"):
            pass
        dataset = Dataset.of(known_rows(sandbox), now())
        return [await _ask(client, question, dataset, "") for question in questions]


def _server(sandbox: Sandbox, base_url: str, **more: str) -> StdioServerParameters:
    settings = {
        "CONVOCORE_API_KEY": sandbox.key,
        "CONVOCORE_AGENT_ID": sandbox.agent_id,
        "CONVOCORE_BASE_URL": base_url,
        "CONVOCORE_STORE": "memory",
        "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "0",
        "CONVOCORE_DETAILS": "all" if sandbox.sparse else "off",
        "CONVOCORE_DETAILS_PER_SECOND": str(FAST),
        "CONVOCORE_TIMEZONE": "UTC",
    }
    env = dict(os.environ) | settings | more
    return StdioServerParameters(command=sys.executable, args=["-m", "convocore_mcp"], env=env)


async def _filled(client: Client, **agent: str) -> str:
    """Wait until everything has been read; returns the cursor to follow changes from."""
    began = datetime.now(UTC)
    while True:
        answer, _ = await _call(client, "conversation_stats", agent)
        if answer.get("freshness", {}).get("complete"):
            changes, _ = await _call(client, "list_changes", agent)
            return str(changes["next_cursor"])
        if (datetime.now(UTC) - began).total_seconds() > FILL_SECONDS:
            raise TimeoutError(f"The mirror was not filled in time: {answer}")


async def _ask(client: Client, question: Question, dataset: Dataset, saved_cursor: str) -> Result:
    began, used_tokens = now(), 0
    answers: list[Answer] = []
    placeholders = dict(dataset.named) | {SAVED_CURSOR: saved_cursor}
    for tool, given in question.calls:
        try:
            chosen = given(answers) if callable(given) else given
        except (KeyError, IndexError):  # the answer before says nothing to go on from
            break
        arguments = _filled_in(chosen, placeholders)
        answer, text = await _call(client, tool, arguments)
        answers.append(answer)
        used_tokens += tokens(compact_json(arguments), text)
    facts = _read(question, answers)
    # A window that ends now may have moved by a second in the meantime.
    expected = [question.expected(replace(dataset, now=at)) for at in {began, now()}]
    right = any(alike(facts, other) for other in expected)
    complete = all(map(_says_complete, answers))
    return Result(question, right, len(answers), used_tokens, facts, expected[0], complete)


def _read(question: Question, answers: Sequence[Answer]) -> Facts:
    """The facts in the answers; where there was no such answer, the answer itself."""
    try:
        return question.facts(answers)
    except (KeyError, IndexError, TypeError):
        return answers[-1]


def _says_complete(answer: Answer) -> bool:
    """Whether an answer claims to know everything; an error says it in its hint."""
    if "freshness" in answer:
        return bool(answer["freshness"]["complete"])
    return "mirror is incomplete" not in answer.get("error", {}).get("hint", "")


def _filled_in(arguments: Mapping[str, Any], placeholders: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: placeholders.get(value, value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }


async def _call(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[Answer, str]:
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return json.loads(text), text
