"""Calls a second over Streamable HTTP, compared with a no-op tool on the same web server.

The load comes from `wrk`, which is written in C: a client in Python would be the bottleneck. Both
servers run at once, and are loaded by turns.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.mirror_files import MirrorFile
from benchmarks.progress import report
from benchmarks.server_process import OURS, Call, environment, result_of
from benchmarks.table import Row, median

PROTOCOL = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
    "io.modelcontextprotocol/clientCapabilities": {},
}
BASELINE = [sys.executable, "-m", "benchmarks.web_baseline_server"]
CALLS: tuple[tuple[Call, float], ...] = (
    (("list_conversations", {"limit": 10}), 0.5),
    (("summarize_hot_leads", {"top": 5}), 0.4),
    (("get_lead", {"lead": "maria"}), 0.4),
)
"""What is called, and the least part of the reference's calls a second."""
RESULT = re.compile(r"^data: (\{.*\})\r?$", re.M)


@dataclass(frozen=True, slots=True)
class WebServer:
    """A server process that answers at a port of this machine."""

    port: int

    @property
    def url(self) -> str:
        """The address of the endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def call(self, call: Call) -> bytes:
        """The body of the response to one call.

        Raises:
            RuntimeError: the call failed.
        """
        headers, body = _request(call)
        response = httpx.post(self.url, content=body, headers=headers, timeout=30, trust_env=False)
        found = RESULT.search(response.text)
        result_of((found[1] if found else response.text).encode())
        return response.content

    def calls_a_second(self, call: Call, *, seconds: int, connections: int) -> float:
        """Load the server for some seconds.

        Raises:
            RuntimeError: a call was answered with another status than 200.
        """
        headers, body = _request(call)
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_script(headers, body))
            script.flush()
            command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
            done = subprocess.run([*command, self.url], capture_output=True, text=True, check=True)
        if "Non-2xx" in done.stdout:
            raise RuntimeError(done.stdout)
        found = re.search(r"^Requests/sec:\s*(\S+)", done.stdout, re.M)
        assert found, done.stdout
        return float(found[1])


def _request(call: Call) -> tuple[dict[str, str], str]:
    tool, arguments = call
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return headers, json.dumps(body)


def _script(headers: dict[str, str], body: str) -> str:
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(body)}"]
    lines += [f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}" for k, v in headers.items()]
    return "\n".join(lines)


def measure(mirror: MirrorFile, *, rounds: int, seconds: int, connections: int = 50) -> list[Row]:
    """One row for each of `CALLS`; none where `wrk` is not installed."""
    if shutil.which("wrk") is None:
        report("wrk is not installed, so calls a second over HTTP are not measured.")
        return []
    report("Loading servers over HTTP …")
    rows = []
    serve = [*OURS, "serve", "--transport", "http", "--port"]
    with _served(serve, mirror.env) as ours, _served(BASELINE, environment()) as baseline:
        for call, min_ratio in CALLS:
            no_op = ("answer", {"size": _size_for(baseline, len(ours.call(call)))})
            reference, measured = [], []
            for _ in range(rounds):
                load = {"seconds": seconds, "connections": connections}
                reference.append(baseline.calls_a_second(no_op, **load))
                measured.append(ours.calls_a_second(call, **load))
            rows.append(_row(call, median(measured), median(reference), min_ratio, connections))
    return rows


def _row(call: Call, measured: float, reference: float, min_ratio: float, connections: int) -> Row:
    tool, arguments = call
    shown = ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
    return Row(
        f"`{tool}({shown})`, calls a second over HTTP, {connections} connections",
        compared_with="no-op tool that answers as many bytes, same web server",
        reference=f"{reference:,.0f}",
        measured=f"{measured:,.0f}",
        ratio=measured / reference,
        target=f"at least {min_ratio:g}x",
        met=measured / reference >= min_ratio,
    )


def _size_for(baseline: WebServer, expected: int) -> int:
    """The argument `size` for which the no-op tool answers `expected` bytes."""
    size = expected // 2  # an answer holds everything twice, as text and as structured content
    for _ in range(3):
        got = len(baseline.call(("answer", {"size": size})))
        size = max(1, size + (expected - got) // 2)
    return size


@contextmanager
def _served(command: list[str], env: dict[str, str]) -> Iterator[WebServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    folder = Path(__file__).parent.parent
    process = subprocess.Popen(
        [*command, str(port)], env=env, cwd=folder, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield WebServer(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"No server answers on port {port}.")
