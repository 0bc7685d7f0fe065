"""Ask about Convocore leads over MCP: a mirror of the conversations, and small answers from it."""
