"""`convocore-mcp demo`: three questions to a real server over stdio, without an account."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import TextContent
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from convocore_mcp.sandbox import Sandbox, serving

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English and JSON; good enough to compare sizes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asks, and the call that a model makes of it."""

    words: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, what it cost, and what the raw pages behind it would have cost."""

    question: Question
    answer: dict[str, Any]
    characters: int
    milliseconds: float
    requests: int
    rows: int
    """Conversations that had to be read from Convocore."""


def run_demo(*, size: int, seed: int) -> None:
    """Start the sandbox and the server, ask, and show it all."""
    console = Console()
    sandbox = Sandbox(size=size, seed=seed)
    with serving(sandbox) as base_url:
        console.print(
            f"\nA sandbox with [bold]{size:,}[/] generated conversations, and a server that has "
            "never seen them.\n"
        )
        with console.status("Starting the server, asking three questions …"):
            answered = asyncio.run(_ask_all(sandbox, base_url))
        raw = sum(len(json.dumps(row, ensure_ascii=False)) for row in sandbox.rows())
    for one in answered:
        console.print(_shown(one))
    console.print(_costs(answered, raw))
    console.print(
        "\nYours: put [bold]mcp.json.example[/] into your MCP client, with your key and agent. "
        "To try the sandbox there first: [bold]convocore-mcp serve --demo[/].\n"
    )


async def _ask_all(sandbox: Sandbox, base_url: str) -> list[Answered]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "convocore_mcp"],
        env={
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
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
        answered = [await _ask(client, sandbox, hot)]
        answered.append(await _ask(client, sandbox, waiting, known=answered[0].rows))
        named = [lead for lead in answered[0].answer["leads"] if lead.get("name")]
        who = named[0] if named else {"name": "nobody", "lead_id": "nobody"}
        person = Question(f"What did {who['name']} want?", "get_lead", {"lead": who["lead_id"]})
        return [*answered, await _ask(client, sandbox, person, known=answered[0].rows)]


async def _ask(client: Client, sandbox: Sandbox, question: Question, *, known: int = 0) -> Answered:
    before, began = len(sandbox.requests), time.perf_counter()
    result = await client.call_tool(question.tool, question.arguments)
    took = (time.perf_counter() - began) * 1000
    (block,) = result.content
    assert isinstance(block, TextContent)  # noqa: S101  our tools answer with one text
    answer: dict[str, Any] = json.loads(block.text)
    rows = answer.get("freshness", {}).get("conversations", known) - known
    asked = len(sandbox.requests) - before
    return Answered(question, answer, len(block.text), took, asked, rows)


def _shown(one: Answered) -> Panel:
    call = ", ".join(f"{name}={value!r}" for name, value in one.question.arguments.items())
    parts = [Text(f"{one.question.tool}({call})", style="dim"), Text()]
    if "error" in one.answer:
        parts.append(Text(one.answer["error"]["message"], style="red"))
    elif "leads" in one.answer:
        parts.extend(_hot(one.answer))
    elif "conversations" in one.answer:
        parts.extend(_waiting(one.answer))
    else:
        parts.extend(_person(one.answer))
    return Panel(Group(*parts), title=f"[bold]{one.question.words}[/]", title_align="left")


def _hot(answer: dict[str, Any]) -> list[Any]:
    largest = list(answer["value"].items())[:4]
    money = ", ".join(f"{amount:,.0f} {currency}" for currency, amount in largest)
    head = Text(
        f"{answer['hot']} hot of {answer['leads_considered']} leads; "
        f"{answer['waiting_for_human']} wait for a human, {answer['unassigned']} are nobody's. "
        f"Worth {money}, and more."
    )
    rows = [
        (
            _who(lead),
            f"{lead.get('score', '')}",
            lead.get("stage", ""),
            ", ".join(lead["why"]),
        )
        for lead in answer["leads"]
    ]
    return [head, Padding(_table(("lead", "score", "stage", "why"), rows), (1, 0, 0, 0))]


def _waiting(answer: dict[str, Any]) -> list[Any]:
    head = Text(f"{answer['total']} people; these have waited longest.")
    rows = [
        (_who(row), row.get("channel", ""), row.get("waiting_since", ""), row.get("preview", ""))
        for row in answer["conversations"]
    ]
    return [head, Padding(_table(("who", "channel", "since", "last said"), rows), (1, 0, 0, 0))]


def _person(answer: dict[str, Any]) -> list[Any]:
    lead = answer.get("lead", {})
    facts = [
        ("summary", lead.get("summary")),
        ("why", ", ".join(lead.get("why", []))),
        ("reach", ", ".join([*lead.get("emails", []), *lead.get("phones", [])])),
        ("next", ", ".join(step.get("title", "") for step in lead.get("next_steps", []))),
        ("last", lead.get("timeline", [{}])[0].get("text")),
        ("talks", f"{len(lead.get('conversations', []))}"),
    ]
    return [_table(("", ""), [(name, text) for name, text in facts if text], header=False)]


def _who(row: dict[str, Any]) -> str:
    name = row.get("name") or row.get("contact") or "(no name)"
    return f"{name}, {row['company']}" if row.get("company") else name


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> Table:
    table = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As text, not as markup: what visitors wrote may look like it.
        table.add_row(*(Text(cell) for cell in row))
    return table


def _costs(answered: Sequence[Answered], raw: int) -> Panel:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("question")
    for column in ("rows read", "requests", "milliseconds", "tokens", "raw pages"):
        table.add_column(column, justify="right")
    for one in answered:
        tokens, whole = one.characters // CHARACTERS_PER_TOKEN, raw // CHARACTERS_PER_TOKEN
        table.add_row(
            Text(one.question.words),
            f"{one.rows:,}",
            f"{one.requests}",
            f"{one.milliseconds:,.0f}",
            f"{tokens:,}",
            f"{whole:,} tokens",
        )
    note = Text(
        "The first question reads everything, once; then answers come from the mirror. "
        f"Tokens are counted as {CHARACTERS_PER_TOKEN} characters each.",
        style="dim",
    )
    return Panel(Group(table, Text(), note), title="[bold]What it cost[/]", title_align="left")
