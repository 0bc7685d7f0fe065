"""The gate: whose token a request carries, and whether it is meant for us.

In this order, so that nobody without a token learns anything: what is open to all (`/healthz`), the
token (401), its scopes (403), Host (421) and Origin (403). `/healthz` needs no token but a Host.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from convocore_mcp.web.access_log import LOG_FIELDS
from convocore_mcp.web.host_policy import HostPolicy
from convocore_mcp.web.tokens import Verify

METADATA = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What a request must bring, and what one is told that doesn't."""

    verify: Verify | None
    """`None` lets everybody in: loopback without a token."""
    scopes: Sequence[str] = ()
    open_paths: frozenset[str] = frozenset({"/healthz"})
    metadata_url: str | None = None
    """Where a client learns who gives out tokens, without the endpoint's path; OAuth only."""


class Authentication:
    """ASGI: lets requests through to `app` or answers them.

    `prefix` is the proxy's path; `routes` are the paths that the log may name.
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
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _inner(scope["path"], self._prefix)
        scope = {**scope, "root_path": self._prefix, "path": self._prefix + path}
        headers = Headers(scope=scope)
        log_fields = scope.get(LOG_FIELDS, {})
        if path in self._routes:
            log_fields["route"] = path
        refusal = await self._token(scope, headers, path) or self._place(scope, headers)
        await (refusal or self._app)(scope, receive, send)

    async def _token(self, scope: Scope, headers: Headers, path: str) -> Response | None:
        verify = self._policy.verify
        if verify is None or path in self._policy.open_paths:
            return None
        given = headers.getlist("authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        token = token.strip(" ")
        known = await verify(token) if kind.lower() == "bearer" and token else None
        if known is None:
            return self._refusal(401, "invalid_token" if given else "", path)
        if not set(self._policy.scopes) <= set(known.scopes):
            return self._refusal(403, "insufficient_scope", path)
        scope.get(LOG_FIELDS, {})["client"] = known.client_id
        scope["user"], scope["auth"] = AuthenticatedUser(known), AuthCredentials(known.scopes)
        return None

    def _refusal(self, status: int, error: str, path: str) -> Response:
        told = {"realm": "convocore-mcp", "error": error, "scope": " ".join(self._policy.scopes)}
        if self._policy.metadata_url:
            endpoint = "/sse" if path in {"/sse", "/messages"} else "/mcp"
            told["resource_metadata"] = f"{self._policy.metadata_url}{endpoint}"
        challenge = ", ".join(f'{name}="{value}"' for name, value in told.items() if value)
        body = {"error": error or "invalid_token", "error_description": _SAID[status]}
        return JSONResponse(body, status, {"WWW-Authenticate": f"Bearer {challenge}"})

    def _place(self, scope: Scope, headers: Headers) -> Response | None:
        server = scope.get("server")
        if not self._host_policy.host(headers.get("host"), asked=server[0] if server else None):
            return JSONResponse({"error": "The Host header does not name this server."}, 421)
        if not self._host_policy.origin(headers.get("origin")):
            return JSONResponse({"error": "This Origin may not ask this server."}, 403)
        return None


_SAID = {
    401: "A valid bearer token is needed in the Authorization header.",
    403: "The token lacks a scope.",
}


def _inner(path: str, prefix: str) -> str:
    """The path without a last slash or the proxy's prefix, which the proxy may have taken off."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path.removeprefix(prefix)
    return path.rstrip("/") or "/"
