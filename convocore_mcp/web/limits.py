"""Bounds on concurrent requests, open event streams, bodies and headers."""

import asyncio
from collections import Counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from convocore_mcp.web.sanitized_responses import json_response

BODY_TIMEOUT_SECONDS = 30.0
"""A request body must be complete within this time."""
UNLIMITED_PATHS = {"/healthz"}
"""A busy server is still alive."""


class Limits:
    """ASGI middleware: passes requests on to `app` while their number is below the limits."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_requests: int,
        max_streams: int,
        max_body_bytes: int,
        max_header_bytes: int,
    ) -> None:
        self._app = app
        self._max_open = {"requests": max_requests, "streams": max_streams}
        self._max_body_bytes = max_body_bytes
        self._max_header_bytes = max_header_bytes
        self.open = Counter(requests=0, streams=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 408, 413, 431 or 503."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        # The HTTP library applies its own limit only to headers that arrive in several pieces.
        header_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
        if header_bytes > self._max_header_bytes:
            refusal = _refusal(431, f"The headers have at most {self._max_header_bytes} bytes.")
            await refusal(scope, receive, send)
            return
        kind = "streams" if _opens_stream(scope) else "requests"
        if self.open[kind] >= self._max_open[kind]:
            refusal = _refusal(503, f"Too many {kind} at the same time.")
            await refusal(scope, receive, with_retry_after(send))
            return
        self.open[kind] += 1
        try:
            if scope["method"] == "POST":
                body = await self._read_body(Headers(scope=scope), receive)
                if isinstance(body, Response):
                    await body(scope, receive, send)
                    return
                receive = _replay(body, receive)
            await self._app(scope, receive, with_retry_after(send))
        finally:
            self.open[kind] -= 1

    async def _read_body(self, headers: Headers, receive: Receive) -> list[Message] | Response:
        """All messages of the body, or a refusal.

        The body is read completely before the application starts, so a slow sender holds up
        nothing but its own request.
        """
        too_large = _refusal(413, f"A request's body has at most {self._max_body_bytes} bytes.")
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._max_body_bytes:
            return too_large
        messages: list[Message] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                while not messages or messages[-1].get("more_body"):
                    messages.append(await receive())
                    size += len(messages[-1].get("body", b""))
                    if size > self._max_body_bytes:
                        return too_large
        except TimeoutError:
            return _refusal(
                408, f"The request's body did not arrive within {BODY_TIMEOUT_SECONDS:.0f} s."
            )
        return messages


def _opens_stream(scope: Scope) -> bool:
    """Whether the response stays open: SSE, a session's stream, or a subscription."""
    if scope["method"] == "GET":
        return bool(scope["path"].endswith(("/mcp", "/sse")))
    return Headers(scope=scope).get("mcp-method") == "subscriptions/listen"


def _refusal(status: int, reason: str) -> Response:
    return json_response({"error": reason}, status)


def _replay(messages: list[Message], receive: Receive) -> Receive:
    """A `receive` that returns `messages` first."""
    remaining = iter(messages)

    async def receive_replayed() -> Message:
        message = next(remaining, None)
        return message if message is not None else await receive()

    return receive_replayed


def with_retry_after(send: Send) -> Send:
    """A `send` that adds `Retry-After` to a 429 or 503, whether the SDK or this module made it."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in {429, 503}:
            MutableHeaders(scope=message).setdefault("Retry-After", "1")
        await send(message)

    return send_with_header
