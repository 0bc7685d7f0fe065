"""Serving on stdio where a person has started it in a terminal: says what it waits for."""

from convocore_mcp.cli.serve import serve
from convocore_mcp.cli.terminal import write_lines

NOTICE = (
    "convocore-mcp serves MCP on stdin and stdout, and waits for a client. Ctrl+C ends it.\n"
    "  convocore-mcp demo              shows what it answers, without an account\n"
    "  convocore-mcp install CLIENT    connects a client, e.g. claude-desktop\n"
    "  convocore-mcp --help            lists all commands"
)


def serve_in_terminal() -> None:
    """Serve as `cli.serve` does, and say a word on stderr first."""
    write_lines(NOTICE, err=True)
    serve()
