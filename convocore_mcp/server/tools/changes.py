"""`list_changes`: what happened since last time."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server import arguments as arg
from convocore_mcp.server.answers import success
from convocore_mcp.server.app import App
from convocore_mcp.server.changes import ChangesAsk, changes_answer
from convocore_mcp.server.views import Changes


async def list_changes(
    ctx: Context[App],
    cursor: arg.Bookmark = "",
    since: arg.ChangedSince = "",
    kind: arg.Kinds = (),
    limit: arg.ChangesLimit = 50,
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, Changes]:
    """Follow what changed since last time: new, updated and removed conversations, oldest first.

    Use it for "what changed since this morning?" (since=8h) and in automations: call once without
    cursor or since to get a next_cursor, then again and again with the newest one. Each change says
    which fields changed, as [before, after]. While has_more is true, call on at once.
    """
    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    ask = ChangesAsk(cursor, since, kind, limit)
    return success(await changes_answer(backend, backend.agent(agent_id), ask))
