"""`list_conversations`: search, filter, sort and page through conversations."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
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
    where: arg.Where = (),
    since: arg.Since = "",
    until: arg.Until = "",
    sort: arg.ConversationSort = "newest",
    fields: arg.ShownFields = (),
    limit: arg.PageSize = 20,
    cursor: arg.PageCursor = "",
    detail: arg.Detail = "brief",
    agent_id: arg.AgentIds = "",
) -> Annotated[CallToolResult, ConversationList]:
    """Use this to find, list or count chats and calls: who waits for a human, what came in today.

    Also "who asked about refunds?" (query), "overdue or unassigned" (attention), "calls that
    failed" (where). Returns a row per conversation, `total` of all matches, next_cursor. An
    empty list says in `relax` how many there are without each filter. For people use list_leads,
    for one person get_lead, for one conversation get_conversation, for sums conversation_stats.
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
    request = ConversationsRequest(filters, sort, fields, limit, cursor, full=detail == "full")
    backend = await backend_for(ctx)
    agents = backend.chosen_agents(agent_id)
    return success(await backend.answers.list_conversations(agents, request))
