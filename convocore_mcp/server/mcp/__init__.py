"""The MCP server object: resources, prompts, completions and subscriptions beside the tools."""

from typing import Any, TypeAlias

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext

RequestContext: TypeAlias = ServerRequestContext[Any, Any]
"""A request on the SDK's low level, which types neither its lifespan nor its request."""


def connection_of(ctx: RequestContext) -> Connection:
    """The client's connection, which outlives the session: the SDK makes one for each request."""
    return ctx.session._connection  # noqa: SLF001  the SDK has no public way to it
