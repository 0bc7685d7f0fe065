"""Semantic Kernel's plugins, with the functions that it makes of tools and prompts."""

from typing import Any

from client_run import Report, Target, main, text_of
from semantic_kernel import Kernel
from semantic_kernel.connectors.mcp import MCPStdioPlugin, MCPStreamableHttpPlugin


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        plugin: Any = MCPStdioPlugin("convocore", target.command, args=target.args, env=target.env)
    else:
        plugin = MCPStreamableHttpPlugin("convocore", target.url, headers=target.headers)
    report = Report(prompts=[])
    async with plugin:
        functions = Kernel().add_plugin(plugin).functions
        names = {call["name"] for call in requests["calls"]}
        report.tools = [name for name in functions if name in names]
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(
                await plugin.call_tool(call["name"], **call["arguments"])
            )
            report.schemas[call["name"]] = functions[call["name"]].metadata.model_dump(mode="json")
        for prompt in requests["prompts"]:
            messages = await plugin.get_prompt(prompt["name"], **prompt.get("arguments", {}))
            report.prompts.append(str(messages[0]))
    return report


main("semantic-kernel", run)
