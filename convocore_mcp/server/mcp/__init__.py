"""The MCP server object: resources, prompts, completions and subscriptions beside the tools."""

from typing import Any, TypeAlias

from mcp.server.context import ServerRequestContext

RequestContext: TypeAlias = ServerRequestContext[Any, Any]
"""A request on the SDK's low level, which types neither its lifespan nor its request."""
