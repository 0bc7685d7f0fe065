"""`conversation_stats`: how many, how much, by what."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import FilterArguments, StatsRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import Stats


async def conversation_stats(  # noqa: PLR0913, PLR0917  one for each argument of the tool
    ctx: Context[App],
    of: arg.Of = "conversations",
    group_by: arg.GroupBy = (),
    by_time: arg.ByTime = "last_activity",
    measure: arg.Measures = (),
    limit: arg.GroupLimit = 100,
    query: arg.SameQuery = "",
    stage: arg.SameStages = (),
    label: arg.Labels = (),
    state: arg.SameStates = (),
    channel: arg.SameChannels = (),
    tag: arg.Tags = (),
    assignee: arg.Assignees = (),
    min_score: arg.MinScore = None,
    attention: arg.Attention = (),
    where: arg.SameWhere = (),
    since: arg.SameSince = "",
    until: arg.Until = "",
    agent_id: arg.AgentIds = "",
) -> Annotated[CallToolResult, Stats]:
    """Use this for numbers: how is the pipeline, conversations per day, best channel, AI cost.

    Returns counts and sums of conversations or people (of=leads: each counts once, in the group of
    its merged value) by group, e.g. of=leads group_by=stage, or group_by=day since=30d. `measure`
    adds n, sum, avg, median, max of a field, e.g. reply_seconds by assignee. Money is per
    currency. For the rows behind a number use list_conversations or list_leads.
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
        where=where,
        since=since,
        until=until,
    )
    request = StatsRequest(filters, of, group_by, by_time, measure, limit)
    backend = await backend_for(ctx)
    agents = backend.chosen_agents(agent_id)
    return success(await backend.answers.conversation_stats(agents, request))
