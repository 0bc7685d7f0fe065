"""Serving on stdio, which is what a plain `convocore-mcp` does: it imports only what that needs."""

import functools
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import anyio
from mcp.server.mcpserver import server as sdk_server

from convocore_mcp.logs import log_to_stderr
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.server.mcp.stdio.stdio_server import serve_stdio
from convocore_mcp.server.protocols import Assembly
from convocore_mcp.tracing.spans import start_tracing
from convocore_mcp.tracing.tracing_settings import TracingSettings


def serve(overrides: Mapping[str, Any] | None = None, *, watch: bool = False) -> None:
    """Serve MCP on stdin and stdout until stdin closes.

    `overrides` are settings that take precedence over the environment; `watch` keeps the mirror
    fresh also while nobody asks.
    """
    start_logging()
    start_tracing(TracingSettings.from_environment(), version=version("convocore-mcp"))
    app = App(functools.partial(load_assembly, overrides or {}), version=version("convocore-mcp"))
    anyio.run(serve_stdio, create_server(app, watch=watch))


def load_assembly(overrides: Mapping[str, Any]) -> Assembly:
    """Import all that answers need, in the one place where something is imported late.

    A client that starts the server waits for `tools/list`. It should not wait for the database, the
    HTTP client and the rules, too.
    """
    from convocore_mcp import assembly  # noqa: PLC0415

    return assembly.Assembly(overrides)


def start_logging(*, as_json: bool = False) -> None:
    """Send log records to stderr."""
    log_to_stderr(as_json=as_json)
    # The SDK's server imports rich for a log handler that it then does not install, because there
    # is one. That would take a tenth of the start, and the SDK has no switch for it.
    sdk_server.configure_logging = _keep_logging  # type: ignore[assignment, attr-defined]


def _keep_logging(_level: object = None) -> None:
    """Replace the SDK's function of this purpose: logging is configured already."""
