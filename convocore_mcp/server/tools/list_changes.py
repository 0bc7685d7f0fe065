"""`list_changes`: what happened since last time."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.answers.views import Changes
from convocore_mcp.server.backend import App
from convocore_mcp.server.rendering import success
from convocore_mcp.server.tools import arguments as arg


async def list_changes(
    ctx: Context[App],
    cursor: arg.Bookmark = "",
    since: arg.ChangedSince = "",
    kind: arg.Kinds = (),
    limit: arg.ChangesLimit = 50,
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, Changes]:
    """Use this for what changed since last time: what is new, updated or removed, oldest first.

    "What changed since this morning?" is since=8h. To follow along, call once without cursor and
    since for a next_cursor, then again and again with the newest one; while has_more is true, at
    once. `changed` has each field as [before, after].
    """
    from convocore_mcp.server.answers.list_changes import ChangesRequest, list_changes_answer  # noqa: PLC0415

    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    ask = ChangesRequest(cursor, since, kind, limit)
    return success(await list_changes_answer(backend, backend.agent(agent_id), ask))
