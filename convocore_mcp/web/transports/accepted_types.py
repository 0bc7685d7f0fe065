"""Answers clients that do not say that they accept both JSON and event streams.

The protocol demands both, and the SDK refuses everything else with 406. Some clients name only
event streams, and get one; some name nothing at all, and get what the server sends anyway.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON, EVENT_STREAM = "application/json", "text/event-stream"


class AcceptedTypes:
    """ASGI application around `app`: adds what a request's `Accept` header lacks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        accept = Headers(scope=scope).get("accept", "").lower()
        named = {kind.partition(";")[0].strip() for kind in accept.split(",")} - {""}
        if named and (named != {EVENT_STREAM} or scope["method"] != "POST"):
            await self._app(scope, receive, send)
            return
        scope = {**scope, "headers": [*scope["headers"]]}
        MutableHeaders(scope=scope)["accept"] = f"{JSON}, {EVENT_STREAM}"
        await self._app(scope, receive, _as_event(send) if named else send)


def _as_event(send: Send) -> Send:
    """A `send` that makes an event stream of a JSON answer, for a client that reads nothing else.

    Errors of HTTP stay JSON: their status says that they are no stream.
    """
    start: Message | None = None

    async def send_as_event(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] == 200 and headers.get("content-type", "").startswith(JSON):
                headers["content-type"] = EVENT_STREAM
                del headers["content-length"]
                start = message
                return
        if start is not None:
            body = b"event: message\r\ndata: " + message.get("body", b"") + b"\r\n\r\n"
            MutableHeaders(scope=start)["content-length"] = str(len(body))
            await send(start)
            start, message = None, {**message, "body": body}
        await send(message)

    return send_as_event
