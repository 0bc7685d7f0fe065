"""Bounds on concurrent requests, open event streams, sessions and bodies: in all, and by client."""

import asyncio
from collections.abc import Callable

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from convocore_mcp.server.mcp.lone_surrogates import without_lone_surrogates
from convocore_mcp.web.sanitized_responses import json_response
from convocore_mcp.web.usage import Usage, client_of

BODY_TIMEOUT_SECONDS = 30.0
"""A request body must be complete within this time."""
MAX_BODIES = 8
"""Bodies of the largest size that are in memory at a time. Parsed, one takes 25 times its size."""
UNLIMITED_PATHS = {"/healthz"}
"""A busy server is still alive."""


class Limits:
    """ASGI middleware: passes requests on to `app` while their number is below the limits.

    `sessions_of` returns how many sessions the client of a request has.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_requests: int,
        max_sessions: int,
        max_body_bytes: int,
        sessions_of: Callable[[Scope], int],
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._sessions_of = sessions_of
        self.usage = Usage(
            {
                "requests": max_requests,
                "streams": max_sessions,
                "sessions": max_sessions,
                "body bytes": MAX_BODIES * max_body_bytes,
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 408, 413, 429 or 503."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        send = with_retry_after(send)
        kind, client = "streams" if _opens_stream(scope) else "requests", client_of(scope)
        if (refusal := self._refuse(kind, client)) is not None:
            await refusal(scope, receive, send)
            return
        self.usage.take(kind, client)
        body = _Body()
        try:
            if scope["method"] == "POST":
                refusal = await self._read_body(scope, receive, body)
                refusal = refusal or self._refuse_session(scope, client)
                if refusal is not None:
                    await refusal(scope, receive, send)
                    return
                receive = _replay(body.as_message(), receive)
            await self._app(scope, receive, send)
        finally:
            self.usage.release(kind, client)
            self.usage.release("body bytes", client, body.size)

    def _refuse(self, kind: str, client: str, more: int = 1) -> Response | None:
        if self.usage.is_full(kind, more):
            return _refusal(503, f"Too many {kind} at the same time.")
        if self.usage.is_share_used(kind, client, more):
            return _refusal(429, f"Too many {kind} at the same time for one client.")
        return None

    def _refuse_session(self, scope: Scope, client: str) -> Response | None:
        session_limit = self.usage.of_one_client("sessions")
        if client and _opens_session(scope) and self._sessions_of(scope) >= session_limit:
            return _refusal(429, "Too many sessions at the same time for one client.")
        return None

    def _too_large(self) -> Response:
        return _refusal(413, f"A request's body has at most {self._max_body_bytes} bytes.")

    async def _read_body(self, scope: Scope, receive: Receive, body: "_Body") -> Response | None:
        """Read the whole body, or return a refusal.

        The body is read completely before the application starts, so a slow sender holds up
        nothing but its own request.
        """
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._max_body_bytes:
            return self._too_large()
        client = client_of(scope)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                while not body.is_complete:
                    message = await receive()
                    more = len(message.get("body", b""))
                    if (refusal := self._refuse("body bytes", client, more)) is not None:
                        return refusal
                    self.usage.take("body bytes", client, more)
                    body.add(message)
                    if body.size > self._max_body_bytes:
                        return self._too_large()
        except TimeoutError:
            return _refusal(
                408, f"The request's body did not arrive within {BODY_TIMEOUT_SECONDS:.0f} s."
            )
        return None


def _opens_stream(scope: Scope) -> bool:
    """Whether the response stays open: SSE, a session's stream, or a subscription."""
    if scope["method"] == "GET":
        return bool(scope["path"].endswith(("/mcp", "/sse")))
    return Headers(scope=scope).get("mcp-method") == "subscriptions/listen"


def _opens_session(scope: Scope) -> bool:
    """Whether the SDK opens a session for the request: one of the older era, without a session."""
    headers = Headers(scope=scope)
    version = headers.get("mcp-protocol-version")
    older = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    return bool(scope["path"].endswith("/mcp")) and older and "mcp-session-id" not in headers


class _Body:
    """A request's body, as it arrives."""

    def __init__(self) -> None:
        self.size = 0
        self.is_complete = False
        self._pieces: list[bytes] = []
        self._disconnect: Message | None = None

    def add(self, message: Message) -> None:
        if message["type"] != "http.request":
            self._disconnect = message
        else:
            self._pieces.append(message.get("body", b""))
            self.size += len(self._pieces[-1])
        self.is_complete = not message.get("more_body")

    def as_message(self) -> Message:
        """The whole body; half a character in it has become U+FFFD."""
        if self._disconnect is not None:
            return self._disconnect
        body = without_lone_surrogates(b"".join(self._pieces))
        return {"type": "http.request", "body": body, "more_body": False}


def _refusal(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status)


def _replay(message: Message, receive: Receive) -> Receive:
    """A `receive` that returns `message` first."""
    remaining = iter([message])

    async def receive_replayed() -> Message:
        first = next(remaining, None)
        return first if first is not None else await receive()

    return receive_replayed


def with_retry_after(send: Send) -> Send:
    """A `send` that adds `Retry-After` to a 429 or 503, whether the SDK or this module made it."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in {429, 503}:
            MutableHeaders(scope=message).setdefault("Retry-After", "1")
        await send(message)

    return send_with_header
