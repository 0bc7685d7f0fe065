"""Counts, bounds, times and logs every MCP request, on every transport.

The log line holds the method, the tool, the code and the duration; never an argument or an answer.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from convocore_mcp.server.rendering import protocol_error
from convocore_mcp.web.usage import Usage, client_of

log = logging.getLogger(__name__)

BUSY_CODE = -32000
"""The first of the JSON-RPC codes that are reserved for a server's own errors."""
OnRequestEnd = Callable[[str, str, str, float], None]
"""Gets the method, the tool (or empty), the code (`ok` or an error code) and the seconds."""


class RequestTracker:
    """MCP middleware that knows how many requests are under way.

    One event stream carries any number of requests, so the HTTP limits are not enough. A
    subscription stream (`subscriptions/listen`) is not counted: it ends only with the server.
    """

    def __init__(
        self,
        *,
        max_requests: int,
        tool_names: Collection[str],
        is_known_method: Callable[[str], bool],
        on_request_end: OnRequestEnd,
    ) -> None:
        self._usage = Usage({"calls": max_requests})
        self._tool_names = tool_names
        self._is_known_method = is_known_method
        self._on_request_end = on_request_end
        self._idle = asyncio.Event()

    @property
    def under_way(self) -> int:
        """How many requests are being handled."""
        return self._usage.in_use["calls"]

    async def wait_until_idle(self) -> None:
        """Wait until no request is under way."""
        while self.under_way:
            self._idle.clear()
            await self._idle.wait()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Pass a message on, and record how its request ended.

        Raises:
            MCPError: too many requests are under way, or the handler raised it.
        """
        if ctx.request_id is None or ctx.method == "subscriptions/listen":
            return await call_next(ctx)
        code, start = "internal", time.perf_counter()
        client = client_of(ctx.request.scope) if isinstance(ctx.request, Request) else ""
        is_busy = self._usage.is_full("calls") or self._usage.is_share_used("calls", client)
        self._usage.take("calls", client)
        try:
            if is_busy:
                raise protocol_error(
                    "The server answers too many requests already; try again in a second.",
                    code=BUSY_CODE,
                    data={"retry_after": 1},
                )
            result = await call_next(ctx)
            code = _result_code(result)
        except MCPError as error:
            code = str(error.error.code)
            raise
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            self._usage.release("calls", client)
            if not self.under_way:
                self._idle.set()
            self._record(ctx, code, time.perf_counter() - start)
        return result

    def _record(self, ctx: ServerRequestContext[Any, Any], code: str, seconds: float) -> None:
        # A name that a client made up becomes `unknown`, else each would add a new metric.
        name = (ctx.params or {}).get("name") if ctx.method == "tools/call" else ""
        tool = name if name in self._tool_names or not name else "unknown"
        method = ctx.method if self._is_known_method(ctx.method) else "unknown"
        self._on_request_end(method, str(tool or ""), code, seconds)
        fields = {"method": method, "tool": tool, "code": code, "ms": round(seconds * 1000, 1)}
        log.info("call", extra={"fields": {name: value for name, value in fields.items() if value}})


def _result_code(result: HandlerResult) -> str:
    """`ok`, or the code of a tool's error object (docs/contract.md, "Rules for every answer")."""
    if not isinstance(result, dict) or not result.get("isError"):
        return "ok"
    try:
        return str(json.loads(result["content"][0]["text"])["error"]["code"])
    except (KeyError, IndexError, TypeError, ValueError):
        return "internal"
