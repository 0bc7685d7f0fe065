"""`convocore-mcp demo`: asks a real server one question of each tool, without an account."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from mcp import Client, StdioServerParameters
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from convocore_mcp.cli.demo.answer_panels import answer_panel
from convocore_mcp.cli.demo.questions import Answer, ask_all
from convocore_mcp.cli.terminal import show, shown
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.words.counted import counted

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English and JSON; exact enough to compare sizes."""
PICTURED_ANSWERS, PICTURE_WIDTH = 3, 100
"""How many answers the picture shows, and characters in a line of it."""


def run_demo(*, size: int, seed: int, picture: Path | None = None) -> None:
    """Start the sandbox and the server, ask the questions, and print the answers.

    `picture` gets the first of them as they look in a terminal, as SVG.
    """
    console = Console()
    sandbox = Sandbox(size=size, seed=seed, live=True, export=True)
    with serving(sandbox) as base_url:
        show(
            console,
            f"\nA sandbox with [bold]{counted(size, 'generated conversation')}[/], and a server "
            "that has never seen them.\n",
        )
        with console.status("Starting the server, asking a question of each of its tools …"):
            answers = asyncio.run(_ask_all(sandbox, base_url))
        list_characters = sum(len(json.dumps(row, ensure_ascii=False)) for row in sandbox.rows())
    for answer in answers:
        show(console, answer_panel(answer))
    if picture is not None:
        _draw(answers[:PICTURED_ANSWERS], picture)
    show(console, _cost_panel(answers, list_characters))
    show(
        console,
        "\nIn your own assistant, with this data:\n"
        "  [bold]convocore-mcp install claude-desktop --demo[/]\n"
        "With your leads (or paste [bold]mcp.json.example[/], with your key and agent):\n"
        "  [bold]convocore-mcp install claude-desktop[/]\n",
    )


def _draw(answers: Sequence[Answer], file: Path) -> None:
    console = Console(record=True, width=PICTURE_WIDTH, file=StringIO(), color_system="truecolor")
    for answer in answers:
        show(console, answer_panel(answer))
    # The library's frame fetches a font; a picture should need nothing from anywhere.
    frame = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(str(file), title="convocore-mcp demo", code_format=frame)


async def _ask_all(sandbox: Sandbox, base_url: str) -> list[Answer]:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "convocore_mcp"],
        env={
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
            "CONVOCORE_DETAILS": "off",  # the answers as they are, not what comes in minutes
            "CONVOCORE_WAIT_SECONDS": "60",  # whole answers, also on a slow machine
            "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "0",  # what is new is seen at once
        },
    )
    async with Client(server) as client:
        return await ask_all(client, sandbox)


def _cost_panel(answers: Sequence[Answer], list_characters: int) -> Panel:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("question")
    for column in ("requests", "milliseconds", "tokens"):
        table.add_column(column, justify="right")
    for answer in answers:
        table.add_row(
            shown(answer.question.text),
            f"{answer.requests}",
            f"{answer.milliseconds:,.0f}",
            f"{answer.characters // CHARACTERS_PER_TOKEN:,}",
        )
    raw = f"{list_characters // CHARACTERS_PER_TOKEN:,}"
    note = shown(
        "The first question reads the whole list once; later answers come from the mirror, and "
        f"only what is new is read. The raw list has {raw} tokens ({CHARACTERS_PER_TOKEN} "
        "characters each).",
        style="dim",
    )
    return Panel(Group(table, shown(""), note), title="[bold]What it cost[/]", title_align="left")
