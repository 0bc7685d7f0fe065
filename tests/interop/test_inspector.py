"""The Inspector's command line, over all transports."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.interop.all_requests import PROMPTS, calls, uris
from tests.interop.conftest import ServerUnderTest
from tests.node import NODE, run

pytestmark = pytest.mark.clients


def start_inspector(clients: Path, server: ServerUnderTest, transport: str) -> Callable[..., Any]:
    """A function that runs one command of the Inspector against the server."""
    inspector = clients / "node_modules" / ".bin" / "mcp-inspector"
    if transport == "stdio":
        command, *args = server.command
        entry = {"command": command, "args": args, "env": server.env}
        (clients / "mcp.json").write_text(json.dumps({"mcpServers": {"convocore": entry}}))
        target = ["--config", "mcp.json", "--server", "convocore"]
    else:
        target = [getattr(server, transport)]

    def inspect(method: str, *arguments: str) -> Any:
        command: list[str | Path] = [
            NODE,
            inspector,
            "--cli",
            *target,
            "--method",
            method,
            "--quiet",
            *arguments,
        ]
        return json.loads(run(command, cwd=clients))

    return inspect


@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
def test_the_inspector_sends_every_request_and_gets_a_result(
    clients: Path, server: ServerUnderTest, transport: str
) -> None:
    """Promised by docs/operations.md, "HTTP". `--strict` checks the schemas.

    Each command is a process of its own, and over stdio starts a server. So all tools are called
    over HTTP, and some requests of each kind go over each transport; the other clients send all
    requests over all of them. The Inspector has no completion.
    """
    inspect = start_inspector(clients, server, transport)
    tool_calls, resource_uris = calls(server.conversation_id), uris(server.conversation_id)[-2:]
    if transport != "http":
        tool_calls = tool_calls[-1:]
    assert len(inspect("tools/list", "--strict")["tools"]) == len(calls(""))

    def call(request: dict[str, Any]) -> Any:
        arguments = json.dumps(request["arguments"])
        return inspect("tools/call", "--tool-name", request["name"], "--tool-args-json", arguments)

    def get(request: dict[str, Any]) -> Any:
        pairs = [f"{name}={value}" for name, value in request.get("arguments", {}).items()]
        options = ["--prompt-args", *pairs] if pairs else []
        return inspect("prompts/get", "--prompt-name", request["name"], *options)

    # Each command is a process that mostly waits.
    with ThreadPoolExecutor(2) as pool:
        lists = [pool.submit(inspect, name) for name in ("resources/list", "prompts/list")]
        lists.append(pool.submit(inspect, "resources/templates/list"))
        tool_results = list(pool.map(call, tool_calls))
        contents = list(
            pool.map(lambda uri: inspect("resources/read", "--uri", uri), resource_uris)
        )
        messages = list(pool.map(get, PROMPTS[:1]))
    resources, prompts, templates = (future.result() for future in lists)
    assert (len(resources["resources"]), len(templates["resourceTemplates"])) == (6, 5)
    assert {prompt["name"] for prompt in prompts["prompts"]} == {p["name"] for p in PROMPTS}
    for result in tool_results:
        assert not result.get("isError"), result
        assert result["structuredContent"]
    assert all(json.loads(result["contents"][0]["text"]) for result in contents)
    assert all("in this order" in result["messages"][0]["content"]["text"] for result in messages)
