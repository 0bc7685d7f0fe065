"""A server process over real pipes, with a minimal client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BASELINE = [sys.executable, str(Path(__file__).parent / "baseline_server.py")]
OURS = [sys.executable, "-m", "convocore_mcp"]
Json = dict[str, Any]
Call = tuple[str, Json]
"""A tool and its arguments."""


def environment(**settings: object) -> dict[str, str]:
    """This environment, with these settings and no other settings of ours.

    No details are read: what is measured is one request, one sync or one answer. A call may take
    long: a busy machine should be measured, too.
    """
    settings = {"details": "off", "wait_seconds": 60} | settings
    ours = ("CONVOCORE_", "WORKSPACE_SECRET")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {f"CONVOCORE_{name.upper()}": str(value) for name, value in settings.items()}


class Server:
    """A server process, with calls one by one or several at a time."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=dict(env))
        self._number = 0

    def __enter__(self) -> Self:
        self.request(
            "initialize",
            protocolVersion="2025-06-18",
            capabilities={},
            clientInfo={"name": "benchmark", "version": "1"},
        )
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _ask(self, method: str, **params: object) -> None:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})

    def _receive(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def request(self, method: str, **params: object) -> bytes:
        """Send a request; returns the raw answer."""
        self._ask(method, **params)
        return self._receive()

    def call(self, tool: str, arguments: Json) -> tuple[float, bytes]:
        """Call a tool; returns milliseconds and the raw answer."""
        began = time.perf_counter()
        raw = self.request("tools/call", name=tool, arguments=arguments)
        took = (time.perf_counter() - began) * 1000
        result_of(raw)
        return took, raw

    def cpu_seconds(self) -> float | None:
        """The processor's time that the server has used so far; `None` where nothing tells it."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        except OSError:
            return None
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def call_concurrently(self, calls: Iterator[Call], *, at_once: int) -> int:
        """Keep `at_once` calls in progress until none is left; returns the number of calls."""
        in_progress = done = 0
        for tool, arguments in islice(calls, at_once):
            self._ask("tools/call", name=tool, arguments=arguments)
            in_progress += 1
        while in_progress:
            result_of(self._receive())
            in_progress, done = in_progress - 1, done + 1
            for tool, arguments in islice(calls, 1):
                self._ask("tools/call", name=tool, arguments=arguments)
                in_progress += 1
        return done


def result_of(raw: bytes) -> Json:
    """The result of a tool call.

    Raises:
        RuntimeError: the call failed.
    """
    answer: Json = json.loads(raw)
    result: Json = answer.get("result", {})
    if "error" in answer or result.get("isError"):
        raise RuntimeError(f"A call failed: {raw.decode()[:500]}")
    return result
