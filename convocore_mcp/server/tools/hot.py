"""`summarize_hot_leads`: who is worth contacting, and what they are worth."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult
from pydantic import Field

from convocore_mcp.leads.heat import DEFAULT_THRESHOLD
from convocore_mcp.server.answers import success
from convocore_mcp.server.app import App
from convocore_mcp.server.arguments import Score, Text
from convocore_mcp.server.heat import HotAsk, hot_answer
from convocore_mcp.server.views import HotLeads


async def summarize_hot_leads(  # noqa: PLR0913  the contract's arguments
    ctx: Context[App],
    since: Annotated[
        Text,
        Field(
            description="Last activity from: 2026-07-19, a full ISO time, or 24h, 7d, 2w, 3m (months) ago"
        ),
    ] = "",  # noqa: E501
    until: Annotated[Text, Field(description="Last activity up to, same forms")] = "",
    min_score: Annotated[
        Score, Field(description="What counts as hot without a label")
    ] = DEFAULT_THRESHOLD,  # noqa: E501
    top: Annotated[int, Field(ge=1, le=50, strict=True, description="Leads to name")] = 10,
    explain: Annotated[bool, Field(strict=True, description="Add near_misses")] = False,
    agent_id: Annotated[
        str, Field(max_length=200, description="Only needed with several agents")
    ] = "",  # noqa: E501
) -> Annotated[CallToolResult, HotLeads]:
    """Summarize the hot leads: who to contact first and why, how many, in which stage, worth what.

    Use it for "who are my hot leads this week?" (since=7d), "who should I call today?" or "what is
    the hot pipeline worth?". People, not conversations: several conversations of one person are one
    lead. Counts, sums and `value` (per currency) are over all hot leads, `leads` are the first
    `top` of them, hottest first. For one person use get_lead.
    """  # fmt: skip
    backend = await ctx.request_context.lifespan_context.backend()
    ask = HotAsk(since, until, min_score, top, explain)
    return success(await hot_answer(backend, backend.agent(agent_id), ask))
