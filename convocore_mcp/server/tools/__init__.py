"""The tools, all in one list: each module declares one, and `answers` has its answer.

A tool is its arguments with their descriptions, its own description, and the view it answers with.
Nothing here imports what only answers need, because listing the tools would wait for it.
"""

from collections.abc import Awaitable, Callable

from mcp_types import CallToolResult

from convocore_mcp.server.tools.conversation_stats import conversation_stats
from convocore_mcp.server.tools.get_conversation import get_conversation
from convocore_mcp.server.tools.get_lead import get_lead
from convocore_mcp.server.tools.list_changes import list_changes
from convocore_mcp.server.tools.list_conversations import list_conversations
from convocore_mcp.server.tools.list_leads import list_leads
from convocore_mcp.server.tools.summarize_hot_leads import summarize_hot_leads

Tool = Callable[..., Awaitable[CallToolResult]]
TOOLS: tuple[tuple[Tool, str], ...] = (
    (list_conversations, "List conversations"),
    (get_conversation, "Read a conversation"),
    (list_leads, "List leads"),
    (get_lead, "Look up a lead"),
    (summarize_hot_leads, "Summarize hot leads"),
    (conversation_stats, "Count and add up"),
    (list_changes, "Follow changes"),
)
"""Each tool with its title."""
