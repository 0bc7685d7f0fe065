"""The command `ask`: calls one tool as a model does, and shows the answer to a person."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any

import anyio
import typer
from mcp import Client
from mcp_types import TextContent
from rich.console import Console

from convocore_mcp.assembly import Assembly
from convocore_mcp.cli.ask.answer_layout import answer_layout
from convocore_mcp.cli.error_reports import (
    FAILED,
    NOT_CONFIGURED,
    silence_reported_loggers,
    with_error_reports,
)
from convocore_mcp.cli.progress_bar import progress_bar
from convocore_mcp.cli.serve_web import serve_demo
from convocore_mcp.cli.terminal import show, write_lines, write_wrapped
from convocore_mcp.cli.tool_arguments import Pairs, read_pairs, repeat_hint, tool_names
from convocore_mcp.configuration import add_stored_key, read_settings, require_key
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.server.sanitize import JsonObject


@with_error_reports
def ask(
    tool: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(tool_names(''))}.", autocompletion=tool_names),
    ],
    arguments: Pairs = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as a model gets it.")
    ] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Ask about the sandbox's data.")] = False,
) -> None:
    """Call one tool, and show the answer: exactly what a model would see."""
    given = read_pairs(arguments)
    silence_reported_loggers()

    def call(overrides: Mapping[str, Any]) -> None:
        # An error for a person, and not for a model.
        require_key(add_stored_key(read_settings(overrides)))
        text, failed = anyio.run(_call, overrides, tool, given)
        _show(text, given, failed=failed, as_json=as_json)

    # The sandbox is read first: nobody who tries it should wonder why an answer is incomplete.
    serve_demo(call, {"wait_seconds": 60}) if demo else call({})


async def _call(overrides: Mapping[str, Any], tool: str, arguments: JsonObject) -> tuple[str, bool]:
    """The text of the answer, and whether it is an error."""
    app = App(lambda: Assembly(overrides), version=version("convocore-mcp"))
    with progress_bar(total_known=False) as bar:
        task = bar.add_task("Reading Convocore", total=None)

        async def on_progress(
            progress: float,
            total: float | None,  # noqa: ARG001  the protocol's names
            message: str | None,  # noqa: ARG001
        ) -> None:
            bar.update(task, completed=progress)

        async with Client(create_server(app)) as client:
            result = await client.call_tool(tool, arguments, progress_callback=on_progress)
    (block,) = result.content
    assert isinstance(block, TextContent)  # noqa: S101  each tool answers with one text block
    return block.text, bool(result.is_error)


def _show(text: str, given: JsonObject, *, failed: bool, as_json: bool) -> None:
    answer = json.loads(text)
    if failed:
        error = answer["error"]
        if as_json:
            write_lines(text, err=True)
        else:
            also = repeat_hint(given, error["message"])
            write_wrapped(f"{error['message']}\n{error['hint']}{also}", err=True)
        raise typer.Exit(NOT_CONFIGURED if error["code"] == NotConfiguredError.code else FAILED)
    if as_json:
        write_lines(text)
        return
    console = Console()
    show(console, answer_layout(answer, width=console.width))
