"""Servers and commands, as processes of their own, on one mirror: the list is read once."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.assembly import mirror_place, read_settings
from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from tests.process_environment import TIMEOUT_SECONDS, isolated_environment
from tests.web.web_server import RunningServer, modern_request, run_server, wait_until

from .sync_harness import held, wanted

STORES = pytest.mark.parametrize("store", ["in_file", "in_postgresql"], indirect=True)
IN_FILE = pytest.mark.parametrize("store", ["in_file"], indirect=True)
SIZE, ONCE = 1200, 61
"""Rows, and list requests that an undisturbed walk takes: the pages, and a look at the front."""
MORE = 8
"""Requests for looking at the front again, and for what was under way when it was killed."""
HELD_FROM = 20
WAITING = "Another process runs this full sync already"


class Barrier:
    """Holds back list requests from a certain one on, until it is opened."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._opened = threading.Event()
        sandbox.on_request.append(self._hold)

    async def _hold(self, number: int) -> None:
        if number > HELD_FROM:
            await asyncio.to_thread(self._opened.wait, TIMEOUT_SECONDS)

    def open(self) -> None:
        self._opened.set()


class ServerProcesses:
    """Processes with the same settings, who read a list that is held back at first."""

    def __init__(self, home: Path, sandbox: Sandbox, base_url: str, store: str) -> None:
        self.home, self.sandbox = home, sandbox
        self.barrier = Barrier(sandbox)
        self.settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": store,
        }

    def sync(self, *options: str) -> subprocess.Popen[str]:
        """`convocore-mcp sync`, begun."""
        return subprocess.Popen(
            [sys.executable, "-m", "convocore_mcp", "sync", *options],
            env=isolated_environment(self.home, **self.settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reading(self) -> bool:
        """Whether somebody has read as far as the barrier lets them."""
        return len(self.sandbox.requests) >= HELD_FROM

    def check(self) -> None:
        """What the mirror holds is what is there, and it was read about once."""
        asked = len(self.sandbox.requests)
        assert ONCE <= asked <= ONCE + MORE
        names = ("api_key", "agent_id", "base_url", "store")
        chosen = dict(zip(names, self.settings.values(), strict=True))
        resume_token, owner = mirror_place(read_settings(chosen))
        mirror = MirrorWriter(
            open_database(resume_token, owner=owner), Rules(keys=keys, merge=merge)
        )
        assert held(mirror, self.sandbox.agent_id) == wanted(self.sandbox)
        mirror.close()


@pytest.fixture
def server_processes(store: str, tmp_path: Path) -> Iterator[ServerProcesses]:
    sandbox = Sandbox(size=SIZE)
    with serving(sandbox) as base_url:
        yield ServerProcesses(tmp_path, sandbox, base_url, store)


def numbers(server: RunningServer) -> dict[str, Any]:
    """What `conversation_stats` answers."""
    headers, body = modern_request("tools/call", name="conversation_stats", arguments={})
    answer = httpx.post(
        f"{server.url}/mcp",
        headers=headers,
        json=body,
        timeout=TIMEOUT_SECONDS * 3,
        trust_env=False,
    )
    said = answer.text
    data = said[said.index("{") :] if said.lstrip().startswith("{") else said.split("data: ", 1)[1]
    found: dict[str, Any] = json.loads(data)["result"]["structuredContent"]
    return found


@IN_FILE
def test_a_sync_beside_a_server_waits_for_what_that_reads_and_says_so(
    server_processes: ServerProcesses,
) -> None:
    """Promised by the issue: the command says so, waits, and ends with a true summary."""
    agent = server_processes.sandbox.agent_id
    with (
        run_server(server_processes.home, env=server_processes.settings) as server,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(numbers, server)
        wait_until(server_processes.reading)
        with server_processes.sync() as command:
            assert command.stderr is not None
            complaint = command.stderr.readline()
            server_processes.barrier.open()
            said, more = command.communicate(timeout=TIMEOUT_SECONDS * 3)
        assert answer.result()["freshness"]["complete"] is True
    assert complaint == f"{agent}: another process is syncing this agent; waiting for it.\n"
    assert more == ""
    assert said.startswith(f"{agent}: another process has read everything meanwhile, ")
    conversations = len(list(server_processes.sandbox.rows()))
    assert f"{conversations:,} conversations are in the mirror now" in said
    server_processes.check()


@STORES
def test_two_servers_that_are_asked_at_once_read_the_list_once(
    server_processes: ServerProcesses,
) -> None:
    """Promised by design.md: across processes an advisory lock."""
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        pair = [
            stack.enter_context(run_server(server_processes.home, env=server_processes.settings))
            for _ in range(2)
        ]
        answers = [pool.submit(numbers, server) for server in pair]
        wait_until(lambda: sum(WAITING in server.stderr() for server in pair) == 1)
        server_processes.barrier.open()
        one, two = (answer.result() for answer in answers)
    assert one["totals"] == two["totals"]
    assert one["freshness"]["complete"] is two["freshness"]["complete"] is True
    server_processes.check()


@STORES
def test_when_the_reader_is_killed_the_other_goes_on_where_it_stood(
    server_processes: ServerProcesses,
) -> None:
    """Promised by design.md: `kill -9`; the next one takes over and nothing is read twice."""
    with (
        run_server(server_processes.home, env=server_processes.settings) as server,
        ThreadPoolExecutor() as pool,
    ):
        reader = server_processes.sync()
        wait_until(server_processes.reading)
        answer = pool.submit(numbers, server)
        wait_until(lambda: WAITING in server.stderr())
        reader.kill()
        reader.communicate()
        server_processes.barrier.open()
        assert answer.result()["freshness"]["complete"] is True
    server_processes.check()


@IN_FILE
def test_a_sync_takes_over_from_one_that_is_killed(server_processes: ServerProcesses) -> None:
    """Ours: its summary tells what it has read itself."""
    reader = server_processes.sync()
    wait_until(server_processes.reading)
    with server_processes.sync() as waiting:
        assert waiting.stderr is not None
        assert "another process is syncing this agent" in waiting.stderr.readline()
        reader.kill()
        reader.communicate()
        server_processes.barrier.open()
        said, _ = waiting.communicate(timeout=TIMEOUT_SECONDS * 3)
    assert waiting.returncode == 0
    assert "read everything: " in said
    server_processes.check()
