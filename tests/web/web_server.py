"""The server as a process that listens on a port, and plain requests to it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

TOKEN = "first-token-0123456789"
OTHER_TOKEN = "second-token-0123456789"
MODERN = "2026-07-28"
GENEROUS = 30.0
"""Seconds for a busy machine."""


class Running:
    """A server that runs; what it says on stderr is in a file."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self.process = process
        self._said = said
        found = until(lambda: re.search(r"Serving .* on port (\d+)", self.said()), process)
        self.url = f"http://127.0.0.1:{found[1]}"
        self.port = int(found[1])
        until(self._up, process)

    def _up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def said(self) -> str:
        """All of stderr so far."""
        return self._said.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """All log lines so far."""
        return [json.loads(line) for line in self.said().splitlines()]

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit status."""
        self.process.send_signal(sign)
        return self.process.wait(GENEROUS)

    def figure(self, name: str, token: str | None = None) -> float:
        """One figure of /metrics; 0 if there is none by that name."""
        headers = bearer(token) if token else {}
        text = httpx.get(f"{self.url}/metrics", headers=headers, trust_env=False).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return float(found[1]) if found else 0.0


@contextmanager
def running(
    folder: Path, *options: str, env: dict[str, str] | None = None, transport: str = "http"
) -> Iterator[Running]:
    """`convocore-mcp serve` over HTTP on a free port; it says everything from info on."""
    said = folder / f"stderr-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "convocore_mcp", "serve", "--transport", transport]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONVOCORE_")}
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--port", "0", *options],
            stderr=stderr,
            env=kept | own | {"CONVOCORE_LOG_LEVEL": "info"} | (env or {}),
        )
    try:
        yield Running(process, said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(GENEROUS)


def until(look: Any, process: subprocess.Popen[bytes] | None = None) -> Any:
    """What `look` returns, as soon as it is something."""
    end = time.monotonic() + GENEROUS
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        assert process is None or process.poll() is None, process.args
        time.sleep(0.05)
    return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def modern(method: str, **params: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of a request of the newer era."""
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
    named = params.get("name") or params.get("uri")
    return headers | ({"Mcp-Name": named} if named else {}), body


def legacy(method: str, **params: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of a request of the older era."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return {"Accept": "application/json, text/event-stream"}, body


def hello() -> tuple[dict[str, str], dict[str, Any]]:
    """The older era's first request."""
    client = {"name": "test", "version": "1"}
    return legacy("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
