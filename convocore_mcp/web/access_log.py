"""A request id and a log line for every HTTP request.

This is the outermost layer, so that refused requests are logged too. The line holds the method, the
route, the status, the duration, the peer's address and the client's name. It never holds the query
or an unknown path: people paste secrets into URLs.
"""

import logging
import re
import time
from collections.abc import Callable
from http.client import UNAUTHORIZED
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from convocore_mcp.log_rate import LIMITED
from convocore_mcp.logs import request_id

log = logging.getLogger(__name__)

_SAFE_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
LOG_FIELDS = "convocore_mcp.log_fields"
"""The key in an ASGI scope under which inner layers add fields to the log line."""


class AccessLog:
    """ASGI middleware: numbers and logs requests; `count` gets the route and status of each."""

    def __init__(self, app: ASGIApp, *, count: Callable[[str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Its response has the proxy's `X-Request-ID`, or a new one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        proxy_id = Headers(scope=scope).get("x-request-id", "")
        current_id = proxy_id if _SAFE_REQUEST_ID.fullmatch(proxy_id) else uuid4().hex
        request_id.set(current_id)
        log_fields: dict[str, str] = {}
        status, complete, start = 0, False, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status, complete
            complete = message["type"] == "http.response.body" and not message.get("more_body")
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = current_id
            await send(message)

        try:
            await self._app({**scope, LOG_FIELDS: log_fields}, receive, send_with_id)
            if status and not complete:  # an event stream that the server ended, not the client
                await send({"type": "http.response.body", "body": b""})
        except ClientDisconnect:
            # The client left before it had sent its request: no failure of ours, although Starlette
            # answers 500, to nobody.
            status = 0
        finally:
            self._count(log_fields.get("route", "other"), status)
            fields = _line_fields(scope, log_fields, status, time.perf_counter() - start)
            log.info("request", extra={"fields": fields, LIMITED: status == UNAUTHORIZED})


def _line_fields(
    scope: Scope, log_fields: dict[str, str], status: int, seconds: float
) -> dict[str, object]:
    peer = scope.get("client")
    fields = {
        "method": scope["method"],
        "route": log_fields.get("route", "other"),
        "status": status or None,  # none: the client left or the server failed before a response
        "ms": round(seconds * 1000, 1),
        "peer": peer[0] if peer else None,
        "client": log_fields.get("client"),
    }
    return {name: value for name, value in fields.items() if value is not None}
