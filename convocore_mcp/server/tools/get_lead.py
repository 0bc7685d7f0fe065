"""`get_lead`: one person, by a name, contact or ID."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.lead_views import LeadAnswer


async def get_lead(
    ctx: Context[App],
    lead: arg.Person,
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, LeadAnswer]:
    """Use this for one person: what did Jane from Acme want, who called, prepare me for a call.

    Returns contact data, what they want, stage, score and why, history, next steps and notes, out
    of all of their conversations. When several people fit, `candidates` are given instead of a
    guess: call again with a lead_id.
    """
    backend = await backend_for(ctx)
    return success(await backend.answers.get_lead(backend.agent(agent_id), lead.strip()))
