"""CrewAI's adapter: tools alone."""

from typing import Any

from client_run import Report, Target, main, text_of, without_nulls
from crewai_tools import MCPServerAdapter
from mcp import StdioServerParameters


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        parameters: Any = StdioServerParameters(
            command=target.command, args=target.args, env=target.env
        )
    else:
        parameters = {"url": target.url, "headers": target.headers, "transport": "streamable-http"}
    report = Report()
    with MCPServerAdapter(parameters) as found:
        tools = {tool.name: tool for tool in found}
        report.tools = list(tools)
        for call in requests["calls"]:
            tool = tools[call["name"]]
            try:
                answer = tool.run(**call["arguments"])
            except ValueError:
                report.without_nulls = True
                answer = tool.run(**without_nulls(call["arguments"]))
            report.answers[call["name"]] = text_of(answer)
            report.schemas[call["name"]] = tool.args_schema.model_json_schema()
    return report


main("crewai-tools", run)
