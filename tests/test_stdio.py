"""The server as a process that an MCP client starts, sends requests to and ends."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from convocore_mcp.cli.serve import load_assembly
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from tests.process_environment import TIMEOUT_SECONDS, isolated_environment

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


PLAIN = ("-m", "convocore_mcp")
ON_A_LOOP_AS_ON_WINDOWS = """
import asyncio, signal

def add_signal_handler(*_):
    raise NotImplementedError

for loop in (asyncio.SelectorEventLoop, asyncio.BaseEventLoop, asyncio.AbstractEventLoop):
    loop.add_signal_handler = add_signal_handler
del signal.SIGHUP

from convocore_mcp.cli.main import main
main()
"""


@contextmanager
def stdio_server(
    env: dict[str, str], command: Sequence[str] = PLAIN, prepare: str = ":"
) -> Iterator[subprocess.Popen[str]]:
    """The process, by default started without arguments, from a shell that runs `prepare` first."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["sh", "-c", f'{prepare}; exec "$@"', "sh", sys.executable, *command],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=env,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def send(process: subprocess.Popen[str], *messages: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.writelines(json.dumps(message) + "\n" for message in messages)
    process.stdin.flush()


def receive(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    message: dict[str, Any] = json.loads(process.stdout.readline())
    return message


def tool_call(tool: str, number: int = 3, **arguments: object) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def test_starting_touches_neither_network_nor_disk(tmp_path: Path) -> None:
    """Ours: listing the tools must not wait for the network or a disk."""
    sandbox = Sandbox(size=50)
    with serving(sandbox) as base_url:
        env = isolated_environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
        )
        with stdio_server(env) as process:
            send(process, INITIALIZE)
            receive(process)
            send(process, INITIALIZED, LIST_TOOLS)
            assert len(receive(process)["result"]["tools"]) >= 3
            assert not sandbox.requests
            assert not list(tmp_path.rglob("*"))

            send(process, tool_call("list_conversations", limit=1))
            assert not receive(process)["result"].get("isError")
            assert sandbox.requests
            (mirror,) = tmp_path.rglob("*.sqlite3")
            assert mirror.stat().st_mode & 0o777 == 0o600
            assert mirror.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("with_question", [False, True])
def test_closing_stdin_ends_the_process_and_stdout_holds_only_mcp_messages(
    tmp_path: Path, with_question: bool
) -> None:
    """Promised by docs/architecture.md, "Serving". Also during a full sync.

    Holds docs/contract.md #stdio.
    """
    sandbox = Sandbox(size=5000, latency=0.2)
    with serving(sandbox) as base_url:
        env = isolated_environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
            CONVOCORE_LOG_LEVEL="debug",
        )
        with stdio_server(env) as process:
            send(process, INITIALIZE)
            messages = [receive(process)]
            if with_question:
                send(process, INITIALIZED, tool_call("list_conversations", since="1h"))
                messages.append(receive(process))
            rest, _ = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 0
    assert [message["id"] for message in messages] == ([1, 3] if with_question else [1])
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in rest.splitlines())


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_process_with_exit_status_0(tmp_path: Path, sign: signal.Signals) -> None:
    """Promised by docs/architecture.md, "Serving"."""
    with stdio_server(isolated_environment(tmp_path)) as process:
        send(process, INITIALIZE)
        receive(process)

        process.send_signal(sign)

        assert process.wait(TIMEOUT_SECONDS) == 0


def test_it_serves_on_an_event_loop_without_signal_handlers(tmp_path: Path) -> None:
    """Ours: the loops of Windows have none, and there is no SIGHUP."""
    command = ["-c", ON_A_LOOP_AS_ON_WINDOWS]
    with stdio_server(isolated_environment(tmp_path), command) as process:
        send(process, INITIALIZE)
        assert "result" in receive(process)

        process.send_signal(signal.SIGTERM)

        assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_signal_that_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    """Ours: `nohup convocore-mcp` goes on when the terminal is closed."""
    with stdio_server(isolated_environment(tmp_path), prepare="trap '' HUP") as process:
        send(process, INITIALIZE)
        receive(process)
        process.send_signal(signal.SIGHUP)
        send(process, INITIALIZED, LIST_TOOLS)
        assert receive(process)["id"] == 2


def test_a_client_that_closes_stdout_ends_the_process_without_a_word(tmp_path: Path) -> None:
    """Promised by docs/architecture.md, "Serving". As `convocore-mcp | head -1` does."""
    with stdio_server(isolated_environment(tmp_path)) as process:
        send(process, INITIALIZE)
        receive(process)
        assert process.stdout is not None
        process.stdout.close()
        send(process, INITIALIZED, LIST_TOOLS)

        assert process.wait(TIMEOUT_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_what_anybody_prints_does_not_come_between_the_answers() -> None:
    """Promised by docs/architecture.md, "Serving": a library may print, or start a program."""
    program = (
        "import os\n"
        "from convocore_mcp.server.mcp.stdio.standard_streams import take_standard_streams\n"
        "_, stdout = take_standard_streams()\n"
        "print('stray', flush=True)\n"
        "os.system('echo stray; cat')\n"
        "os.write(stdout, b'answer')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input="message", capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("answer", "stray\nstray\n")


def test_64_file_descriptors_are_enough(tmp_path: Path) -> None:
    """Ours: containers and old shells give no more. With a mirror on disk, and many calls."""
    sandbox = Sandbox(size=100)
    with serving(sandbox) as base_url:
        env = isolated_environment(
            tmp_path,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
            CONVOCORE_DETAILS="all",
            CONVOCORE_WAIT_SECONDS="60",  # on a busy machine
        )
        with stdio_server(env, prepare="ulimit -n 64") as process:
            send(process, INITIALIZE)
            receive(process)
            tools = ("list_conversations", "list_leads", "conversation_stats", "list_changes")
            calls = [tool_call(tools[i % 4], number=i + 10) for i in range(40)]
            send(process, INITIALIZED, *calls)
            answers = [receive(process) for _ in calls]
    assert not [answer for answer in answers if answer["result"].get("isError")]


async def test_without_a_key_it_lists_its_tools_and_each_call_names_the_missing_setting(
    tmp_path: Path,
) -> None:
    """Promised by docs/contract.md, "Configuration".

    Holds docs/contract.md #without-a-key.
    """
    entry = StdioServerParameters(
        command=sys.executable, args=["-m", "convocore_mcp"], env=isolated_environment(tmp_path)
    )
    async with Client(entry) as client:
        tools = (await client.list_tools()).tools
        needed = {"get_lead": {"lead": "Jane"}, "get_conversation": {"conversation": "c1"}}
        results = {
            tool.name: await client.call_tool(tool.name, needed.get(tool.name, {}))
            for tool in tools
        }

    assert {"list_conversations", "get_lead", "summarize_hot_leads"} <= results.keys()
    for result in results.values():
        assert result.is_error
        error = json.loads(result.content[0].text)["error"]  # type: ignore[union-attr]
        assert error["code"] == "not_configured"
        assert "CONVOCORE_API_KEY" in error["hint"]


@pytest.mark.parametrize(
    ("settings", "setting", "as_process"),
    [
        ({"CONVOCORE_REGION": "mars"}, "region", True),
        ({"CONVOCORE_BASE_URL": "http://example.com/v3"}, "https", False),
        ({"CONVOCORE_API_KEY": "k\u00e9y"}, "api_key", False),
        ({"CONVOCORE_API_KEY": "secret-key"}, "CONVOCORE_AGENT_ID", False),
    ],
)
async def test_a_wrong_setting_is_named_and_no_secret_is_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    setting: str,
    as_process: bool,
) -> None:
    """Promised by docs/contract.md, "Configuration". No secret is shown."""
    env = isolated_environment(tmp_path, **settings)
    for name in os.environ.keys() - env.keys():
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    entry = StdioServerParameters(command=sys.executable, args=["-m", "convocore_mcp"], env=env)
    app = App(functools.partial(load_assembly, {}), version="test")
    async with Client(entry if as_process else create_server(app)) as client:
        result = await client.call_tool("list_conversations", {})

    text = result.content[0].text  # type: ignore[union-attr]
    assert json.loads(text)["error"]["code"] == "not_configured"
    assert setting.lower() in text.lower()
    assert "secret-key" not in text


def test_the_demo_asks_three_questions_and_shows_answers_and_costs(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Commands".

    Holds docs/contract.md #demo.
    """
    done = subprocess.run(
        [sys.executable, "-m", "convocore_mcp", "demo", "--size", "150"],
        env=isolated_environment(tmp_path, COLUMNS="120"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    for title in ("Who are my hot leads", "Who is waiting", "What did", "What it cost"):
        assert title in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.sqlite3"))
