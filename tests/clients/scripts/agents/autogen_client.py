"""AutoGen's tools."""

from typing import Any

from autogen_core import CancellationToken
from autogen_ext.tools.mcp import StdioServerParams, StreamableHttpServerParams, mcp_server_tools
from client_run import Report, Target, main, text_of


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        parameters: Any = StdioServerParams(
            command=target.command,
            args=target.args,
            env=target.env,
            read_timeout_seconds=target.seconds,
        )
    else:
        parameters = StreamableHttpServerParams(url=target.url, headers=target.headers)
    report = Report()
    tools = {tool.name: tool for tool in await mcp_server_tools(parameters)}
    report.tools = list(tools)
    for call in requests["calls"]:
        tool = tools[call["name"]]
        result = await tool.run_json(call["arguments"], CancellationToken())
        report.answers[call["name"]] = text_of(result)
        report.schemas[call["name"]] = tool.schema
    return report


main("autogen-ext", run)
