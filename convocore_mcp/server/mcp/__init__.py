"""The MCP server object: resources, prompts, completions and subscriptions beside the tools."""
