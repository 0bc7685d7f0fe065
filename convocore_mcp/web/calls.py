"""How many calls are under way, whichever way they came in."""

from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError


class Calls:
    """MCP middleware that counts the requests under way, streams on which one listens aside.

    An event stream or a session carries any number of them at a time, so they are bounded here and
    not only where HTTP requests come in.
    """

    def __init__(self, *, most: int) -> None:
        self.under_way = 0
        self._most = most

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.request_id is None or ctx.method == "subscriptions/listen":
            return await call_next(ctx)
        if self.under_way >= self._most:
            raise MCPError(
                code=BUSY,
                message=f"The server is answering {self._most} requests; try again in a second.",
                data={"retry_after": 1},
            )
        self.under_way += 1
        try:
            return await call_next(ctx)
        finally:
            self.under_way -= 1


BUSY = -32000
"""JSON-RPC's first code for a server's own errors."""
