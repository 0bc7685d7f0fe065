"""Every MCP request, whichever way it came in: counted, bounded, timed and told of in the log.

The log line tells the method, the tool, the code and the time; never an argument or an answer.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

log = logging.getLogger(__name__)

BUSY = -32000
"""JSON-RPC's first code for a server's own errors."""
Told = Callable[[str, str, str, float], None]
"""Hears of each request: method, tool (or empty), code (`ok` or what failed), seconds."""


class RequestTracker:
    """MCP middleware. An event stream carries any number of requests, so they are bounded here too.

    Streams on which a client listens are no calls: they end when the server does.
    """

    def __init__(
        self, *, most: int, tools: Collection[str], methods: Callable[[str], bool], told: Told
    ) -> None:
        self.under_way = 0
        self._most = most
        self._tools = tools
        self._methods = methods
        self._told = told
        self._idle = asyncio.Event()

    async def idle(self) -> None:
        """Wait until no call is under way."""
        while self.under_way:
            self._idle.clear()
            await self._idle.wait()

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        """Pass a message on, and tell how it went."""
        if ctx.request_id is None or ctx.method == "subscriptions/listen":
            return await call_next(ctx)
        code, began = "internal", time.perf_counter()
        self.under_way += 1
        try:
            if self.under_way > self._most:
                raise MCPError(
                    code=BUSY,
                    message=f"{self._most} requests are being answered; try again in a second.",
                    data={"retry_after": 1},
                )
            result = await call_next(ctx)
            code = _code(result)
        except MCPError as error:
            code = str(error.error.code)
            raise
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            self.under_way -= 1
            if not self.under_way:
                self._idle.set()
            self._tell(ctx, code, time.perf_counter() - began)
        return result

    def _tell(self, ctx: ServerRequestContext[Any, Any], code: str, seconds: float) -> None:
        named = (ctx.params or {}).get("name") if ctx.method == "tools/call" else ""
        # What a client made up would be a new figure each time.
        tool = named if named in self._tools or not named else "unknown"
        method = ctx.method if self._methods(ctx.method) else "unknown"
        self._told(method, str(tool or ""), code, seconds)
        fields = {"method": method, "tool": tool, "code": code, "ms": round(seconds * 1000, 1)}
        log.info("call", extra={"fields": {name: value for name, value in fields.items() if value}})


def _code(result: HandlerResult) -> str:
    """`ok`, or the code of the contract's error object."""
    if not isinstance(result, dict) or not result.get("isError"):
        return "ok"
    try:
        return str(json.loads(result["content"][0]["text"])["error"]["code"])
    except (KeyError, IndexError, TypeError, ValueError):
        return "internal"
