"""Serving over HTTP, and serving the sandbox's data."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from convocore_mcp.assembly import Assembly
from convocore_mcp.cli.serve import start_logging
from convocore_mcp.configuration import read_settings, settings_error
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.backend import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.tracing import start_tracing
from convocore_mcp.tracing_settings import TracingSettings
from convocore_mcp.web.board_page import BoardLinks
from convocore_mcp.web.http_app import serve_http
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.metrics import Metrics


def serve_web(
    overrides: Mapping[str, Any],
    http: Mapping[str, Any],
    *,
    host: str,
    port: int,
    streamable: bool,
    watch: bool,
    links: BoardLinks | None = None,
) -> None:
    """Serve MCP over HTTP until a signal (SIGINT or SIGTERM) comes.

    `overrides` (of `Settings`) and `http` (of `HttpSettings`) take precedence over the environment.
    Without `streamable` only HTTP+SSE is served. `links` let a browser in, for somebody who reads
    the terminal: log lines are plain text then.

    Raises:
        NotConfiguredError: a setting is wrong, or other machines could connect without a token.
    """
    start_logging(as_json=links is None)
    start_tracing(TracingSettings.from_environment(), version=version("convocore-mcp"))
    read_settings(overrides)  # a wrong setting is reported now, and the log level is set
    try:
        settings = HttpSettings(**http)
    except ValidationError as error:
        raise settings_error(error, HttpSettings) from None
    metrics = Metrics()
    assembly = Assembly(overrides, on_response=metrics.record_upstream_request)
    app = App(lambda: assembly, version=version("convocore-mcp"))
    server = create_server(app, watch=watch)
    serve_http(
        server, app, settings, metrics, host=host, port=port, streamable=streamable, links=links
    )


def serve_demo(
    serve: Callable[[Mapping[str, Any]], None], settings: Mapping[str, Any] | None = None
) -> None:
    """Have `serve` serve the sandbox's data, over a real connection; nothing is kept on disk.

    Details are off, so that every answer is complete at once. `settings` come on top.
    """
    sandbox = Sandbox(export=True, live=True)
    with serving(sandbox) as base_url:
        serve(
            {
                "api_key": sandbox.key,
                "agent_id": sandbox.agent_id,
                "base_url": base_url,
                "store": "memory",
                "details": "off",
                **(settings or {}),
            }
        )
