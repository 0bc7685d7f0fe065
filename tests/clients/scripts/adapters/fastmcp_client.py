"""FastMCP's client."""

from typing import Any

from client_run import Report, Target, main, text_of
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from mcp_types import PromptReference, ResourceTemplateReference


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        transport: Any = StdioTransport(target.command, target.args, env=target.env)
    else:
        transport = StreamableHttpTransport(target.url, headers=target.headers)
    report = Report(resources=[], prompts=[], completions=[])
    async with Client(transport) as client:
        report.tools = [tool.name for tool in await client.list_tools()]
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(await client.call_tool(**call))
        for uri in requests["uris"]:
            report.resources.append(text_of(await client.read_resource(uri)))
        for prompt in requests["prompts"]:
            messages = (await client.get_prompt(**prompt)).messages
            report.prompts.append(text_of(messages[0]))
        for ask in requests["completions"]:
            kind = PromptReference if "name" in ask["ref"] else ResourceTemplateReference
            found = await client.complete(kind(**ask["ref"]), ask["argument"])
            report.completions.extend(found.values)
    return report


main("fastmcp", run)
