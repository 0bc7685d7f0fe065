"""The commands that a person types. `cli` comes here for everything but plain assembly."""

import functools
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from convocore_mcp.cli import mirror_commands
from convocore_mcp.cli.serve import serve as serve_stdio
from convocore_mcp.cli.serve_web import serve_demo, serve_web
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sandbox import run as run_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

app = typer.Typer(
    name="convocore-mcp",
    help="Ask an AI assistant about your Convocore leads. Without a command: serve MCP on stdio.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class Dialect(StrEnum):
    """The two ways in which Convocore pages."""

    cursor = "cursor"
    page = "page"


class Transport(StrEnum):
    """How clients connect."""

    stdio = "stdio"
    http = "http"
    sse = "sse"


Size = Annotated[int, typer.Option(min=0, max=1_000_000, help="Conversations.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same data.")]


@app.command()
def serve(  # noqa: PLR0913  one for each option
    transport: Annotated[
        Transport,
        typer.Option(help="stdio, http (/mcp, and /sse for older clients), or sse (/sse alone)."),
    ] = Transport.stdio,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="[8000]")] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(help="Bearer token, as CONVOCORE_MCP_TOKENS; may be given several times."),
    ] = None,
    oauth_issuer: Annotated[str | None, typer.Option(help="Whose JWTs are taken.")] = None,
    oauth_audience: Annotated[str | None, typer.Option(help="What their `aud` names.")] = None,
    public_url: Annotated[str | None, typer.Option(help="The URL in front of a proxy.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the sandbox's data.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Read on while nobody asks.")] = False,
) -> None:
    """Serve MCP (what plain `convocore-mcp` does)."""
    over_http = {
        "host": host, "port": port, "token": token or None, "oauth-issuer": oauth_issuer,
        "oauth-audience": oauth_audience, "public-url": public_url,
    }  # fmt: skip
    if transport is Transport.stdio:
        if given := [f"--{name}" for name, value in over_http.items() if value is not None]:
            raise typer.BadParameter(f"{', '.join(given)}: only with --transport http or sse.")
        run: Callable[[Mapping[str, Any]], None] = functools.partial(serve_stdio, watch=watch)
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
            streamable=transport is Transport.http,
            watch=watch,
        )
    try:
        serve_demo(run) if demo else run({})
    except NotConfiguredError as error:
        raise SystemExit(f"{error.message} {error.hint}".strip()) from None


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 8900,
    size: Size = 2000,
    dialect: Annotated[Dialect, typer.Option(help="How the list is paged.")] = Dialect.cursor,
    seed: Seed = 1,
    latency: Annotated[float, typer.Option(min=0, help="Seconds before each answer.")] = 0.0,
) -> None:
    """Serve Convocore in miniature over HTTP, to try things on."""
    made = Sandbox(size=size, seed=seed, dialect=dialect.value, latency=latency)
    typer.echo(
        f"Convocore in miniature: {size} conversations, {dialect.value} dialect. Ctrl+C stops it.\n"
        f"  CONVOCORE_BASE_URL=http://127.0.0.1:{port}/v3\n"
        f"  CONVOCORE_API_KEY={made.key}\n"
        f"  CONVOCORE_AGENT_ID={made.agent_id}",
        err=True,
    )
    run_sandbox(made, host="127.0.0.1", port=port)


@app.command()
def demo(size: Size = 2000, seed: Seed = 1) -> None:
    """Ask three questions of the sandbox's data, and see the answers and what they cost."""
    from convocore_mcp.cli.demo import run_demo  # noqa: PLC0415

    run_demo(size=size, seed=seed)


for command in (mirror_commands.sync, mirror_commands.status, mirror_commands.purge):
    app.command()(command)
