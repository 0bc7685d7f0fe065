"""`list_conversations`: search, filter, sort and page through conversations."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult
from pydantic import Field

from convocore_mcp.leads.lookup import search_terms
from convocore_mcp.models import Filter
from convocore_mcp.server.answers import success
from convocore_mcp.server.app import App
from convocore_mcp.server.arguments import (
    Attention,
    Detail,
    Labels,
    Many,
    Score,
    Sort,
    Text,
)
from convocore_mcp.server.lists import Ask, list_page
from convocore_mcp.server.views import ConversationList


async def list_conversations(  # noqa: PLR0913  the contract's arguments
    ctx: Context[App],
    query: Annotated[
        Text,
        Field(
            description="Words in name, email, phone, company, title, summary, last message, notes or tags"
        ),
    ] = "",  # noqa: E501
    stage: Annotated[
        Many,
        Field(
            description="Pipeline stages: new, engaged, email_sent, follow_up, info_req, demo_req, demo_conf, demo_done, proposal, negotiation, trial, won, lost"
        ),
    ] = [],  # noqa: E501, B006
    label: Labels = [],  # noqa: B006
    state: Annotated[
        Many,
        Field(
            description="requested_chat (waits for a human), human-chatting, ai-chatting, ended_chat"
        ),
    ] = [],  # noqa: E501, B006
    channel: Annotated[Many, Field(description="e.g. web-chat, whatsapp, instagram")] = [],  # noqa: B006
    tag: Many = [],  # noqa: B006
    assignee: Annotated[Many, Field(description="Name, email or id")] = [],  # noqa: B006
    min_score: Annotated[
        Score | None, Field(description="Leaves out what was never scored")
    ] = None,  # noqa: E501
    attention: Annotated[Attention, Field(description="Any of these")] = [],  # noqa: B006
    since: Annotated[
        Text,
        Field(
            description="Last activity from: 2026-07-19, a full ISO time, or 24h, 7d, 2w, 3m (months) ago"
        ),
    ] = "",  # noqa: E501
    until: Annotated[Text, Field(description="Last activity up to, same forms")] = "",
    sort: Sort = "newest",
    limit: Annotated[int, Field(ge=1, le=100, strict=True)] = 20,
    cursor: Annotated[
        str,
        Field(max_length=4000, description="next_cursor of the page before, with the same filters"),
    ] = "",  # noqa: E501
    detail: Detail = "brief",
    agent_id: Annotated[
        str, Field(max_length=200, description="Only needed with several agents")
    ] = "",  # noqa: E501
) -> Annotated[CallToolResult, ConversationList]:
    """Search and list conversations by text, stage, label, channel, tag, owner, score, time or need.

    Use it for "who is waiting for a human?" (state=requested_chat or attention=waiting_for_human),
    "what came in today?" (since=24h), "open deals by value" (sort=value), or to count: `total` is
    the number of all matches. One row is one conversation; for everything about a person use
    get_lead, for the best leads summarize_hot_leads. Go on with next_cursor; detail=full adds
    contact data, summary and notes. An empty list says in `relax` which filter to drop.
    """  # fmt: skip
    backend = await ctx.request_context.lifespan_context.backend()
    return success(
        await list_page(
            backend,
            backend.agent(agent_id),
            Filter(
                terms=search_terms(query) if query.strip() else None,
                stages=tuple(stage),
                labels=tuple(label),
                states=tuple(state),
                channels=tuple(channel),
                tags=tuple(tag),
                assignees=tuple(assignee),
                min_score=min_score,
                attention=tuple(attention),
            ),
            Ask(query.strip(), since, until, sort, limit, cursor, full=detail == "full"),
        )
    )
