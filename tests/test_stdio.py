"""The server as a process: what an MCP client starts, talks to and ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from convocore_mcp.sandbox import Sandbox, serving

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
GENEROUS = 20.0
"""Seconds for a busy machine; how long it really takes is measured in benchmarks/."""


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Nothing of this machine's user, so that a test neither reads nor writes their files."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONVOCORE_")}
    folders = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    return kept | folders | settings


@contextmanager
def server(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The process, started without arguments."""
    command = [sys.executable, "-m", "convocore_mcp"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.writelines(json.dumps(message) + "\n" for message in messages)
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    heard: dict[str, Any] = json.loads(process.stdout.readline())
    return heard


def call(tool: str, number: int = 3, **arguments: object) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def test_starting_touches_neither_network_nor_disk(tmp_path: Path) -> None:
    """Promised by the contract: listing the tools must not wait for either."""
    sandbox = Sandbox(size=50)
    with serving(sandbox) as base_url:
        env = environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
        )
        with server(env) as process:
            say(process, HELLO)
            hear(process)
            say(process, READY, LIST)
            assert len(hear(process)["result"]["tools"]) >= 3
            assert not sandbox.requests
            assert not list(tmp_path.rglob("*"))

            say(process, call("list_conversations", limit=1))
            assert not hear(process)["result"].get("isError")
            assert sandbox.requests
            (mirror,) = tmp_path.rglob("*.sqlite3")
            assert mirror.stat().st_mode & 0o777 == 0o600
            assert mirror.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("asked", [False, True])
def test_closing_stdin_ends_the_process_and_stdout_held_only_protocol(
    tmp_path: Path, asked: bool
) -> None:
    """Promised by the first issue, also while a long reading is under way."""
    sandbox = Sandbox(size=5000, latency=0.2)
    with serving(sandbox) as base_url:
        env = environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
            CONVOCORE_LOG_LEVEL="debug",
        )
        with server(env) as process:
            say(process, HELLO)
            heard = [hear(process)]
            if asked:
                say(process, READY, call("list_conversations", since="1h"))
                heard.append(hear(process))
            rest, _ = process.communicate(timeout=GENEROUS)

    assert process.returncode == 0
    assert [message["id"] for message in heard] == ([1, 3] if asked else [1])
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(tmp_path: Path, sign: signal.Signals) -> None:
    """Promised by the design."""
    with server(environment(tmp_path)) as process:
        say(process, HELLO)
        hear(process)

        process.send_signal(sign)

        assert process.wait(GENEROUS) == 0


async def test_without_a_key_it_starts_lists_its_tools_and_says_what_to_set(tmp_path: Path) -> None:
    """Promised by the first issue."""
    entry = StdioServerParameters(
        command=sys.executable, args=["-m", "convocore_mcp"], env=environment(tmp_path)
    )
    async with Client(entry) as client:
        tools = (await client.list_tools()).tools
        results = {
            tool.name: await client.call_tool(
                tool.name, {"lead": "Jane"} if tool.name == "get_lead" else {}
            )
            for tool in tools
        }

    assert {"list_conversations", "get_lead", "summarize_hot_leads"} <= results.keys()
    for result in results.values():
        assert result.is_error
        error = json.loads(result.content[0].text)["error"]  # type: ignore[union-attr]
        assert error["code"] == "not_configured"
        assert "CONVOCORE_API_KEY" in error["hint"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"CONVOCORE_REGION": "mars"}, "region"),
        ({"CONVOCORE_BASE_URL": "http://example.com/v3"}, "https"),
        ({"CONVOCORE_API_KEY": "k\u00e9y"}, "api_key"),
        ({"CONVOCORE_API_KEY": "secret-key"}, "CONVOCORE_AGENT_ID"),
    ],
)
async def test_a_wrong_setting_is_named_and_no_secret_is_shown(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    """Promised by the contract: what to do, no secret."""
    env = environment(tmp_path, **settings)
    entry = StdioServerParameters(command=sys.executable, args=["-m", "convocore_mcp"], env=env)
    async with Client(entry) as client:
        result = await client.call_tool("list_conversations", {})

    said = result.content[0].text  # type: ignore[union-attr]
    assert json.loads(said)["error"]["code"] == "not_configured"
    assert named.lower() in said.lower()
    assert "secret-key" not in said


def test_the_demo_asks_three_questions_and_shows_answers_and_costs(tmp_path: Path) -> None:
    """Promised by the first issue."""
    done = subprocess.run(
        [sys.executable, "-m", "convocore_mcp", "demo"],
        env=environment(tmp_path, COLUMNS="120"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    for title in ("Who are my hot leads", "Who is waiting", "What did", "What it cost"):
        assert title in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.sqlite3"))
