"""LlamaIndex: its client, its tools, and each resource as a tool."""

from typing import Any

from client_run import Report, Target, main, text_of
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        client = BasicMCPClient(target.command, args=target.args, env=target.env)
    else:
        client = BasicMCPClient(target.url, headers=target.headers)
    report = Report(resources=[], prompts=[])
    found = await McpToolSpec(client, include_resources=True).to_tool_list_async()
    tools = {tool.metadata.name: tool for tool in found}
    assert len(tools) == len(found), "two tools or resources have one name"
    names = {call["name"] for call in requests["calls"]}
    report.tools = [name for name in tools if name in names]
    for call in requests["calls"]:
        output = await tools[call["name"]].acall(**call["arguments"])
        report.answers[call["name"]] = text_of(output.raw_output)
        report.schemas[call["name"]] = tools[call["name"]].metadata.to_openai_tool()
    for uri in requests["uris"]:
        report.resources.append(text_of((await client.read_resource(uri)).contents))
    for prompt in requests["prompts"]:
        messages = await client.get_prompt(prompt["name"], prompt.get("arguments"))
        report.prompts.append(text_of(messages[0].content))
    return report


main("llama-index-tools-mcp", run)
