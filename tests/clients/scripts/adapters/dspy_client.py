"""DSPy: tools made of an MCP session's."""

from contextlib import AsyncExitStack
from typing import Any

import dspy
from client_run import Report, Target, main, text_of, without_nulls
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
        tools = {tool.name: dspy.Tool.from_mcp_tool(client, tool) for tool in found}
        report.tools = list(tools)
        for call in requests["calls"]:
            tool = tools[call["name"]]
            try:
                answer = await tool.acall(**call["arguments"])
            except ValueError:
                report.without_nulls = True
                answer = await tool.acall(**without_nulls(call["arguments"]))
            report.answers[call["name"]] = text_of(answer)
            report.schemas[call["name"]] = tool.format_as_litellm_function_call()
    return report


main("dspy", run)
