"""`list_conversations`: search, filter, sort and page through conversations."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.backend import App
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import ConversationsRequest, FilterArguments
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.answer_views import ConversationList


async def list_conversations(  # noqa: PLR0913, PLR0917  one for each argument of the tool
    ctx: Context[App],
    query: arg.Query = "",
    stage: arg.Stages = (),
    label: arg.Labels = (),
    state: arg.States = (),
    channel: arg.Channels = (),
    tag: arg.Tags = (),
    assignee: arg.Assignees = (),
    min_score: arg.MinScore = None,
    attention: arg.Attention = (),
    since: arg.Since = "",
    until: arg.Until = "",
    sort: arg.Sort = "newest",
    limit: arg.PageSize = 20,
    cursor: arg.PageCursor = "",
    detail: arg.Detail = "brief",
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, ConversationList]:
    """Use this to find, list or count chats and calls: who waits for a human, what came in today.

    Also "who asked about refunds?" (query), "overdue or unassigned" (attention), "deals by value"
    (sort=value). A row is one conversation, `total` counts all matches, next_cursor leads on. An
    empty list says in `relax` how many there are without each filter. For everything about one
    person use get_lead, for the best leads summarize_hot_leads, for sums conversation_stats.
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
    request = ConversationsRequest(filters, sort, limit, cursor, full=detail == "full")
    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    agent = backend.agent(agent_id)
    return success(await backend.answers.list_conversations(agent, request))
