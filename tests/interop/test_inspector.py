"""The Inspector's command line, over all transports."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import NODE, Served, run
from tests.interop.everything import CALLS, PROMPTS, uris


def inspecting(clients: Path, served: Served, transport: str) -> Callable[..., Any]:
    """Runs the Inspector against the server."""
    inspector = clients / "node_modules" / ".bin" / "mcp-inspector"
    if transport == "stdio":
        command, *args = served.command
        entry = {"command": command, "args": args, "env": served.env}
        (clients / "mcp.json").write_text(json.dumps({"mcpServers": {"it": entry}}))
        where = ["--config", "mcp.json", "--server", "it"]
    else:
        where = [getattr(served, transport)]

    def ask(method: str, *arguments: str) -> Any:
        command: list[str | Path] = [
            NODE,
            inspector,
            "--cli",
            *where,
            "--method",
            method,
            "--quiet",
            *arguments,
        ]
        return json.loads(run(command, cwd=clients))

    return ask


@pytest.mark.parametrize("transport", ["stdio", "http", "sse"])
def test_the_inspector_lists_calls_reads_and_gets_everything(
    clients: Path, served: Served, transport: str
) -> None:
    """Asked for by issue 4; its command line can't complete. `--strict` looks at the schemas.

    Over stdio, where each command starts a server of its own, two resources and two prompts do.
    """
    inspect = inspecting(clients, served, transport)
    known, prompted = uris(served.conversation_id), PROMPTS
    if transport == "stdio":
        known, prompted = known[-2:], prompted[:2]
    assert len(inspect("tools/list", "--strict")["tools"]) == len(CALLS)

    def call(asked: dict[str, Any]) -> Any:
        arguments = json.dumps(asked["arguments"])
        return inspect("tools/call", "--tool-name", asked["name"], "--tool-args-json", arguments)

    def get(asked: dict[str, Any]) -> Any:
        pairs = [f"{name}={value}" for name, value in asked.get("arguments", {}).items()]
        given = ["--prompt-args", *pairs] if pairs else []
        return inspect("prompts/get", "--prompt-name", asked["name"], *given)

    # Each is a process that mostly waits.
    with ThreadPoolExecutor(2) as pool:
        lists = [pool.submit(inspect, name) for name in ("resources/list", "prompts/list")]
        lists.append(pool.submit(inspect, "resources/templates/list"))
        called = list(pool.map(call, CALLS))
        read = list(pool.map(lambda uri: inspect("resources/read", "--uri", uri), known))
        got = list(pool.map(get, prompted))
    resources, prompts, templates = (found.result() for found in lists)
    assert len(resources["resources"]) == len(templates["resourceTemplates"]) == 5
    assert {prompt["name"] for prompt in prompts["prompts"]} == {p["name"] for p in PROMPTS}
    for result in called:
        assert not result.get("isError"), result
        assert result["structuredContent"]
    assert all(json.loads(result["contents"][0]["text"]) for result in read)
    assert all("in this order" in result["messages"][0]["content"]["text"] for result in got)
