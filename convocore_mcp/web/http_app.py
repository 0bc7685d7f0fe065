"""Puts the parts together, from settings to a running server."""

import logging
import socket

from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ListenHandler
from starlette.routing import Route
from starlette.types import ASGIApp

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.backend import App
from convocore_mcp.server.tools import TOOLS
from convocore_mcp.web.access_log import AccessLog
from convocore_mcp.web.auth import METADATA, AccessPolicy, Authentication
from convocore_mcp.web.health import healthz, readyz
from convocore_mcp.web.host_policy import HostPolicy, is_loopback
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.limits import Limits
from convocore_mcp.web.metrics import Metrics
from convocore_mcp.web.oauth import Issuer, oauth_tokens, resource_metadata
from convocore_mcp.web.request_tracker import RequestTracker
from convocore_mcp.web.routes import routes
from convocore_mcp.web.tokens import Verify, any_of, static_tokens
from convocore_mcp.web.web_server import bind, run

log = logging.getLogger(__name__)

ENDPOINTS = ("/mcp", "/sse")
ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  compared with, not bound


def serve_http(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    metrics: Metrics,
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
    if not (settings.tokens or settings.oauth_issuer or is_loopback(host)):
        raise NotConfiguredError(
            f"{host or 'Every address'} can be reached from other machines, so set "
            "CONVOCORE_MCP_TOKENS (or --token), or --oauth-issuer and --oauth-audience, or serve "
            "on 127.0.0.1."
        )
    if host in ANYWHERE and not settings.allowed_hosts and not settings.public_url:
        log.warning(
            "Only requests to this machine's addresses are answered; to be reached by name, set "
            "CONVOCORE_MCP_ALLOWED_HOSTS or --public-url."
        )
    low = server._lowlevel_server  # noqa: SLF001  the SDK has no public way to end streams
    tracker = RequestTracker(
        most=settings.max_requests,
        tools=[fn.__name__ for fn, _ in TOOLS],
        methods=lambda name: name == "initialize" or low.get_request_handler(name) is not None,
        told=metrics.call,
    )
    server.middleware.append(tracker)
    listen = low.get_request_handler("subscriptions/listen")
    assert listen is not None  # noqa: S101  the SDK registers it
    assert isinstance(listen.handler, ListenHandler)  # noqa: S101
    with _listening(host, port) as listener:
        bound = listener.getsockname()[1]
        url = (settings.public_url or _url(host, bound)).rstrip("/")
        log.info("Serving %s on port %d.", f"{url}{ENDPOINTS[0 if streamable else 1]}", bound)
        run(
            assemble(server, app, settings, metrics, tracker, url=url, streamable=streamable),
            listener,
            listen=listen.handler,
            tracker=tracker,
            drain_seconds=settings.drain_seconds,
            max_header_bytes=settings.max_header_bytes,
        )


def assemble(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    metrics: Metrics,
    tracker: RequestTracker,
    *,
    url: str,
    streamable: bool,
) -> ASGIApp:
    """The whole application, from access log to routes; clients find it at `url`."""

    def under_way() -> dict[str, int]:
        sessions = server.session_manager._server_instances  # noqa: SLF001  not told otherwise
        return {**limits.open, "calls": tracker.under_way, "sessions": len(sessions)}

    more = [Route("/healthz", healthz), Route("/readyz", readyz(app))]
    if settings.oauth_issuer:
        for endpoint in ENDPOINTS[0 if streamable else 1 :]:
            told = resource_metadata(
                f"{url}{endpoint}",
                issuer=settings.oauth_issuer,
                scopes=settings.oauth_scopes,
            )
            # Where the RFC wants it, and where a proxy that forwards the prefix alone has it.
            host_policy = {f"{METADATA}{endpoint}", f"{METADATA}{settings.prefix}{endpoint}"}
            more.extend(Route(place, told, methods=["GET"]) for place in sorted(host_policy))
    open_paths = {"/healthz"} | {r.path for r in more if r.path.startswith(METADATA)}
    more.append(Route("/metrics", metrics.endpoint(app, under_way)))
    web = routes(server, app, settings, streamable=streamable, more=more)
    limits = Limits(
        web,
        requests=settings.max_requests,
        streams=settings.max_sessions,
        body=settings.max_body_bytes,
        head=settings.max_header_bytes,
    )
    authentication = Authentication(
        limits,
        policy=_policy(settings, frozenset(open_paths), url),
        host_policy=HostPolicy.of(
            settings.allowed_hosts, settings.allowed_origins, settings.public_url
        ),
        prefix=settings.prefix,
        routes={route.path for route in web.router.routes if isinstance(route, Route)},
    )
    return AccessLog(authentication, count=metrics.http)


def _policy(settings: HttpSettings, open_paths: frozenset[str], url: str) -> AccessPolicy:
    verifiers: list[Verify] = []
    if settings.tokens:
        tokens = [token.get_secret_value() for token in settings.tokens]
        verifiers.append(static_tokens(tokens, scopes=settings.oauth_scopes))
    metadata = None
    if settings.oauth_issuer and settings.oauth_audience:
        issuer = Issuer(settings.oauth_issuer)
        verifiers.append(oauth_tokens(issuer, audience=settings.oauth_audience))
        metadata = f"{url}{METADATA}"
    return AccessPolicy(
        verify=any_of(*verifiers) if verifiers else None,
        scopes=settings.oauth_scopes,
        open_paths=open_paths,
        metadata_url=metadata,
    )


def _url(host: str, port: int) -> str:
    named = "localhost" if host in ANYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}"


def _listening(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as error:
        raise NotConfiguredError(
            f"{host} port {port} can't be listened on ({error.strerror}); choose another with "
            "--host and --port."
        ) from None
