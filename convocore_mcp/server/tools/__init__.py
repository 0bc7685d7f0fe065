"""The tools, all in one list.

What only answers need is imported by the first call of each: whoever lists the tools should not
wait for it.
"""

from collections.abc import Callable
from typing import Any

from convocore_mcp.server.tools.conversation_stats import conversation_stats
from convocore_mcp.server.tools.get_lead import get_lead
from convocore_mcp.server.tools.list_changes import list_changes
from convocore_mcp.server.tools.list_conversations import list_conversations
from convocore_mcp.server.tools.summarize_hot_leads import summarize_hot_leads

TOOLS: tuple[tuple[Callable[..., Any], str], ...] = (
    (list_conversations, "List conversations"),
    (get_lead, "Look up a lead"),
    (summarize_hot_leads, "Summarize hot leads"),
    (conversation_stats, "Count and add up"),
    (list_changes, "Follow changes"),
)
"""Each tool with its title."""
