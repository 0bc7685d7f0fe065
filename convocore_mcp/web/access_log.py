"""A request id and a log line for every request; outermost, so that refusals have them too.

The line tells the method, the route (never the query, nor a path that is none of ours: people paste
secrets into URLs), the status, the time, the peer's address and whose token it was.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from convocore_mcp.logs import request_id

log = logging.getLogger(__name__)

_GIVEN = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
LOG_FIELDS = "convocore_mcp.journal"
"""Where in the scope the gate notes `route` and `client`."""


class AccessLog:
    """ASGI: numbers requests and tells of them; `count` hears route and status of each."""

    def __init__(self, app: ASGIApp, *, count: Callable[[str, int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. A proxy's `X-Request-ID` is taken over, and always sent back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        number = given if _GIVEN.fullmatch(given) else uuid4().hex
        request_id.set(number)
        log_fields: dict[str, str] = {}
        status, whole, began = 0, False, time.perf_counter()

        async def numbered(message: Message) -> None:
            nonlocal status, whole
            whole = message["type"] == "http.response.body" and not message.get("more_body")
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = number
            await send(message)

        try:
            await self._app({**scope, LOG_FIELDS: log_fields}, receive, numbered)
            if status and not whole:  # an event stream that was ended, not by its client
                await send({"type": "http.response.body", "body": b""})
        finally:
            route = log_fields.get("route", "other")
            self._count(route, status)
            log.info("request", extra={"fields": _told(scope, route, status, log_fields, began)})


def _told(
    scope: Scope, route: str, status: int, log_fields: dict[str, str], began: float
) -> dict[str, Any]:
    peer = scope.get("client")
    fields = {
        "method": scope["method"],
        "route": route,
        "status": status or None,  # none: the client left, or we failed, before there was one
        "ms": round((time.perf_counter() - began) * 1000, 1),
        "peer": peer[0] if peer else None,
        "client": log_fields.get("client"),
    }
    return {name: value for name, value in fields.items() if value is not None}
