"""How much at a time: requests, streams on which a client listens, bodies and headers."""

import asyncio
from collections import Counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE = 30.0
"""Seconds in which a request's body must be here."""
ALWAYS = {"/healthz"}
"""A server that is busy is alive."""


class Limits:
    """ASGI: passes requests on to `app` as long as there is room for them."""

    def __init__(self, app: ASGIApp, *, requests: int, streams: int, body: int, head: int) -> None:
        self._app = app
        self._room = {"requests": requests, "streams": streams}
        self._largest = body
        self._longest = head
        self.open = Counter(requests=0, streams=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or say when to come again."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        # What arrives in one piece is read whole, whatever limit the HTTP library was given.
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._longest:
            await _refused(431, f"The headers have at most {self._longest} bytes.")(
                scope, receive, send
            )
            return
        kind = "streams" if _listens(scope) else "requests"
        if self.open[kind] >= self._room[kind]:
            await _refused(503, f"Too many {kind} at the same time.")(
                scope, receive, with_wait(send)
            )
            return
        self.open[kind] += 1
        try:
            if scope["method"] == "POST":
                body = await self._body(Headers(scope=scope), receive)
                if isinstance(body, Response):
                    await body(scope, receive, send)
                    return
                receive = _again(body, receive)
            await self._app(scope, receive, with_wait(send))
        finally:
            self.open[kind] -= 1

    async def _body(self, headers: Headers, receive: Receive) -> list[Message] | Response:
        """All messages of the body. It is read whole before anybody works on it."""
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._largest:
            return _refused(413, f"A request's body has at most {self._largest} bytes.")
        said: list[Message] = []
        size = 0
        try:
            async with asyncio.timeout(PATIENCE):
                while not said or said[-1].get("more_body"):
                    said.append(await receive())
                    size += len(said[-1].get("body", b""))
                    if size > self._largest:
                        return _refused(413, f"A request's body has at most {self._largest} bytes.")
        except TimeoutError:
            return _refused(408, f"The request's body did not come within {PATIENCE:.0f} s.")
        return said


def _listens(scope: Scope) -> bool:
    """Whether the answer is a stream that stays open: SSE, a session's stream, or a listener."""
    if scope["method"] == "GET":
        return bool(scope["path"].endswith(("/mcp", "/sse")))
    return Headers(scope=scope).get("mcp-method") == "subscriptions/listen"


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


def _again(said: list[Message], receive: Receive) -> Receive:
    waiting = iter(said)

    async def replay() -> Message:
        found = next(waiting, None)
        return found if found is not None else await receive()

    return replay


def with_wait(send: Send) -> Send:
    """Adds `Retry-After` where the SDK, or we, say that there is no room."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in {429, 503}:
            MutableHeaders(scope=message).setdefault("Retry-After", "1")
        await send(message)

    return sending
