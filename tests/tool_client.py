"""Tests ask as a client does: a real MCP client, the real server, the sandbox over HTTP."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal

from mcp import Client
from mcp.client.session import MessageHandlerFnT
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent

from convocore_mcp.assembly import Assembly
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server

Answer = dict[str, Any]


@asynccontextmanager
async def connected(
    sandbox: Sandbox,
    *,
    mode: Literal["auto", "legacy"] = "auto",
    on_message: MessageHandlerFnT | None = None,
    watch: bool = False,
    middleware: Sequence[Any] = (),
    **settings: object,
) -> AsyncIterator["ToolClient"]:
    """A client of a server that reads `sandbox`; nothing is kept on disk unless `store` says so.

    With `base_url`, the sandbox is served there already.
    """
    served = nullcontext("") if "base_url" in settings else serving(sandbox)
    with served as base_url:
        chosen = {
            "api_key": sandbox.key,
            "agent_id": sandbox.agent_id,
            "base_url": base_url,
            "store": "memory",
            "timezone": "UTC",
            "wait_seconds": 25,
            "details": "off",
        } | settings
        app = App(lambda: Assembly(chosen), version="test")
        server = create_server(app, watch=watch)
        server.middleware.extend(middleware)
        async with Client(server, mode=mode, message_handler=on_message) as client:
            yield ToolClient(client, app, server)


class ToolClient:
    """Calls tools, and reads their results as JSON."""

    def __init__(self, client: Client, app: App, server: MCPServer[App]) -> None:
        self.client = client
        self.app = app
        self.server = server

    async def call(self, tool: str, **arguments: object) -> CallToolResult:
        """The raw result."""
        return await self.client.call_tool(tool, arguments)

    async def ask(self, tool: str, **arguments: object) -> Answer:
        """The answer; fails if it is an error, or if its text and its structure differ."""
        result = await self.call(tool, **arguments)
        text = text_of(result)
        assert not result.is_error, text
        answer: Answer = json.loads(text)
        assert answer == result.structured_content
        return answer

    async def refused(self, tool: str, **arguments: object) -> Answer:
        """The error object; fails if there is an answer."""
        result = await self.call(tool, **arguments)
        assert result.is_error, text_of(result)
        body: Answer = json.loads(text_of(result))
        assert body.keys() == {"error"}
        error: Answer = body["error"]
        return error

    async def until_complete(self) -> None:
        """Ask until everything has been read; each call waits for reading to go on."""
        while not (await self.ask("conversation_stats"))["freshness"]["complete"]:
            pass

    async def until_read(self) -> None:
        """Ask until the first sync has ended; answers may be incomplete for other reasons."""
        while "is under way" in str((await self.ask("conversation_stats"))["freshness"]):
            pass

    async def pages(self, **arguments: object) -> list[Answer]:
        """Every page of `list_conversations`."""
        answers = [await self.ask("list_conversations", **arguments)]
        while cursor := answers[-1].get("next_cursor"):
            answers.append(await self.ask("list_conversations", **arguments, cursor=cursor))
        return answers

    async def read(self, uri: str) -> Answer:
        """A resource, read as JSON."""
        result = await self.client.read_resource(uri)
        (content,) = result.contents
        answer: Answer = json.loads(content.text)  # type: ignore[union-attr]
        return answer


def text_of(result: CallToolResult) -> str:
    """The one text block of a result."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text
