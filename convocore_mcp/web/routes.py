"""The routes: `/mcp` and `/sse` for clients, and what those who run the server ask.

    /mcp        Streamable HTTP; newer clients need no session, older ones get one
    /sse        HTTP+SSE for clients from before 2025, with /messages for what they say
    /healthz    the process is alive
    /readyz     the mirror can be asked
    /metrics    figures for Prometheus
    /.well-known/oauth-protected-resource/…   where to get a token, with OAuth only

Answers to older clients come in sessions, since subscriptions and giving up need them: without one
a notification of cancellation would reach nobody.
"""

from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.runner import serve_dual_era_loop
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from convocore_mcp.server.backend import App
from convocore_mcp.web.http_settings import HttpSettings

CHECKED_BY_THE_GATE = TransportSecuritySettings(enable_dns_rebinding_protection=False)


def routes(
    server: MCPServer[App], app: App, settings: HttpSettings, *, streamable: bool, more: list[Route]
) -> Starlette:
    """The application behind the gate; `streamable` false leaves HTTP+SSE alone.

    Its lifespan is the server's, once for all connections.
    """
    web = server.streamable_http_app(
        transport_security=CHECKED_BY_THE_GATE,
        max_request_body_size=settings.max_body_bytes,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_seconds,
    )
    if not streamable:
        web.router.routes.clear()
    sse = _Sse(server, app, settings.max_body_bytes)
    web.router.routes.extend(
        [
            Route("/sse", _Asgi(sse.connect), methods=["GET"]),
            Route("/messages", _Asgi(sse.transport.handle_post_message), methods=["POST"]),
            *more,
        ]
    )
    return web


class _Asgi:
    """An ASGI function as a route's endpoint; Starlette takes a bare function for a handler."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _Sse:
    """HTTP+SSE over the lifespan that is open anyway; the SDK's own opens one per connection."""

    def __init__(self, server: MCPServer[App], app: App, max_body_bytes: int) -> None:
        self._low = server._lowlevel_server  # noqa: SLF001  the high level brings its own lifespan
        self._app = app
        self.transport = SseServerTransport(
            "/messages", CHECKED_BY_THE_GATE, max_request_body_size=max_body_bytes
        )

    async def connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until the client leaves."""
        async with self.transport.connect_sse(scope, receive, send) as (reader, writer):
            await serve_dual_era_loop(self._low, reader, writer, lifespan_state=self._app)
