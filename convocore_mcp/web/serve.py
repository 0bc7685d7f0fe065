"""Puts the parts together, from settings to a running server."""

import logging
import socket

from mcp.server.mcpserver import MCPServer
from starlette.routing import Route

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.app import App
from convocore_mcp.web.app import healthz, routes
from convocore_mcp.web.calls import Calls
from convocore_mcp.web.gate import Demands, Gate
from convocore_mcp.web.places import Places, is_loopback
from convocore_mcp.web.run import bind, run
from convocore_mcp.web.settings import HttpSettings
from convocore_mcp.web.tokens import Verify, any_of, static_tokens

log = logging.getLogger(__name__)


def serve_http(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    *,
    host: str,
    port: int,
    streamable: bool,
) -> None:
    """Serve `server` on `host` and `port` until a signal says to stop.

    Raises:
        NotConfiguredError: others could reach the server, and nobody would be asked for a token;
            or the port can't be had.
    """
    demands = _demands(settings)
    if demands.verify is None and not is_loopback(host):
        raise NotConfiguredError(
            f"{host} can be reached from other machines, so set CONVOCORE_MCP_TOKENS (or --token), "
            "or --oauth-issuer and --oauth-audience, or serve on 127.0.0.1."
        )
    calls = Calls(most=settings.max_requests)
    server.middleware.append(calls)
    with _listening(host, port) as listener:
        web = routes(
            server,
            app,
            settings,
            streamable=streamable,
            more=[Route("/healthz", healthz)],
        )
        places = Places.of(settings.allowed_hosts, settings.allowed_origins, settings.public_url)
        gate = Gate(web, demands=demands, places=places, prefix=settings.prefix)
        low = server._lowlevel_server  # noqa: SLF001  the SDK has no public way to end streams
        listen = low.get_request_handler("subscriptions/listen").handler
        run(
            gate,
            listener,
            listen=listen,
            under_way=lambda: calls.under_way,
            drain_seconds=settings.drain_seconds,
            max_header_bytes=settings.max_header_bytes,
        )


def _demands(settings: HttpSettings) -> Demands:
    verifiers: list[Verify] = []
    if settings.tokens:
        tokens = [token.get_secret_value() for token in settings.tokens]
        verifiers.append(static_tokens(tokens, scopes=settings.oauth_scopes))
    return Demands(verify=any_of(*verifiers) if verifiers else None, scopes=settings.oauth_scopes)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        raise NotConfiguredError(
            f"{host} port {port} can't be listened on ({error.strerror}); choose another with "
            "--host and --port."
        ) from None
