"""Several processes that answer at one port, on one mirror."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.web.web_server import (
    ANSWER_TIMEOUT_SECONDS,
    McpRequest,
    RunningServer,
    initialize_request,
    legacy_request,
    modern_request,
    run_server,
    wait_until,
)

STATS = modern_request("tools/call", name="conversation_stats", arguments={})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with two workers, which share a mirror in a file."""
    folder, sandbox = tmp_path_factory.mktemp("workers"), Sandbox(size=60)
    with serving(sandbox) as base_url:
        env = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": str(folder / "mirror.sqlite3"),
        }
        with run_server(folder, "--workers", "2", env=env) as running:
            yield running


def ask(server: RunningServer, request: McpRequest) -> dict[str, Any]:
    """The JSON-RPC message that answers a request on a connection of its own."""
    headers, body = request
    response = httpx.post(
        f"{server.url}/mcp", json=body, headers=headers, timeout=30, trust_env=False
    )
    found = re.search(r"^data: (\{.*\})\r?$", response.text, re.M)
    message: dict[str, Any] = json.loads(found[1] if found else response.text)
    return message


def worker_that_answers(server: RunningServer) -> str:
    """The number of the worker that happens to answer a request for metrics."""
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    numbers: set[str] = set(re.findall(r'worker="(\d+)"', text))
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("worker=" in sample for sample in samples)
    (number,) = numbers
    return number


def workers_of(server: RunningServer) -> list[int]:
    """The processes of the workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(child) for child in children.read_text().split()]


def stop_all_but(server: RunningServer, process: int) -> list[int]:
    """Stop the other workers for a moment, so that one worker answers."""
    others = [worker for worker in workers_of(server) if worker != process]
    for worker in others:
        os.kill(worker, signal.SIGSTOP)
    return others


def test_each_worker_answers_and_all_say_the_same(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Several workers"."""
    answers, numbers = [], set()
    first, second = workers_of(server)
    for process in (first, second):
        stopped = stop_all_but(server, process)
        try:
            answers.append(ask(server, STATS)["result"]["structuredContent"])
            numbers.add(worker_that_answers(server))
        finally:
            for other in stopped:
                os.kill(other, signal.SIGCONT)
    assert numbers == {"1", "2"}
    assert answers[0]["totals"] == answers[1]["totals"]
    assert answers[0]["totals"]["conversations"] == 60


def test_clients_of_the_older_era_need_no_session(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Several workers"."""
    hello = ask(server, initialize_request())["result"]
    assert hello["capabilities"]["resources"]["subscribe"] is False
    for _ in range(4):
        call = legacy_request("tools/call", name="conversation_stats", arguments={})
        assert ask(server, call)["result"]["structuredContent"]["totals"]["conversations"] == 60


def test_what_needs_a_session_is_refused_with_the_reason(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Several workers"."""
    subscribe = legacy_request("resources/subscribe", uri="convocore://agents")
    assert "session" in ask(server, subscribe)["error"]["message"]
    refused = httpx.get(f"{server.url}/sse", trust_env=False)
    assert refused.status_code == 501
    assert "--workers" in refused.json()["error"]


def test_a_worker_that_was_killed_is_replaced(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Several workers"."""
    before = workers_of(server)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: len(workers_of(server)) == 2 and before[0] not in workers_of(server))
    assert before[1] in workers_of(server)
    assert "another one takes its place" in server.stderr()
    assert ask(server, STATS)["result"]["structuredContent"]["totals"]["conversations"] == 60


def test_the_signal_to_stop_ends_all_workers(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Several workers". The last test: the server is gone then."""
    workers = workers_of(server)
    assert server.stop() == 0
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


@pytest.mark.parametrize(
    ("options", "env", "words"),
    [
        (("--transport", "http"), {"CONVOCORE_STORE": "memory"}, "CONVOCORE_STORE can't be memory"),
        (("--transport", "sse"), {}, "only with --transport http"),
        ((), {}, "only with --transport http"),
        (("--transport", "http", "--demo"), {}, "CONVOCORE_STORE can't be memory"),
    ],
    ids=["memory", "sse", "stdio", "demo"],
)
def test_workers_are_refused_where_they_can_not_share_a_mirror_or_a_port(
    options: tuple[str, ...], env: dict[str, str], words: str, tmp_path: Path
) -> None:
    command_line = CommandLine(tmp_path, Sandbox(size=0), "http://127.0.0.1:9/v3")
    done = command_line.run("serve", *options, "--workers", "2", "--port", "0", **env)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())


STOPPED_WHILE_IT_STARTS = """
import os, signal
from convocore_mcp.web.connections.workers import serve_in_workers

def interrupt():
    if os.getpid() == first and not interrupted:
        interrupted.append(os.kill(first, signal.SIGINT))

first, interrupted = os.getpid(), []
os.register_at_fork(after_in_parent=interrupt)
serve_in_workers(3, lambda number: signal.pause())
"""


def test_a_signal_amid_the_start_of_workers_ends_those_that_run_and_starts_no_more() -> None:
    """Promised by docs/commands.md, "Everywhere". Ctrl+C comes when one of three has started."""
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED_WHILE_IT_STARTS], start_new_session=True
    )
    try:
        assert process.wait(ANSWER_TIMEOUT_SECONDS) == 0
    finally:
        with suppress(ProcessLookupError):  # there is nothing left of it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


ENDS_SOON = """
import os, signal, sys
from convocore_mcp.web.connections.workers import serve_in_workers

def serve(number):
    starts = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(starts, b".")
    if os.fstat(starts).st_size > int(sys.argv[3]):
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
    if sys.argv[2] == "fails":
        raise OSError("no port")
    os.kill(os.getpid(), signal.SIGKILL)

serve_in_workers(1, serve)
"""


@pytest.mark.parametrize(
    ("end", "ends_before_it_serves", "starts", "is_served"),
    [("killed", 3, 4, True), ("killed", 99, 5, False), ("fails", 1, 1, False)],
    ids=["killed three times", "killed each time", "fails once"],
)
def test_a_worker_that_is_killed_soon_is_replaced_and_one_that_fails_soon_is_not(
    end: str, ends_before_it_serves: int, starts: int, is_served: bool, tmp_path: Path
) -> None:
    """Promised by docs/operations.md, "Several workers"."""
    record = tmp_path / "starts"
    done = subprocess.run(
        [sys.executable, "-c", ENDS_SOON, record, end, str(ends_before_it_serves)],
        capture_output=True, text=True, timeout=ANSWER_TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    assert record.stat().st_size == starts, done.stderr
    assert (done.returncode == 0) is is_served, done.stderr
    assert ("A worker ended as soon as it was started." in done.stderr) is not is_served
