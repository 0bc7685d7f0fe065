"""The commands that a person types. `cli` comes here for everything but plain serving."""

from enum import StrEnum
from typing import Annotated

import typer

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sandbox import run as run_sandbox

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


Size = Annotated[int, typer.Option(min=0, max=1_000_000, help="Conversations.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same data.")]


@app.command()
def serve(
    transport: Annotated[Transport, typer.Option(help="How clients connect.")] = Transport.stdio,
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the sandbox's data.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Read on while nobody asks.")] = False,
) -> None:
    """Serve MCP (what plain `convocore-mcp` does)."""
    from convocore_mcp.serving import serve as serve_stdio  # noqa: PLC0415
    from convocore_mcp.serving import serve_demo  # noqa: PLC0415

    assert transport is Transport.stdio  # noqa: S101  typer lets nothing else through
    (serve_demo if demo else serve_stdio)(watch=watch)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On loopback.")] = 8900,
    size: Size = 2000,
    dialect: Annotated[Dialect, typer.Option(help="How the list is paged.")] = Dialect.cursor,
    seed: Seed = 1,
) -> None:
    """Serve Convocore in miniature over HTTP, to try things on."""
    made = Sandbox(size=size, seed=seed, dialect=dialect.value)
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
    from convocore_mcp.demo import run_demo  # noqa: PLC0415

    run_demo(size=size, seed=seed)
