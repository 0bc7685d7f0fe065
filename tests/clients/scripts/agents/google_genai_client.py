"""google-genai: its own support for MCP, which turns a session's tools into Gemini's."""

from contextlib import AsyncExitStack
from typing import Any

from client_run import Report, Target, main, text_of
from google.genai._mcp_utils import mcp_to_gemini_tools
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def run(target: Target, requests: dict[str, Any]) -> Report:
    report = Report()
    async with AsyncExitStack() as stack:
        if target.is_stdio:
            server: Any = StdioServerParameters(
                command=target.command, args=target.args, env=target.env
            )
        else:
            http = await stack.enter_async_context(create_mcp_http_client(headers=target.headers))
            server = streamable_http_client(target.url, http_client=http)
        client = await stack.enter_async_context(Client(server))
        found = (await client.list_tools()).tools
        for tool in mcp_to_gemini_tools(found):
            (declaration,) = tool.function_declarations
            report.schemas[declaration.name] = declaration.model_dump(
                mode="json", exclude_none=True
            )
        report.tools = list(report.schemas)
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(
                await client.call_tool(call["name"], call["arguments"])
            )
    return report


main("google-genai", run)
