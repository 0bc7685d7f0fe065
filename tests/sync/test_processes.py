"""Servers and commands, as processes of their own, on one mirror: the list is read once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.settings import store_location
from convocore_mcp.store.engine import open_database
from convocore_mcp.store.mirror import Mirror, Rules
from tests.test_stdio import GENEROUS, environment
from tests.web.running import Running, modern, running, until

from .keeping import held, wanted

STORES = pytest.mark.parametrize("store", ["in_file", "in_postgresql"], indirect=True)
SIZE, ONCE = 2000, 102
"""Rows, and list requests that an undisturbed walk takes: the pages, and a look at the front."""
MORE = 8
"""Requests for looking at the front again, and for what was under way when it was killed."""
WAITING = "Another process makes this walk already"


class Family:
    """Processes with the same settings."""

    def __init__(self, home: Path, sandbox: Sandbox, base_url: str, store: str) -> None:
        self.home, self.sandbox, self.store = home, sandbox, store
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
            env=environment(self.home, **self.settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read(self, more_than: int) -> bool:
        """Whether Convocore has been asked for that many pages."""
        return len(self.sandbox.requests) > more_than

    def check(self) -> None:
        """What the mirror holds is what is there, and it was read about once."""
        asked = len(self.sandbox.requests)
        assert ONCE <= asked <= ONCE + MORE
        database = open_database(store_location(self.store, fingerprint="f"), owner="anybody")
        mirror = Mirror(database, Rules(keys=keys, merge=merge))
        assert held(mirror, self.sandbox.agent_id) == wanted(self.sandbox)
        mirror.close()


@pytest.fixture
def family(store: str, tmp_path: Path) -> Iterator[Family]:
    sandbox = Sandbox(size=SIZE, latency=0.03)
    with serving(sandbox) as base_url:
        yield Family(tmp_path, sandbox, base_url, store)


def numbers(server: Running) -> dict[str, Any]:
    """What `conversation_stats` answers."""
    headers, body = modern("tools/call", name="conversation_stats", arguments={})
    answer = httpx.post(
        f"{server.url}/mcp", headers=headers, json=body, timeout=GENEROUS * 3, trust_env=False
    )
    said = answer.text
    data = said[said.index("{") :] if said.lstrip().startswith("{") else said.split("data: ", 1)[1]
    found: dict[str, Any] = json.loads(data)["result"]["structuredContent"]
    return found


@STORES
def test_a_sync_beside_a_server_waits_for_what_that_reads_and_says_so(family: Family) -> None:
    """Promised by the issue: the command says so, waits, and ends with a true summary."""
    with (
        running(family.home, env=family.settings) as server,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(numbers, server)
        until(lambda: family.read(5))
        with family.sync() as command:
            said, complained = command.communicate(timeout=GENEROUS * 3)
        assert answer.result()["freshness"]["complete"] is True
    agent = family.sandbox.agent_id
    assert complained == f"{agent}: another process is reading it; waiting for what it brings.\n"
    assert said.startswith(f"{agent}: another process has read everything meanwhile, ")
    conversations = len(list(family.sandbox.rows()))
    assert f"{conversations:,} conversations are in the mirror now" in said
    family.check()


@STORES
def test_two_servers_that_are_asked_at_once_read_the_list_once(family: Family) -> None:
    """Promised by design.md: across processes an advisory lock."""
    with ExitStack() as stack:
        pair = [stack.enter_context(running(family.home, env=family.settings)) for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            one, two = pool.map(numbers, pair)
        assert sum(WAITING in server.said() for server in pair) == 1
    assert one["totals"] == two["totals"]
    assert one["freshness"]["complete"] is two["freshness"]["complete"] is True
    family.check()


@STORES
def test_when_the_reader_is_killed_the_other_goes_on_where_it_stood(family: Family) -> None:
    """Promised by design.md: `kill -9`; the next one takes over and nothing is read twice."""
    with running(family.home, env=family.settings) as server, ThreadPoolExecutor() as pool:
        reader = family.sync()
        until(lambda: family.read(20))
        answer = pool.submit(numbers, server)
        until(lambda: WAITING in server.said())
        reader.kill()
        reader.communicate()
        assert not family.read(ONCE)
        assert answer.result()["freshness"]["complete"] is True
    family.check()


def test_a_sync_takes_over_from_a_server_that_is_killed(tmp_path: Path) -> None:
    """Ours: its summary tells what it has read itself."""
    sandbox = Sandbox(size=SIZE, latency=0.03)
    with serving(sandbox) as base_url:
        family = Family(tmp_path, sandbox, base_url, str(tmp_path / "mirror.sqlite3"))
        with running(tmp_path, env=family.settings) as server, ThreadPoolExecutor() as pool:
            lost = pool.submit(numbers, server)
            until(lambda: family.read(30))
            command = family.sync()
            assert command.stderr is not None
            assert "another process is reading it" in command.stderr.readline()
            server.process.kill()
            said, _ = command.communicate(timeout=GENEROUS * 3)
            assert isinstance(lost.exception(), httpx.TransportError)
        assert command.returncode == 0
        assert "read everything: " in said
        family.check()
