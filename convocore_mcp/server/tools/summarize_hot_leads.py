"""`summarize_hot_leads`: who is worth contacting, and what they are worth."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import HotLeadsRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import HotLeads
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD


async def summarize_hot_leads(
    ctx: Context[App],
    since: arg.SameSince = "",
    until: arg.Until = "",
    min_score: arg.HotScore = DEFAULT_THRESHOLD,
    top: arg.Top = 10,
    explain: arg.Explain = False,
    agent_id: arg.AgentIds = "",
) -> Annotated[CallToolResult, HotLeads]:
    """Use this for hot leads: who to call first and why, how many are hot, what they are worth.

    Returns people, not conversations. Counts, sums and `value` (per currency) are over all hot
    leads; `leads` are the first `top`, hottest first, each with reasons and the next step. For one
    person use get_lead.
    """
    request = HotLeadsRequest(since, until, min_score, top, explain)
    backend = await backend_for(ctx)
    agents = backend.chosen_agents(agent_id)
    return success(await backend.answers.summarize_hot_leads(agents, request))
