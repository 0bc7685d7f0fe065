"""The routes: `/mcp` and `/sse` for MCP clients, the others for operators.

    /mcp        Streamable HTTP; newer clients need no session, older ones get one
    /sse        HTTP+SSE for clients from before 2025, which send their messages to /messages
    /healthz    whether the process is alive
    /readyz     whether the mirror can be read
    /metrics    Prometheus metrics
    /.well-known/oauth-protected-resource/…   where to get a token, with OAuth only

Older clients get a session, because subscriptions and cancellation need one: without a session, a
cancel notification would not reach the request that it cancels. With several workers they get none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.web.board_page import BoardLinks
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.sanitized_responses import json_response
from convocore_mcp.web.transports.accepted_types import AcceptedTypes
from convocore_mcp.web.transports.sse_endpoint import SseEndpoint
from convocore_mcp.web.transports.version_header import VersionHeader

NO_HOST_CHECK = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The host policy of `auth` has checked the Host header already."""


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What is served, and how."""

    streamable: bool = True
    """False leaves out `/mcp`."""
    sessions: bool = True
    """False where several processes answer: a session would be known to one of them only.

    Clients of the older era then have no subscriptions, and HTTP+SSE is refused.
    """
    links: BoardLinks | None = None
    """Links that let a browser in without one of the tokens."""


def build_routes(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    options: WebOptions,
    *,
    extra_routes: Sequence[Route],
) -> Starlette:
    """The application behind authentication and limits.

    Its lifespan is the MCP server's, which all connections share.
    """
    web = server.streamable_http_app(
        transport_security=NO_HOST_CHECK,
        stateless_http=not options.sessions,
        max_request_body_size=settings.max_body_bytes,
        max_sessions=settings.max_sessions,
        session_idle_timeout=settings.session_seconds,
    )
    endpoint = next(route for route in web.router.routes if isinstance(route, Route))
    web.router.routes.clear()
    if options.streamable:
        web.router.routes.append(Route(endpoint.path, AcceptedTypes(VersionHeader(endpoint.app))))
    web.router.routes.extend(extra_routes)
    if options.sessions:
        sse = SseEndpoint(server, app, NO_HOST_CHECK, settings.max_body_bytes)
        connect, post_message = _AsgiEndpoint(sse.connect), _AsgiEndpoint(sse.post_message)
    else:
        connect = post_message = _AsgiEndpoint(_refuse_session)
    web.router.routes.append(Route("/sse", connect, methods=["GET"]))
    web.router.routes.append(Route("/messages", post_message, methods=["POST"]))
    return web


async def _refuse_session(scope: Scope, receive: Receive, send: Send) -> None:
    reason = (
        "HTTP+SSE needs a session, which the workers of this server don't share. Connect to /mcp "
        "(Streamable HTTP), or serve without --workers."
    )
    await json_response({"error": reason}, HTTPStatus.NOT_IMPLEMENTED)(scope, receive, send)


class _AsgiEndpoint:
    """Wraps an ASGI function for a route: Starlette takes a bare function for a request handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
