"""Agno: tools alone. It only starts commands that it knows, of which `python` is one."""

import shlex
from typing import Any

from agno.tools.mcp import MCPTools, StreamableHTTPClientParams
from client_run import Report, Target, main, text_of


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        toolkit = MCPTools(
            shlex.join([target.command, *target.args]),
            env=target.env,
            timeout_seconds=target.seconds,
        )
    else:
        parameters = StreamableHTTPClientParams(url=target.url, headers=target.headers)
        toolkit = MCPTools(
            server_params=parameters, transport="streamable-http", timeout_seconds=target.seconds
        )
    report = Report()
    async with toolkit:
        functions = toolkit.functions
        report.tools = list(functions)
        for call in requests["calls"]:
            function = functions[call["name"]]
            result = await function.entrypoint(**call["arguments"])
            report.answers[call["name"]] = text_of(result)
            report.schemas[call["name"]] = function.to_dict()
    return report


main("agno", run)
