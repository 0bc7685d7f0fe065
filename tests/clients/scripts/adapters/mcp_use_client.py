"""mcp-use."""

from typing import Any

from client_run import Report, Target, main, text_of
from mcp_use import MCPClient


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        entry: dict[str, Any] = {"command": target.command, "args": target.args, "env": target.env}
    else:
        entry = {"url": target.url, "headers": target.headers}
    client = MCPClient.from_dict({"mcpServers": {"convocore": entry}})
    report = Report(resources=[], prompts=[])
    session = await client.create_session("convocore")
    try:
        report.tools = [tool.name for tool in await session.list_tools()]
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(await session.call_tool(**call))
        for uri in requests["uris"]:
            report.resources.append(text_of((await session.read_resource(uri)).contents))
        for prompt in requests["prompts"]:
            messages = (await session.get_prompt(prompt["name"], prompt.get("arguments"))).messages
            report.prompts.append(text_of(messages[0].content))
    finally:
        await client.close_all_sessions()
    return report


main("mcp-use", run)
