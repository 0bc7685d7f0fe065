"""Authentication: which client sends a request, and whether the request is meant for this server.

The checks run in this order, so that a caller without a token learns nothing: the bearer token
(401), its scopes (403), the Host header (421), the Origin header (403). `/healthz` needs no token,
but its Host and Origin are checked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from convocore_mcp.web.access.host_policy import HostPolicy
from convocore_mcp.web.access.tokens import TokenVerifier
from convocore_mcp.web.access_log import LOG_FIELDS
from convocore_mcp.web.connections.bounded_protocol import CONNECTION
from convocore_mcp.web.sanitized_responses import json_response

METADATA_PATH = "/.well-known/oauth-protected-resource"
_DESCRIPTIONS = {
    401: "A valid bearer token is needed in the Authorization header.",
    403: "The token lacks a required scope.",
}


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What a request must carry, and where a refused client finds out how to get a token."""

    verify: TokenVerifier | None
    """`None` lets every request through: a loopback server without tokens."""
    scopes: Sequence[str] = ()
    open_paths: frozenset[str] = frozenset({"/healthz"})
    """Paths that need no token."""
    metadata_url: str | None = None
    """OAuth only: the URL of the resource metadata (RFC 9728), without the endpoint's path."""


class Authentication:
    """ASGI middleware: passes a request on to `app`, or refuses it.

    `prefix` is the path under which a proxy serves us; `routes` are the paths that may be logged.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        policy: AccessPolicy,
        host_policy: HostPolicy,
        prefix: str,
        routes: Collection[str],
    ) -> None:
        self._app = AuthContextMiddleware(app)
        self._routes = routes
        self._policy = policy
        self._host_policy = host_policy
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check and serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _route_path(scope["path"], self._prefix)
        scope = {**scope, "root_path": self._prefix, "path": self._prefix + path}
        headers = Headers(scope=scope)
        log_fields = scope.get(LOG_FIELDS, {})
        if path in self._routes:
            log_fields["route"] = path
        refusal = await self._check_token(scope, headers, path)
        refusal = refusal or self._check_host_and_origin(scope, headers)
        connection = scope.get(CONNECTION)
        if connection is not None and refusal is None and path not in self._policy.open_paths:
            connection.authenticated()
        await (refusal or self._app)(scope, receive, send)

    async def _check_token(self, scope: Scope, headers: Headers, path: str) -> Response | None:
        verify = self._policy.verify
        if verify is None or path in self._policy.open_paths:
            return None
        # Two Authorization headers are refused: which one counts must not depend on the reader.
        values = headers.getlist("authorization")
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        token = token.strip(" ")
        access = await verify(token) if scheme.lower() == "bearer" and token else None
        if access is None:
            return self._refusal(401, "invalid_token" if values else "", path)
        if not set(self._policy.scopes) <= set(access.scopes):
            return self._refusal(403, "insufficient_scope", path)
        scope.get(LOG_FIELDS, {})["client"] = access.client_id
        scope["user"], scope["auth"] = AuthenticatedUser(access), AuthCredentials(access.scopes)
        return None

    def _refusal(self, status: int, error: str, path: str) -> Response:
        """A 401 or 403 with its challenge (RFC 6750); without a token there is no `error` in it."""
        challenge = {
            "realm": "convocore-mcp",
            "error": error,
            "scope": " ".join(self._policy.scopes),
        }
        if self._policy.metadata_url:
            endpoint = "/sse" if path in {"/sse", "/messages"} else "/mcp"
            challenge["resource_metadata"] = f"{self._policy.metadata_url}{endpoint}"
        parameters = ", ".join(f'{name}="{value}"' for name, value in challenge.items() if value)
        body = {"error": error or "invalid_token", "error_description": _DESCRIPTIONS[status]}
        return json_response(body, status, {"WWW-Authenticate": f"Bearer {parameters}"})

    def _check_host_and_origin(self, scope: Scope, headers: Headers) -> Response | None:
        server = scope.get("server")
        address = server[0] if server else None
        if not self._host_policy.allows_host(headers.get("host"), server_address=address):
            return json_response({"error": "The Host header does not name this server."}, 421)
        if not self._host_policy.allows_origin(headers.get("origin")):
            return json_response({"error": "Requests from this Origin are not allowed."}, 403)
        return None


def _route_path(path: str, prefix: str) -> str:
    """The path without a trailing slash and without the prefix, which a proxy may have removed."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path.removeprefix(prefix)
    return path.rstrip("/") or "/"
