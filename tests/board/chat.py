"""A chat that shows the board: a real MCP client behind the page of `host.ts`."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio.from_thread
from mcp import Client, StdioServerParameters
from mcp.client.extension import advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp_types import CallToolResult
from playwright.sync_api import FrameLocator, Page, Route

from convocore_mcp.board.board_file import read_board

HOST = "http://host.test/"
BOARD = "http://board.test/"
Json = dict[str, Any]
CAPABILITIES: Json = {"serverTools": {}, "message": {"text": {}}, "openLinks": {}}
HOST_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'none'; frame-src 'none'; base-uri 'none'"
)
"""What a host sends with a page that declares no origin (MCP Apps, "Content Security Policy")."""


class McpConnection:
    """An MCP client that shows apps, in a thread of its own."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, client: Client) -> None:
        self._portal = portal
        self.client = client

    def call(self, name: str, values: Json) -> Json:
        """The result of a tool, as it came over the wire."""
        result = self._portal.call(self.client.call_tool, name, values)
        assert isinstance(result, CallToolResult)
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    def board(self) -> str:
        """The page, as the tool's `_meta` says where to find it."""
        tools = self._portal.call(self.client.list_tools).tools
        meta = next(tool for tool in tools if tool.name == "get_lead").meta
        assert meta is not None
        read = self._portal.call(self.client.read_resource, meta["ui"]["resourceUri"])
        text: str = read.contents[0].text  # type: ignore[union-attr]
        return text


@contextmanager
def connection(server: StdioServerParameters | str) -> Iterator[McpConnection]:
    """A connection to a server over stdio, or over HTTP at a URL."""
    extension = advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})
    with anyio.from_thread.start_blocking_portal() as portal:
        client = Client(server, extensions=[extension])
        with portal.wrap_async_context_manager(client):
            yield McpConnection(portal, client)


class Chat:
    """The page that plays the chat, and the board in it."""

    def __init__(
        self, page: Page, script: str, mcp: McpConnection | None = None, html: str | None = None
    ) -> None:
        self.page = page
        self.calls: list[str] = []
        self.arguments: list[Json] = []
        self._opened = False
        self._mcp = mcp
        self._answers: Json = {}
        board = html or read_board()
        page.route(re.compile(re.escape(HOST)), lambda route: _fulfil(route, _host_page(script)))
        page.route(re.compile(re.escape(BOARD)), lambda route: _fulfil(route, board, HOST_POLICY))
        page.expose_function("callTool", self._call)
        page.goto(HOST)

    def open(
        self,
        tool: str,
        result: Json | None = None,
        *,
        capabilities: Json | None = None,
        context: Json | None = None,
        **values: object,
    ) -> FrameLocator:
        """Show the board with the result of a call, and return what is in its frame."""
        if self._opened:
            self.page.reload()
        self._opened = True
        self.calls.clear()
        self.arguments.clear()
        if result is None:
            assert self._mcp is not None
            result = self._mcp.call(tool, values)
        opening = {
            "result": result,
            "values": values,
            "capabilities": CAPABILITIES if capabilities is None else capabilities,
            "context": {"toolInfo": {"tool": {"name": tool, "inputSchema": {"type": "object"}}}}
            | {"theme": "light", "locale": "en-GB", "timeZone": "Europe/Berlin"}
            | (context or {}),
        }
        self.page.evaluate("opening => window.openBoard(opening)", opening)
        return self.page.frame_locator("iframe")

    def answer(self, tool: str, content: Json) -> None:
        """Let a tool answer this, instead of asking a server."""
        self._answers[tool] = result_of(content)

    def asked(self) -> list[Json]:
        """What the board has asked the chat to do."""
        found: list[Json] = self.page.evaluate("window.asked")
        return found

    def _call(self, name: str, values: Json) -> Json:
        self.calls.append(name)
        self.arguments.append(values)
        if name in self._answers:
            found: Json = self._answers[name]
            return found
        assert self._mcp is not None, name
        return self._mcp.call(name, values)


def result_of(content: Json) -> Json:
    """An answer as a tool's result."""
    text = json.dumps(content, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}], "structuredContent": content}


def _fulfil(route: Route, body: str, policy: str | None = None) -> None:
    headers = {"Content-Security-Policy": policy} if policy else {}
    route.fulfill(body=body, content_type="text/html; charset=utf-8", headers=headers)


def _host_page(script: str) -> str:
    safe = script.replace("</script", "<\\/script")
    frame = '<iframe sandbox="allow-scripts" title="Board" style="width:100%;border:0"></iframe>'
    return f"<!doctype html><title>Chat</title><body>{frame}<script>{safe}</script>"
