"""Sends the last answer of a tool again, while nothing has changed since."""

import functools

from mcp.server.context import CallNext, HandlerResult
from mcp_types import methods

from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext, connection_of
from convocore_mcp.server.rendering import compact


class RepeatedAnswers:
    """MCP middleware, the innermost: what it calls is the SDK's own handling of a request.

    Outer middleware runs for every call. It must not change a result in place, because the result
    is cached here.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Pass a message on, unless its answer is known.

        Raises:
            ValidationError: the request has not the shape that the protocol demands.
        """
        if ctx.method != "tools/call" or not self._may_be_known(ctx):
            return await call_next(ctx)
        methods.validate_client_request(ctx.method, ctx.protocol_version, ctx.params)
        asked = {name: value for name, value in (ctx.params or {}).items() if name != "_meta"}
        question = (ctx.protocol_version, compact(asked))
        return await self._app.answer_once(question, functools.partial(call_next, ctx))

    def _may_be_known(self, ctx: RequestContext) -> bool:
        if ctx.request_id is None or not connection_of(ctx).initialize_accepted:
            return False
        if ctx.meta is None:
            return "_meta" not in (ctx.params or {})  # else it is one that the SDK can't read
        # Progress goes only to the call that runs, so a call that wants progress must not wait for
        # another call's answer.
        return ctx.meta.get("progress_token") is None
