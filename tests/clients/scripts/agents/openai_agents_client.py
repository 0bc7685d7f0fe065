"""OpenAI's Agents SDK, with its conversion to strict schemas."""

from typing import Any

from agents import Agent
from agents.mcp import MCPServerStdio, MCPServerStreamableHttp, MCPUtil
from agents.run_context import RunContextWrapper
from client_run import Report, Target, main, text_of


async def run(target: Target, requests: dict[str, Any]) -> Report:
    if target.is_stdio:
        server: Any = MCPServerStdio(
            {"command": target.command, "args": target.args, "env": target.env},
            client_session_timeout_seconds=target.seconds,
        )
    else:
        server = MCPServerStreamableHttp(
            {"url": target.url, "headers": target.headers},
            client_session_timeout_seconds=target.seconds,
        )
    report = Report(resources=[], prompts=[])
    async with server:
        context, agent = RunContextWrapper(None), Agent(name="reader", mcp_servers=[server])
        tools = await MCPUtil.get_function_tools(server, True, context, agent)
        report.tools = [tool.name for tool in tools]
        for tool in tools:
            assert tool.strict_json_schema, f"{tool.name} has no strict schema"
            report.schemas[tool.name] = tool.params_json_schema
        for call in requests["calls"]:
            report.answers[call["name"]] = text_of(
                await server.call_tool(call["name"], call["arguments"])
            )
        for uri in requests["uris"]:
            report.resources.append(text_of((await server.read_resource(uri)).contents))
        for prompt in requests["prompts"]:
            result = await server.get_prompt(prompt["name"], prompt.get("arguments"))
            report.prompts.append(text_of(result.messages[0].content))
    return report


main("openai-agents", run)
