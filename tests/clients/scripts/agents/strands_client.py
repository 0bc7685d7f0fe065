"""Strands Agents."""

from typing import Any

from client_run import Report, Target, main, text_of
from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from strands.tools.mcp import MCPClient


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        server = StdioServerParameters(command=target.command, args=target.args, env=target.env)
        client = MCPClient(lambda: stdio_client(server))
    else:
        client = MCPClient(url=target.url, headers=target.headers)
    report = Report(resources=[], prompts=[])
    with client:
        for tool in client.list_tools_sync():
            report.tools.append(tool.tool_name)
            report.schemas[tool.tool_name] = tool.tool_spec["inputSchema"]
        for call in requests["calls"]:
            result = client.call_tool_sync("1", call["name"], call["arguments"])
            assert result["status"] == "success", result
            report.answers[call["name"]] = text_of(result)
        for uri in requests["uris"]:
            report.resources.append(text_of(client.read_resource_sync(uri).contents))
        for prompt in requests["prompts"]:
            messages = client.get_prompt_sync(prompt["name"], prompt.get("arguments", {})).messages
            report.prompts.append(text_of(messages[0].content))
    return report


main("strands-agents", run)
