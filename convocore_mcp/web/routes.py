"""The routes: `/mcp` and `/sse` for MCP clients, the others for operators.

    /mcp        Streamable HTTP; newer clients need no session, older ones get one
    /sse        HTTP+SSE for clients from before 2025, which send their messages to /messages
    /healthz    whether the process is alive
    /readyz     whether the mirror can be read
    /metrics    Prometheus metrics
    /.well-known/oauth-protected-resource/…   where to get a token, with OAuth only

Older clients get a session, because subscriptions and cancellation need one: without a session, a
cancel notification would not reach the request that it cancels.
"""

from collections.abc import Sequence

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from convocore_mcp.server.backend import App
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.transports.accepted_types import AcceptedTypes
from convocore_mcp.web.transports.sse_endpoint import SseEndpoint

NO_HOST_CHECK = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The host policy of `auth` has checked the Host header already."""


def build_routes(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    *,
    streamable: bool,
    extra_routes: Sequence[Route],
) -> Starlette:
    """The application behind authentication and limits; `streamable` false leaves out `/mcp`.

    Its lifespan is the MCP server's, which all connections share.
    """
    web = server.streamable_http_app(
        transport_security=NO_HOST_CHECK,
        max_request_body_size=settings.max_body_bytes,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_seconds,
    )
    endpoint = next(route for route in web.router.routes if isinstance(route, Route))
    web.router.routes.clear()
    if streamable:
        web.router.routes.append(Route(endpoint.path, AcceptedTypes(endpoint.app)))
    sse = SseEndpoint(server, app, NO_HOST_CHECK, settings.max_body_bytes)
    post_message = _AsgiEndpoint(sse.post_message)
    web.router.routes.extend(
        [
            Route("/sse", _AsgiEndpoint(sse.connect), methods=["GET"]),
            Route("/messages", post_message, methods=["POST"]),
            *extra_routes,
        ]
    )
    return web


class _AsgiEndpoint:
    """Wraps an ASGI function for a route: Starlette takes a bare function for a request handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
