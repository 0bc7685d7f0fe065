"""Google's Agent Development Kit, with its declarations for Gemini."""

from typing import Any

from client_run import Report, Target, main, text_of
from google.adk.tools.mcp_tool import (
    McpToolset,
    StdioConnectionParams,
    StreamableHTTPConnectionParams,
)
from mcp import StdioServerParameters


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        server = StdioServerParameters(command=target.command, args=target.args, env=target.env)
        parameters: Any = StdioConnectionParams(server_params=server, timeout=target.seconds)
    else:
        parameters = StreamableHTTPConnectionParams(
            url=target.url, headers=target.headers, timeout=target.seconds
        )
    toolset = McpToolset(connection_params=parameters)
    report = Report(resources=[])
    try:
        tools = {tool.name: tool for tool in await toolset.get_tools()}
        report.tools = list(tools)
        for name, tool in tools.items():
            report.schemas[name] = tool._get_declaration().model_dump(
                mode="json", exclude_none=True
            )
        for call in requests["calls"]:
            tool = tools[call["name"]]
            result = await tool._run_async_impl(
                args=call["arguments"], tool_context=None, credential=None
            )
            report.answers[call["name"]] = text_of(result)
        for resource in await toolset.list_resources():
            report.resources.append(text_of(await toolset.read_resource(resource)))
    finally:
        await toolset.close()
    return report


main("google-adk", run)
