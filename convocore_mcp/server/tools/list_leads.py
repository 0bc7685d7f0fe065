"""`list_leads`: people, filtered, sorted and paged through."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import FilterArguments, LeadsRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import LeadList


async def list_leads(  # noqa: PLR0913, PLR0917  one for each argument of the tool
    ctx: Context[App],
    query: arg.SameQuery = "",
    stage: arg.SameStages = (),
    label: arg.Labels = (),
    attention: arg.Attention = (),
    where: arg.LeadWhere = (),
    since: arg.SameSince = "",
    until: arg.Until = "",
    sort: arg.LeadSort = "score",
    fields: arg.ShownFields = (),
    limit: arg.PageSize = 20,
    cursor: arg.PageCursor = "",
    agent_id: arg.AgentIds = "",
) -> Annotated[CallToolResult, LeadList]:
    """Use this to list people: leads in negotiation, deals that close this month, who is overdue.

    Returns a row per person with the merged values of all their conversations: contact, stage,
    value, next_due; `total` of all, next_cursor. where=hot=true lists the hot leads in the
    order of summarize_hot_leads, which also says why. For one person use get_lead, for counts
    conversation_stats with of=leads.
    """
    filters = FilterArguments(
        query=query,
        stage=stage,
        label=label,
        attention=attention,
        where=where,
        since=since,
        until=until,
    )
    request = LeadsRequest(filters, sort, fields, limit, cursor)
    backend = await backend_for(ctx)
    agents = backend.chosen_agents(agent_id)
    return success(await backend.answers.list_leads(agents, request))
