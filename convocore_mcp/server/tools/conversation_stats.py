"""`conversation_stats`: how many, how much, by what."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.backend import App
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import FilterArguments, StatsRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import Stats


async def conversation_stats(  # noqa: PLR0913, PLR0917  one for each argument of the tool
    ctx: Context[App],
    group_by: arg.GroupBy = (),
    query: arg.Query = "",
    stage: arg.SameStages = (),
    label: arg.Labels = (),
    state: arg.SameStates = (),
    channel: arg.SameChannels = (),
    tag: arg.Tags = (),
    assignee: arg.Assignees = (),
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
    filters = FilterArguments(
        query=query,
        stage=stage,
        label=label,
        state=state,
        channel=channel,
        tag=tag,
        assignee=assignee,
        min_score=min_score,
        attention=attention,
        since=since,
        until=until,
    )
    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    agent = backend.agent(agent_id)
    return success(await backend.answers.conversation_stats(agent, StatsRequest(filters, group_by)))
