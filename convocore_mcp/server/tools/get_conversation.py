"""`get_conversation`: one conversation, and what was said in it."""

from typing import Annotated

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult

from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.rendering import success
from convocore_mcp.server.requests import ConversationRequest
from convocore_mcp.server.tools import arguments as arg
from convocore_mcp.server.views.conversation_views import ConversationAnswer


async def get_conversation(
    ctx: Context[App],
    conversation: arg.ConversationId,
    turns: arg.Turns = 0,
    find: arg.FindWords = "",
    agent_id: arg.AgentId = "",
) -> Annotated[CallToolResult, ConversationAnswer]:
    """Use this for one conversation in full: what was said, why it has its score, who took it over.

    Returns its fields, captured data, handoffs, activities and score history; with turns or find
    also the transcript, oldest turn first. get_lead is for the person.
    """
    request = ConversationRequest(conversation.strip(), turns, find.strip())
    backend = await backend_for(ctx)
    return success(await backend.answers.get_conversation(backend.agent(agent_id), request))
