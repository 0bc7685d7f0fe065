"""A one-tool server on the same SDK: the cost of the SDK itself, to start and to call."""

import json
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent

mcp = MCPServer("baseline", log_level="ERROR")


@mcp.tool()
async def answer(size: int = 100) -> CallToolResult:
    """Answer with an object of about `size` characters, as text and as structured content."""
    body: dict[str, Any] = {"rows": ["x" * 90 for _ in range(size // 93)]}
    text = json.dumps(body, separators=(",", ":"))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=body)


if __name__ == "__main__":
    mcp.run()
