"""The commands, except plain serving: `main` starts that without importing this module."""

import functools
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from convocore_mcp.cli.ask.ask_command import ask
from convocore_mcp.cli.board_command import board
from convocore_mcp.cli.demo.demo import run_demo
from convocore_mcp.cli.doctor.doctor_command import doctor
from convocore_mcp.cli.error_reports import start_errors
from convocore_mcp.cli.export.export_command import export
from convocore_mcp.cli.install.install_command import install, receipts, this_machine, uninstall
from convocore_mcp.cli.install.installed_settings import installed_settings
from convocore_mcp.cli.mirror import forget_command, mirror_commands, purge_command
from convocore_mcp.cli.serve import serve as serve_stdio
from convocore_mcp.cli.serve_web import serve_demo, serve_web
from convocore_mcp.cli.terminal import (
    accept_any_character,
    open_missing_streams,
    output_errors,
    write_lines,
)
from convocore_mcp.cli.version_text import version_text
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sandbox import run as run_sandbox
from convocore_mcp.web.routes import WebOptions
from convocore_mcp.words.counted import counted

app = typer.Typer(
    name="convocore-mcp",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        write_lines(version_text())
        raise typer.Exit


ACCOUNT_COMMANDS = {"ask", "export", "doctor", "board", "sync", "status", "forget", "purge"}
"""Commands that find the account that `install` has connected, where no variable names one."""


@app.callback()
def options(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001  the callback has shown it
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the versions that a bug report needs.",
        ),
    ] = False,
) -> None:
    """Ask an AI assistant about your Convocore leads. Without a command: serve MCP on stdio."""
    if context.invoked_subcommand in ACCOUNT_COMMANDS:
        context.with_resource(installed_settings(this_machine(), receipts))


class Dialect(StrEnum):
    """How the sandbox pages its list: with cursors or with page numbers."""

    cursor = "cursor"
    page = "page"


class Transport(StrEnum):
    """How MCP clients connect."""

    stdio = "stdio"
    http = "http"
    sse = "sse"


ServeFunction = Callable[[Mapping[str, Any]], None]
"""Serves until it is stopped; these settings take precedence over the environment."""
Size = Annotated[int, typer.Option(min=0, max=1_000_000, help="Number of conversations.")]
Seed = Annotated[int, typer.Option(help="The same seed generates the same data.")]


@app.command()
def serve(  # noqa: PLR0913  one for each option
    transport: Annotated[
        Transport,
        typer.Option(help="stdio, http (/mcp, and /sse for older clients), or sse (/sse only)."),
    ] = Transport.stdio,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on. [8000]")
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            help="Bearer token that clients may use, as CONVOCORE_MCP_TOKENS; "
            "may be given several times."
        ),
    ] = None,
    oauth_issuer: Annotated[
        str | None, typer.Option(help="OAuth issuer whose tokens are accepted.")
    ] = None,
    oauth_audience: Annotated[
        str | None, typer.Option(help="Required `aud` claim of an OAuth token.")
    ] = None,
    public_url: Annotated[str | None, typer.Option(help="The server's URL behind a proxy.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Processes that answer, with --transport http. Older clients then have no "
            "sessions, so no subscriptions. [1]",
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the sandbox's data.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the mirror fresh while nobody asks.")
    ] = False,
) -> None:
    """Serve MCP; without options, the same as `convocore-mcp` without a command."""
    over_http = {
        "host": host, "port": port, "token": token or None, "oauth-issuer": oauth_issuer,
        "oauth-audience": oauth_audience, "public-url": public_url, "workers": workers,
    }  # fmt: skip
    if workers is not None and transport is Transport.sse:
        raise typer.BadParameter("--workers: only with --transport http.")
    if transport is Transport.stdio:
        if given := [f"--{name}" for name, value in over_http.items() if value is not None]:
            raise typer.BadParameter(f"{', '.join(given)}: only with --transport http or sse.")
        run: ServeFunction = functools.partial(serve_stdio, watch=watch)
    else:
        chosen = {
            "tokens": token or None, "oauth_issuer": oauth_issuer, "oauth_audience": oauth_audience,
            "public_url": public_url,
        }  # fmt: skip
        run = functools.partial(
            serve_web,
            http={name: value for name, value in chosen.items() if value is not None},
            host=host if host is not None else "127.0.0.1",
            port=port if port is not None else 8000,
            watch=watch,
            workers=workers or 1,
            options=WebOptions(streamable=transport is Transport.http),
        )
    with start_errors():
        serve_demo(run) if demo else run({})


@app.command()
def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1 to listen on.")
    ] = 8900,
    size: Size = 2000,
    dialect: Annotated[
        Dialect, typer.Option(help="How the list is paged: cursors or page numbers.")
    ] = Dialect.cursor,
    seed: Seed = 1,
    latency: Annotated[float, typer.Option(min=0, help="Seconds before each response.")] = 0.0,
    *,
    sparse: Annotated[
        bool,
        typer.Option(
            "--sparse",
            help="The list shows little; single conversations have the rest, and one is broken.",
        ),
    ] = False,
    export: Annotated[bool, typer.Option("--export", help="The plan has transcripts.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Things happen: people write, ask, are accepted, buy.")
    ] = False,
) -> None:
    """Serve a sandbox: Convocore's API with generated conversations, for experiments."""
    server = Sandbox(
        size=size, seed=seed, dialect=dialect.value, latency=latency, sparse=sparse, export=export,
        live=live,
    )  # fmt: skip
    if sparse:
        server.break_one_record()

    def announce(port: int) -> None:
        write_lines(
            f"Sandbox: {counted(size, 'conversation')}, {dialect.value} dialect. Ctrl+C stops it.\n"
            f"  CONVOCORE_BASE_URL=http://127.0.0.1:{port}/v3\n"
            f"  CONVOCORE_API_KEY={server.key}\n"
            f"  CONVOCORE_AGENT_ID={server.agent_id}",
            err=True,
        )

    run_sandbox(server, host="127.0.0.1", port=port, on_start=announce)


@app.command()
def demo(
    size: Size = 2000,
    seed: Seed = 1,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the first answers into this file, as SVG.")
    ] = None,
) -> None:
    """Ask a question of each tool about the sandbox's data; show the answers and what they cost."""
    run_demo(size=size, seed=seed, picture=picture)


for command in (
    ask,
    doctor,
    export,
    install,
    uninstall,
    board,
    mirror_commands.sync,
    mirror_commands.status,
    forget_command.forget,
    purge_command.purge,
):
    app.command()(command)


def run() -> None:
    """Run the command that the arguments name."""
    open_missing_streams()
    accept_any_character()
    with output_errors():
        app()
