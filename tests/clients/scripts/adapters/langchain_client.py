"""LangChain's adapters: tools, resources and prompts as LangChain has them."""

from typing import Any

from client_run import Report, Target, main, text_of
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        connection: Any = {
            "transport": "stdio",
            "command": target.command,
            "args": target.args,
            "env": target.env,
        }
    else:
        connection = {"transport": "streamable_http", "url": target.url, "headers": target.headers}
    client = MultiServerMCPClient({"convocore": connection})
    report = Report(resources=[], prompts=[])
    tools = {tool.name: tool for tool in await client.get_tools()}
    report.tools = list(tools)
    for call in requests["calls"]:
        report.answers[call["name"]] = text_of(await tools[call["name"]].ainvoke(call["arguments"]))
    report.schemas = {
        name: convert_to_openai_tool(tool, strict=True) for name, tool in tools.items()
    }
    for blob in await client.get_resources("convocore", uris=requests["uris"]):
        report.resources.append(blob.as_string())
    for prompt in requests["prompts"]:
        messages = await client.get_prompt(
            "convocore", prompt["name"], arguments=prompt.get("arguments")
        )
        report.prompts.append(text_of(messages[0].content))
    return report


main("langchain-mcp-adapters", run)
