"""Builds the HTTP application from the settings, and serves it."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mcp.server.auth.middleware.bearer_auth import authorization_context
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ListenHandler
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.tools import TOOLS
from convocore_mcp.web.access.auth import METADATA_PATH, AccessPolicy, Authentication
from convocore_mcp.web.access.host_policy import HostPolicy, is_loopback
from convocore_mcp.web.access.oauth import oauth_tokens, resource_metadata
from convocore_mcp.web.access.signing_keys import Issuer
from convocore_mcp.web.access.tokens import TokenVerifier, any_of, static_tokens
from convocore_mcp.web.access_log import AccessLog
from convocore_mcp.web.board_page import BoardLinks, board_routes
from convocore_mcp.web.connections.connection_table import ConnectionTable
from convocore_mcp.web.connections.descriptors import possible_connections
from convocore_mcp.web.health import healthz, readyz
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.limits import Limits
from convocore_mcp.web.metrics import Metrics
from convocore_mcp.web.request_tracker import RequestTracker
from convocore_mcp.web.routes import WebOptions, build_routes
from convocore_mcp.web.web_server import open_listener, serve_until_signal

log = logging.getLogger(__name__)

ENDPOINTS = ("/mcp", "/sse")
ALL_INTERFACES = {"0.0.0.0", "::", ""}  # noqa: S104  compared with, not bound


@contextmanager
def listening(
    settings: HttpSettings, *, host: str, port: int, streamable: bool
) -> Iterator[tuple[socket.socket, str]]:
    """A listener on `host` and `port`, and the address that clients use, which the log names.

    Raises:
        NotConfiguredError: other machines can reach the server, but no token is configured;
            or the port is not available.
    """
    _check_exposure(settings, host)
    with _open_listener(host, port) as listener:
        bound_port = listener.getsockname()[1]
        address = f"{_url(settings, host, bound_port)}{ENDPOINTS[0 if streamable else 1]}"
        log.info("Serving %s on port %d.", address, bound_port)
        yield listener, address


def serve_http(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    metrics: Metrics,
    listener: socket.socket,
    *,
    host: str,
    options: WebOptions,
    on_start: Callable[[], None],
) -> None:
    """Serve `server` on `listener`, which was opened on `host`, until a signal says to stop.

    `on_start` is called as soon as requests are answered and a signal ends the server.
    """
    lowlevel = server._lowlevel_server  # noqa: SLF001  the SDK has no public way to end streams
    tracker = RequestTracker(
        max_requests=settings.max_requests,
        tool_names=[fn.__name__ for fn, _ in TOOLS],
        is_known_method=lambda name: (
            name == "initialize" or lowlevel.get_request_handler(name) is not None
        ),
        on_request_end=metrics.record_call,
    )
    server.middleware.insert(-1, tracker)  # the last one may answer by itself
    listen = lowlevel.get_request_handler("subscriptions/listen")
    assert listen is not None  # noqa: S101  the SDK registers it
    assert isinstance(listen.handler, ListenHandler)  # noqa: S101
    url = _url(settings, host, listener.getsockname()[1])

    def start() -> None:
        on_start()
        if options.links is not None:
            options.links.issue(url)

    serve_until_signal(
        build_app(server, app, settings, metrics, tracker, url=url, options=options),
        listener,
        settings,
        table=_connection_table(settings),
        listen_handler=listen.handler,
        tracker=tracker,
        on_start=start,
    )


def build_app(
    server: MCPServer[App],
    app: App,
    settings: HttpSettings,
    metrics: Metrics,
    tracker: RequestTracker,
    *,
    url: str,
    options: WebOptions,
) -> ASGIApp:
    """The whole ASGI application, from the access log to the routes; clients reach it at `url`."""

    streamable, links = options.streamable, options.links

    def under_way() -> dict[str, int]:
        sessions = server.session_manager._server_instances  # noqa: SLF001  no public counter
        open_ = {kind: limits.usage.in_use[kind] for kind in ("requests", "streams")}
        return {**open_, "calls": tracker.under_way, "sessions": len(sessions)}

    def sessions_of(scope: Scope) -> int:
        owner = authorization_context(scope["user"])
        owners = server.session_manager._session_owners  # noqa: SLF001  no public counter
        return sum(found == owner for found in owners.values())

    # None of these needs a token: the metadata tell how to get one, and the board asks for it.
    open_routes = _metadata_routes(settings, url, streamable=streamable)
    open_routes += board_routes(links) if streamable else []
    operations = [
        Route("/healthz", healthz),
        Route("/readyz", readyz(app)),
        Route("/metrics", metrics.endpoint(app, under_way)),
    ]
    web = build_routes(server, app, settings, options, extra_routes=operations + open_routes)
    limits = Limits(
        web,
        max_requests=settings.max_requests,
        max_sessions=settings.max_sessions,
        max_body_bytes=settings.max_body_bytes,
        sessions_of=sessions_of,
    )
    open_paths = frozenset({"/healthz", *(route.path for route in open_routes)})
    authentication = Authentication(
        limits,
        policy=_access_policy(settings, open_paths, url, links),
        host_policy=HostPolicy.configured(
            settings.allowed_hosts, settings.allowed_origins, settings.public_url
        ),
        prefix=settings.prefix,
        routes={route.path for route in web.router.routes if isinstance(route, Route)},
    )
    return AccessLog(authentication, count=metrics.record_http_request)


def _connection_table(settings: HttpSettings) -> ConnectionTable:
    possible = possible_connections(settings.max_connections)
    if possible < settings.max_connections:
        log.warning(
            "The limit on open files leaves room for %d connections, not for %d; raise it with "
            "`ulimit -n`.",
            possible,
            settings.max_connections,
        )
    return ConnectionTable(
        max_connections=possible,
        max_unauthenticated_per_address=settings.max_connections_per_address,
    )


def _check_exposure(settings: HttpSettings, host: str) -> None:
    if not (settings.tokens or settings.oauth_issuer or is_loopback(host)):
        raise NotConfiguredError(
            f"{host or 'Every address'} can be reached from other machines, so set "
            "CONVOCORE_MCP_TOKENS (or --token), or --oauth-issuer and --oauth-audience, or serve "
            "on 127.0.0.1."
        )
    if host in ALL_INTERFACES and not settings.allowed_hosts and not settings.public_url:
        log.warning(
            "Only requests to this machine's addresses are answered. To accept a host name, set "
            "CONVOCORE_MCP_ALLOWED_HOSTS or --public-url."
        )


def _metadata_routes(settings: HttpSettings, url: str, *, streamable: bool) -> list[Route]:
    """The resource metadata of each endpoint (RFC 9728); none without OAuth.

    RFC 9728 puts the proxy's prefix after the well-known path. A proxy that forwards only its
    prefix passes the path without it. Both paths are served.
    """
    routes: list[Route] = []
    if settings.oauth_issuer:
        for endpoint in ENDPOINTS[0 if streamable else 1 :]:
            metadata = resource_metadata(
                f"{url}{endpoint}", issuer=settings.oauth_issuer, scopes=settings.oauth_scopes
            )
            paths = {f"{METADATA_PATH}{endpoint}", f"{METADATA_PATH}{settings.prefix}{endpoint}"}
            routes.extend(Route(path, metadata, methods=["GET"]) for path in sorted(paths))
    return routes


def _access_policy(
    settings: HttpSettings, open_paths: frozenset[str], url: str, links: BoardLinks | None
) -> AccessPolicy:
    verifiers: list[TokenVerifier] = [] if links is None else [links.verify]
    if settings.tokens:
        tokens = [token.get_secret_value() for token in settings.tokens]
        verifiers.append(static_tokens(tokens, scopes=settings.oauth_scopes))
    metadata_url = None
    if settings.oauth_issuer and settings.oauth_audience:
        issuer = Issuer(settings.oauth_issuer)
        verifiers.append(oauth_tokens(issuer, audience=settings.oauth_audience))
        metadata_url = f"{url}{METADATA_PATH}"
    return AccessPolicy(
        verify=any_of(*verifiers) if verifiers else None,
        scopes=settings.oauth_scopes,
        open_paths=open_paths,
        metadata_url=metadata_url,
    )


def _url(settings: HttpSettings, host: str, port: int) -> str:
    """Where clients reach the server."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    name = "localhost" if host in ALL_INTERFACES else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _open_listener(host: str, port: int) -> socket.socket:
    try:
        return open_listener(host, port)
    except OSError as error:
        raise NotConfiguredError(
            f"The server cannot listen on {host} port {port} ({error.strerror}); choose another "
            "address with --host and --port."
        ) from None
