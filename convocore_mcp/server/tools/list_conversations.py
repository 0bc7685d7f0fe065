"""`list_conversations`: search, filter, sort and page through conversations."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.answers.views import ConversationList
from convocore_mcp.server.backend import App
from convocore_mcp.server.rendering import success
from convocore_mcp.server.tools import arguments as arg


async def list_conversations(  # noqa: PLR0913, PLR0917  the contract's arguments
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
    limit: arg.Limit = 20,
    cursor: arg.Position = "",
    detail: arg.Detail = "brief",
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, ConversationList]:
    """Use this to find, list or count chats and calls: who waits for a human, what came in today.

    Also "who asked about refunds?" (query), "overdue or unassigned" (attention), "deals by value"
    (sort=value). A row is one conversation, `total` counts all matches, next_cursor leads on. An
    empty list says in `relax` how many there are without each filter. For everything about one
    person use get_lead, for the best leads summarize_hot_leads, for sums conversation_stats.
    """
    from convocore_mcp.leads.matching import search_terms  # noqa: PLC0415
    from convocore_mcp.models import Filter  # noqa: PLC0415
    from convocore_mcp.server.answers.list_conversations import (  # noqa: PLC0415
        ListRequest,
        list_conversations_answer,
    )

    backend = await ctx.request_context.lifespan_context.backend(ctx.report_progress)
    return success(
        await list_conversations_answer(
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
            ListRequest(query.strip(), since, until, sort, limit, cursor, full=detail == "full"),
        )
    )
