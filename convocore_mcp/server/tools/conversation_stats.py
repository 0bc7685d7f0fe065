"""`conversation_stats`: how many, how much, by what."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.answers.views import Stats
from convocore_mcp.server.backend import App
from convocore_mcp.server.rendering import success
from convocore_mcp.server.tools import arguments as arg


async def conversation_stats(  # noqa: PLR0913, PLR0917  the contract's arguments
    ctx: Context[App],
    group_by: arg.GroupBy = (),
    query: arg.Query = "",
    stage: arg.Many = (),
    label: arg.Labels = (),
    state: arg.Many = (),
    channel: arg.Many = (),
    tag: arg.Many = (),
    assignee: arg.Many = (),
    min_score: arg.MinScore = None,
    attention: arg.Attention = (),
    since: arg.Since = "",
    until: arg.Until = "",
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, Stats]:
    """Use this for numbers: how is the pipeline, conversations per day, best channel, AI cost.

    Counts and adds up conversations, leads, hot leads, messages, value, tokens, cost and ratings,
    in all and by group, e.g. group_by=stage, or group_by=day with since=30d. Filters are those of
    list_conversations. `value` is per currency, once per lead.
    """
    from convocore_mcp.leads.matching import search_terms  # noqa: PLC0415
    from convocore_mcp.models import Filter  # noqa: PLC0415
    from convocore_mcp.server.answers.conversation_stats import (  # noqa: PLC0415
        StatsRequest,
        conversation_stats_answer,
    )

    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    return success(
        await conversation_stats_answer(
            backend,
            backend.agent(agent_id),
            Filter(
                terms=search_terms(query) if query.strip() else None,
                stages=stage,
                labels=label,
                states=state,
                channels=channel,
                tags=tag,
                assignees=assignee,
                min_score=min_score,
                attention=attention,
            ),
            StatsRequest(group_by, query.strip(), since, until),
        )
    )
