"""The board inside a chat (MCP Apps, `io.modelcontextprotocol/ui`).

Four tools point to the page, but only for a client that says that it shows apps: for every other
client nothing changes, and the text of an answer is complete in any case. The SDK's own `Apps`
extension would tell every client, and it declares tools in its own way.
"""

from collections.abc import Mapping, Sequence

from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID, client_supports_apps
from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.resources import FunctionResource
from mcp_types import Resource

from convocore_mcp.board.board_file import read_board
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext

BOARD = "ui://convocore/board"
OPENING_TOOLS = frozenset({"summarize_hot_leads", "list_leads", "conversation_stats", "get_lead"})
"""The tools whose answers the board shows first."""
BOARD_META = {
    "ui": {
        # An empty list says explicitly that the page connects to no other origin.
        "csp": {
            "connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": [],
        },
        "permissions": {"clipboardWrite": {}},
        "prefersBorder": True,
    }
}  # fmt: skip


def add_apps(server: MCPServer[App]) -> None:
    """Serve the board to clients that show apps."""
    server.add_resource(
        FunctionResource(
            uri=BOARD,
            name="board",
            title="Board",
            description="A page that shows leads; clients that show apps open it with an answer.",
            mime_type=APP_MIME_TYPE,
            meta=BOARD_META,
            fn=read_board,
        )
    )
    server.middleware.append(_tell_clients_that_show_apps)


def shown_resources(ctx: RequestContext, resources: Sequence[Resource]) -> list[Resource]:
    """The resources that a client lists: the board only if the client shows apps."""
    return [found for found in resources if found.uri != BOARD or client_supports_apps(ctx)]


async def _tell_clients_that_show_apps(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
    """Middleware: point to the board."""
    result = await call_next(ctx)
    if not isinstance(result, dict) or not client_supports_apps(ctx):
        return result
    if ctx.method == "tools/list":
        for tool in result["tools"]:
            if tool["name"] in OPENING_TOOLS:
                tool["_meta"] = {**tool.get("_meta", {}), "ui": {"resourceUri": BOARD}}
        if "cacheScope" in result:
            result["cacheScope"] = "private"  # the list is no longer the same for every client
    elif ctx.method == "server/discover":
        extensions = result["capabilities"].get("extensions")
        known = extensions if isinstance(extensions, Mapping) else {}
        result["capabilities"]["extensions"] = {**known, EXTENSION_ID: {}}
    return result
