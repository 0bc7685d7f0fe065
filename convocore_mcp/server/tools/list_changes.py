"""`list_changes`: what happened since last time."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.backend import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import ChangesRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import Changes


async def list_changes(
    ctx: Context[App],
    cursor: arg.ChangesCursor = "",
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
    request = ChangesRequest(cursor, since, kind, limit)
    backend = await backend_for(ctx)
    return success(await backend.answers.list_changes(backend.agent(agent_id), request))
