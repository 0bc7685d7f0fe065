"""Servers and commands as separate processes on one mirror: the list is read once."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.configuration import mirror_location, read_settings
from convocore_mcp.sandbox import Sandbox, serving
from tests.process_environment import TIMEOUT_SECONDS, isolated_environment
from tests.warm_process import WarmProgram
from tests.web.web_server import RunningServer, modern_request, run_server, wait_until

from .sync_harness import mirror_rows, open_mirror, upstream_rows

BOTH_STORES = pytest.mark.parametrize("store", ["in_file", "in_postgresql"], indirect=True)
IN_FILE = pytest.mark.parametrize("store", ["in_file"], indirect=True)
SIZE, UNDISTURBED = 600, 31
"""Rows, and the list requests of an undisturbed full sync: the pages, and the front again."""
EXTRA = 8
"""Requests for further looks at the front, and for those under way when a process was killed."""
HELD_AFTER = 20
WAITING_LOG = "Another process runs this full sync already"


class ThreadGate:
    """Holds back list requests after the first `HELD_AFTER`, until it is opened.

    A request that is held for 20 seconds is sent again. So processes that must be there meanwhile
    begin warm, and no gate opens by itself: a request then would go on before they are there.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._opened = threading.Event()
        sandbox.on_request.append(self._hold)

    async def _hold(self, number: int) -> None:
        if number > HELD_AFTER:
            await asyncio.to_thread(self._opened.wait)

    def open(self) -> None:
        self._opened.set()


class SyncCommand:
    """`convocore-mcp sync` as a process."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        number = len([*folder.glob("sync-*")])
        self._files = [folder / f"sync-{number}-{stream}" for stream in ("stdout", "stderr")]
        for file in self._files:
            file.touch()
        stdout, stderr = self._files
        self.process = WarmProgram(["sync"], env=env, stdout=stdout, stderr=stderr)

    @property
    def stdout(self) -> str:
        """All of stdout so far."""
        return self._files[0].read_text()

    @property
    def stderr(self) -> str:
        """All of stderr so far."""
        return self._files[1].read_text()

    def wait_for_a_line_of_stderr(self) -> None:
        wait_until(lambda: "\n" in self.stderr, self.process)

    def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        return self.process.wait(TIMEOUT_SECONDS * 3)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL


class ServerProcesses:
    """Starts processes with the same settings, whose list requests a gate holds back at first."""

    def __init__(self, home: Path, sandbox: Sandbox, base_url: str, store: str) -> None:
        self.home, self.sandbox = home, sandbox
        self.gate = ThreadGate(sandbox)
        self.settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": store,
            "CONVOCORE_WAIT_SECONDS": "60",  # until everything is read, on a busy machine too
        }

    def start_sync_command(self) -> "SyncCommand":
        return SyncCommand(self.home, isolated_environment(self.home, **self.settings))

    def gate_is_reached(self) -> bool:
        return len(self.sandbox.requests) >= HELD_AFTER

    def check(self) -> None:
        """Check that the mirror equals the sandbox, and that the list was read about once."""
        assert UNDISTURBED <= len(self.sandbox.requests) <= UNDISTURBED + EXTRA
        names = ("api_key", "agent_id", "base_url", "store", "wait_seconds")
        chosen = dict(zip(names, self.settings.values(), strict=True))
        location, owner = mirror_location(read_settings(chosen))
        mirror = open_mirror(location, owner=owner)
        assert mirror_rows(mirror, self.sandbox.agent_id) == upstream_rows(self.sandbox)
        mirror.close()


@pytest.fixture
def server_processes(store: str, tmp_path: Path) -> Iterator[ServerProcesses]:
    sandbox = Sandbox(size=SIZE)
    with serving(sandbox) as base_url:
        processes = ServerProcesses(tmp_path, sandbox, base_url, store)
        yield processes
        processes.gate.open()  # after a failure


def ask_stats(server: RunningServer) -> dict[str, Any]:
    """The answer of `conversation_stats`."""
    headers, body = modern_request("tools/call", name="conversation_stats", arguments={})
    response = httpx.post(
        f"{server.url}/mcp",
        headers=headers,
        json=body,
        timeout=TIMEOUT_SECONDS * 3,
        trust_env=False,
    )
    text = response.text
    data = text if text.lstrip().startswith("{") else text.split("data: ", 1)[1]
    answer: dict[str, Any] = json.loads(data)["result"]["structuredContent"]
    return answer


@IN_FILE
def test_a_sync_command_waits_for_a_servers_sync_and_says_so(
    server_processes: ServerProcesses,
) -> None:
    """Promised by docs/operations.md, "Several servers": one process reads, the others wait."""
    agent = server_processes.sandbox.agent_id
    with (
        run_server(server_processes.home, env=server_processes.settings) as server,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(ask_stats, server)
        wait_until(server_processes.gate_is_reached)
        command = server_processes.start_sync_command()
        command.wait_for_a_line_of_stderr()
        server_processes.gate.open()
        assert command.wait() == 0
        assert answer.result()["freshness"]["complete"] is True
    waiting = f"{agent}: another process is syncing this agent; waiting for it.\n"
    assert command.stderr == waiting
    assert command.stdout.startswith(f"{agent}: another process has read everything meanwhile, ")
    conversations = len(list(server_processes.sandbox.rows()))
    assert f"{conversations:,} conversations are in the mirror now" in command.stdout
    server_processes.check()


@BOTH_STORES
def test_two_servers_that_are_asked_at_once_read_the_list_once(
    server_processes: ServerProcesses,
) -> None:
    """Promised by docs/architecture.md, "The mirror": across processes, a lock decides."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        servers = [
            stack.enter_context(run_server(server_processes.home, env=server_processes.settings))
            for _ in range(2)
        ]
        answers = [pool.submit(ask_stats, server) for server in servers]
        wait_until(lambda: sum(WAITING_LOG in server.stderr() for server in servers) == 1)
        server_processes.gate.open()
        first, second = (answer.result() for answer in answers)
    assert first["totals"] == second["totals"]
    assert first["freshness"]["complete"] is second["freshness"]["complete"] is True
    server_processes.check()


@BOTH_STORES
def test_when_the_syncing_process_is_killed_the_waiting_one_resumes_its_sync(
    server_processes: ServerProcesses,
) -> None:
    """Promised by docs/architecture.md, "The mirror": resumable after a crash, nothing twice."""
    with (
        run_server(server_processes.home, env=server_processes.settings) as server,
        ThreadPoolExecutor() as pool,
    ):
        syncing = server_processes.start_sync_command()
        wait_until(server_processes.gate_is_reached)
        answer = pool.submit(ask_stats, server)
        wait_until(lambda: WAITING_LOG in server.stderr())
        syncing.kill()
        server_processes.gate.open()
        assert answer.result()["freshness"]["complete"] is True
    server_processes.check()


@IN_FILE
def test_a_sync_command_takes_over_from_one_that_is_killed(
    server_processes: ServerProcesses,
) -> None:
    """Ours: its summary counts what it has read itself."""
    killed = server_processes.start_sync_command()
    wait_until(server_processes.gate_is_reached)
    waiting = server_processes.start_sync_command()
    waiting.wait_for_a_line_of_stderr()
    assert "another process is syncing this agent" in waiting.stderr
    killed.kill()
    server_processes.gate.open()
    assert waiting.wait() == 0
    assert "read everything: " in waiting.stdout
    server_processes.check()
