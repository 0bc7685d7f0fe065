"""The HTTP server as a process of its own, and plain HTTP requests to it."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.process_environment import isolated_environment
from tests.warm_process import WarmProgram

T = TypeVar("T")

TOKEN = "first-token-0123456789"
OTHER_TOKEN = "second-token-0123456789"
THIRD_TOKEN = "third-token-0123456789"
MODERN = "2026-07-28"
"""The first protocol version without a handshake."""
ANSWER_TIMEOUT_SECONDS = 30.0
"""Generous, for a busy machine."""

Process = WarmProgram | subprocess.Popen[bytes]
McpRequest = tuple[dict[str, str], dict[str, Any]]
"""The headers and the JSON body of a POST request."""

# A connection for each request, and no TLS: its certificates take longer to read than an answer.
HTTP = httpx.Client(
    verify=False,
    trust_env=False,
    timeout=ANSWER_TIMEOUT_SECONDS,
    limits=httpx.Limits(max_keepalive_connections=0),
)


class RunningServer:
    """A server process that accepts requests. Its stderr goes to a file."""

    def __init__(self, process: Process, stderr_file: Path) -> None:
        self.process = process
        self._stderr_file = stderr_file
        match = wait_until(lambda: re.search(r"Serving .* on port (\d+)", self.stderr()), process)
        self.url = f"http://127.0.0.1:{match[1]}"
        self.port = int(match[1])
        wait_until(self._is_healthy, process)

    def _is_healthy(self) -> bool:
        try:
            return HTTP.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def stderr(self) -> str:
        """All of stderr so far."""
        return self._stderr_file.read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        return [json.loads(line) for line in self.stderr().splitlines()]

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(stop_signal)
        return self.process.wait(ANSWER_TIMEOUT_SECONDS)

    def metric(self, name: str, token: str | None = None) -> float:
        """One value of /metrics; 0 if there is none of that name."""
        headers = bearer(token) if token else {}
        text = HTTP.get(f"{self.url}/metrics", headers=headers).text
        match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return float(match[1]) if match else 0.0


@contextmanager
def run_server(
    folder: Path,
    *options: str,
    env: dict[str, str] | None = None,
    transport: str = "http",
    prepare: str | None = None,
) -> Iterator[RunningServer]:
    """Run `convocore-mcp serve` over HTTP on a free port, at log level info.

    A shell runs `prepare` first, if there is any: then a new Python starts.
    """
    stderr_file = folder / f"stderr-{time.monotonic_ns()}"
    arguments = ["serve", "--transport", transport, "--port", "0", *options]
    settings = {"CONVOCORE_LOG_LEVEL": "info"} | (env or {})
    environment = isolated_environment(folder, **settings)
    stderr_file.touch()
    process: Process
    if prepare is None:
        process = WarmProgram(arguments, env=environment, stderr=stderr_file)
    else:
        command = ["sh", "-c", f'{prepare}; exec "$@"', "sh", sys.executable, "-m", "convocore_mcp"]
        with stderr_file.open("wb") as stderr:
            process = subprocess.Popen([*command, *arguments], stderr=stderr, env=environment)
    try:
        yield RunningServer(process, stderr_file)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(ANSWER_TIMEOUT_SECONDS)


def wait_until(condition: Callable[[], T | None], process: Process | None = None) -> T:
    """Call `condition` until it returns something true, and return that.

    Fails when the time is over, or when `process` ends.
    """
    deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, "the condition did not become true in time"
        assert process is None or process.poll() is None, process.args
        time.sleep(0.05)
    return result


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def modern_request(method: str, **params: Any) -> McpRequest:
    """A request of the newer era, without a handshake."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}
    headers = {
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": method,
        "Accept": "application/json, text/event-stream",
    }
    name = params.get("name") or params.get("uri")
    return headers | ({"Mcp-Name": name} if name else {}), body


def legacy_request(method: str, **params: Any) -> McpRequest:
    """A request of the older era, after a handshake."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return {"Accept": "application/json, text/event-stream"}, body


def initialize_request() -> McpRequest:
    """The handshake of the older era."""
    client = {"name": "test", "version": "1"}
    return legacy_request(
        "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client
    )
