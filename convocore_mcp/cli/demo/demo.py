"""`convocore-mcp demo`: asks a real server three questions over stdio, without an account."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import TextContent
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from convocore_mcp.cli.terminal import show, shown
from convocore_mcp.sandbox import Sandbox, serving

Json = dict[str, Any]
"""A tool's answer, as it comes over the connection."""
CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English and JSON; exact enough to compare sizes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, and the tool call that a model would make for it."""

    text: str
    tool: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, and what it cost."""

    question: Question
    content: Json
    characters: int
    milliseconds: float
    requests: int
    rows: int
    """Conversations that were read from Convocore for this answer."""


def run_demo(*, size: int, seed: int) -> None:
    """Start the sandbox and the server, ask the questions, and print the answers."""
    console = Console()
    sandbox = Sandbox(size=size, seed=seed, live=True)
    with serving(sandbox) as base_url:
        show(
            console,
            f"\nA sandbox with [bold]{size:,}[/] generated conversations, and a server that has "
            "never seen them.\n",
        )
        with console.status("Starting the server, asking three questions …"):
            answers = asyncio.run(_ask_all(sandbox, base_url))
        list_characters = sum(len(json.dumps(row, ensure_ascii=False)) for row in sandbox.rows())
    for answer in answers:
        show(console, _answer_panel(answer))
    show(console, _cost_panel(answers, list_characters))
    show(
        console,
        "\nFor your own data, copy [bold]mcp.json.example[/] into your MCP client's configuration, "
        "with your key and agent. "
        "To try the sandbox there first, use [bold]convocore-mcp serve --demo[/].\n",
    )


async def _ask_all(sandbox: Sandbox, base_url: str) -> list[Answer]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "convocore_mcp"],
        env={
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
            "CONVOCORE_DETAILS": "off",  # three answers, and not what comes in a few minutes
        },
    )
    async with Client(server) as client:
        hot = Question(
            "Who are my hot leads this week, and why?",
            "summarize_hot_leads",
            {"since": "7d", "top": 5},
        )
        waiting = Question(
            "Who is waiting for a human?",
            "list_conversations",
            {"attention": ["waiting_for_human"], "since": "7d", "sort": "waiting", "limit": 5},
        )
        first = await _ask(client, sandbox, hot)
        second = await _ask(client, sandbox, waiting, rows_before=first.rows)
        named = [lead for lead in first.content["leads"] if lead.get("name")]
        lead = named[0] if named else {"name": "nobody", "lead_id": "nobody"}
        person = Question(f"What did {lead['name']} want?", "get_lead", {"lead": lead["lead_id"]})
        return [first, second, await _ask(client, sandbox, person, rows_before=first.rows)]


async def _ask(
    client: Client, sandbox: Sandbox, question: Question, *, rows_before: int = 0
) -> Answer:
    requests_before, start = len(sandbox.requests), time.perf_counter()
    result = await client.call_tool(question.tool, question.arguments)
    milliseconds = (time.perf_counter() - start) * 1000
    (block,) = result.content
    assert isinstance(block, TextContent)  # noqa: S101  each tool answers with one text block
    content: Json = json.loads(block.text)
    rows = content.get("freshness", {}).get("conversations", rows_before) - rows_before
    requests = len(sandbox.requests) - requests_before
    return Answer(question, content, len(block.text), milliseconds, requests, rows)


def _answer_panel(answer: Answer) -> Panel:
    content = answer.content
    call = ", ".join(f"{name}={value!r}" for name, value in answer.question.arguments.items())
    parts: list[RenderableType] = [
        shown(f"{answer.question.tool}({call})", style="dim"),
        shown(""),
    ]
    if "error" in content:
        parts.append(shown(content["error"]["message"], style="red"))
    elif "leads" in content:
        parts.extend(_hot_leads(content))
    elif "conversations" in content:
        parts.extend(_waiting(content))
    else:
        parts.extend(_lead(content))
    return Panel(Group(*parts), title=f"[bold]{answer.question.text}[/]", title_align="left")


def _hot_leads(answer: Json) -> list[RenderableType]:
    largest = list(answer["value"].items())[:4]
    money = ", ".join(f"{amount:,.0f} {currency}" for currency, amount in largest)
    head = shown(
        f"{answer['hot']} hot of {answer['leads_considered']} leads; "
        f"{answer['waiting_for_human']} wait for a human, {answer['unassigned']} are assigned to "
        f"nobody. Largest values: {money}."
    )
    rows = [
        (
            _name(lead),
            f"{lead.get('score', '')}",
            lead.get("stage", ""),
            ", ".join(lead["why"]),
        )
        for lead in answer["leads"]
    ]
    return [head, Padding(_table(("lead", "score", "stage", "why"), rows), (1, 0, 0, 0))]


def _waiting(answer: Json) -> list[RenderableType]:
    head = shown(f"{answer['total']} people wait; these have waited longest.")
    rows = [
        (_name(row), row.get("channel", ""), row.get("waiting_since", ""), row.get("preview", ""))
        for row in answer["conversations"]
    ]
    return [head, Padding(_table(("who", "channel", "since", "last message"), rows), (1, 0, 0, 0))]


def _lead(answer: Json) -> list[RenderableType]:
    lead = answer.get("lead", {})
    facts = [
        ("summary", lead.get("summary")),
        ("why", ", ".join(lead.get("why", []))),
        ("contact", ", ".join([*lead.get("emails", []), *lead.get("phones", [])])),
        ("next", ", ".join(step.get("title", "") for step in lead.get("next_steps", []))),
        ("last", lead.get("timeline", [{}])[0].get("text")),
        ("conversations", f"{len(lead.get('conversations', []))}"),
    ]
    return [_table(("", ""), [(name, text) for name, text in facts if text], header=False)]


def _name(row: Json) -> str:
    name = row.get("name") or row.get("contact") or "(no name)"
    return f"{name}, {row['company']}" if row.get("company") else name


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> Table:
    table = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As plain text: what visitors wrote may look like markup.
        table.add_row(*(shown(cell) for cell in row))
    return table


def _cost_panel(answers: Sequence[Answer], list_characters: int) -> Panel:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("question")
    for column in ("rows read", "requests", "milliseconds", "tokens", "raw list"):
        table.add_column(column, justify="right")
    raw_tokens = list_characters // CHARACTERS_PER_TOKEN
    for answer in answers:
        table.add_row(
            shown(answer.question.text),
            f"{answer.rows:,}",
            f"{answer.requests}",
            f"{answer.milliseconds:,.0f}",
            f"{answer.characters // CHARACTERS_PER_TOKEN:,}",
            f"{raw_tokens:,} tokens",
        )
    note = shown(
        "The first question reads the whole list once; later answers come from the mirror. "
        f"A token is counted as {CHARACTERS_PER_TOKEN} characters.",
        style="dim",
    )
    return Panel(Group(table, shown(""), note), title="[bold]What it cost[/]", title_align="left")
