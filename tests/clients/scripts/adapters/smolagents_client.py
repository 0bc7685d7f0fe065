"""smolagents, with mcpadapt beneath: tools alone."""

from typing import Any

from client_run import Report, Target, main, text_of
from mcp import StdioServerParameters
from smolagents import MCPClient


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        parameters: Any = StdioServerParameters(
            command=target.command, args=target.args, env=target.env
        )
    else:
        parameters = {"url": target.url, "headers": target.headers, "transport": "streamable-http"}
    report = Report()
    with MCPClient(parameters, structured_output=False) as found:
        tools = {tool.name: tool for tool in found}
        report.tools = list(tools)
        for call in requests["calls"]:
            tool = tools[call["name"]]
            report.answers[call["name"]] = text_of(tool(**call["arguments"]))
            report.schemas[call["name"]] = tool.inputs
    return report


main("smolagents", run)
