"""Serving over HTTP, and serving the sandbox's data."""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from convocore_mcp.assembly import Assembly
from convocore_mcp.cli.serve import start_logging
from convocore_mcp.cli.terminal import write_wrapped
from convocore_mcp.configuration import read_settings, settings_error
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.store.database.engine import MEMORY
from convocore_mcp.tracing.spans import start_tracing
from convocore_mcp.tracing.tracing_settings import TracingSettings
from convocore_mcp.web.connections.workers import serve_in_workers
from convocore_mcp.web.http_app import listening, serve_http
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.metrics import Metrics
from convocore_mcp.web.routes import WebOptions


def serve_web(
    overrides: Mapping[str, Any],
    http: Mapping[str, Any],
    *,
    host: str,
    port: int,
    watch: bool,
    workers: int = 1,
    options: WebOptions,
) -> None:
    """Serve MCP over HTTP until a signal (SIGINT or SIGTERM) comes, in `workers` processes.

    `overrides` (of `Settings`) and `http` (of `HttpSettings`) take precedence over the environment.
    With links for a browser, somebody reads the terminal: log lines are plain text then.

    Raises:
        NotConfiguredError: a setting is wrong, or other machines could connect without a token.
    """
    start_logging(as_json=options.links is None)
    mirror = read_settings(overrides).store  # a wrong setting is reported now
    if workers > 1 and mirror == MEMORY:
        raise NotConfiguredError(
            "With --workers, CONVOCORE_STORE can't be memory: the processes share one mirror.",
            hint="Use a file or a PostgreSQL URL.",
        )
    try:
        settings = HttpSettings(**http)
    except ValidationError as error:
        raise settings_error(error, HttpSettings) from None

    def serve(
        listener: socket.socket,
        settings: HttpSettings,
        metrics: Metrics,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        start_tracing(TracingSettings.from_environment(), version=version("convocore-mcp"))
        assembly = Assembly(overrides, on_response=metrics.record_upstream_request)
        app = App(lambda: assembly, version=version("convocore-mcp"))
        server = create_server(app, watch=watch)
        serve_http(
            server, app, settings, metrics, listener, host=host, options=options, on_start=on_start
        )

    with listening(settings, host=host, port=port, streamable=options.streamable) as listens:
        listener, address = listens
        if workers == 1:
            serve(listener, settings, Metrics(), lambda: _announce(address, options))
            return
        _announce(address, options)  # a worker that is replaced starts again
        share = settings.shared_by(workers)
        options = replace(options, sessions=False)
        serve_in_workers(workers, lambda number: serve(listener, share, Metrics(worker=number)))


def _announce(address: str, options: WebOptions) -> None:
    """Tell whoever sits at the terminal; a link says it by itself."""
    if sys.stderr is not None and sys.stderr.isatty() and options.links is None:
        write_wrapped(f"convocore-mcp serves MCP at {address}. Ctrl+C ends it.", err=True)


def serve_demo(
    serve: Callable[[Mapping[str, Any]], None], settings: Mapping[str, Any] | None = None
) -> None:
    """Have `serve` serve the sandbox's data, over a real connection; nothing is kept on disk.

    Details are off, so that every answer is complete at once. `settings` override these.
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
