"""`list_changes`: what happened since last time."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import ChangesRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.change_views import Changes


async def list_changes(
    ctx: Context[App],
    cursor: arg.ChangesCursor = "",
    since: arg.ChangedSince = "",
    kind: arg.Kinds = (),
    changed: arg.ChangedFields = (),
    became: arg.Became = (),
    limit: arg.ChangesLimit = 50,
    agent_id: arg.AgentIds = "",
) -> Annotated[CallToolResult, Changes]:
    """Use this for what changed since last time: new, updated or removed conversations, in order.

    "What changed since this morning?" is since=8h. To follow along, call once without cursor and
    since, then with each next_cursor, at once while has_more. Returns `changed` as [before, after].
    """
    request = ChangesRequest(cursor, since, kind, changed, became, limit)
    backend = await backend_for(ctx)
    agents = backend.chosen_agents(agent_id)
    return success(await backend.answers.list_changes(agents, request))
