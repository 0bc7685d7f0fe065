"""Pydantic AI's toolset."""

from typing import Any

from client_run import Report, Target, main, text_of
from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        toolset: Any = MCPToolset(
            StdioTransport(target.command, target.args, env=target.env),
            init_timeout=target.seconds,
        )
    else:
        toolset = MCPToolset(target.url, headers=target.headers, init_timeout=target.seconds)
    report = Report(resources=[], prompts=[])
    async with toolset:
        report.tools = [tool.name for tool in await toolset.list_tools()]
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(
                await toolset.direct_call_tool(call["name"], call["arguments"])
            )
        for uri in requests["uris"]:
            report.resources.append(text_of(await toolset.read_resource(uri)))
        for prompt in requests["prompts"]:
            result = await toolset.get_prompt(prompt["name"], prompt.get("arguments"))
            report.prompts.append(text_of(result.messages[0]))
    return report


main("pydantic-ai-slim", run)
