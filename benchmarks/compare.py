"""How long starting and calling take, beside a bare one-tool server on the same SDK, in one run.

    python benchmarks/compare.py [--size 2000] [--rounds 15] [--calls 40]

Both are real processes over real pipes, asked by the same plain client, in turns. Medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convocore_mcp.sandbox import Sandbox, serving

BARE = [sys.executable, str(Path(__file__).parent / "bare.py")]
OURS = [sys.executable, "-m", "convocore_mcp"]
Json = dict[str, Any]


class Server:
    """A server process and the plainest client there can be."""

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
        self._process.wait(20)

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def request(self, method: str, **params: object) -> bytes:
        """The raw answer."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self._send(request)
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def call(self, tool: str, **arguments: object) -> tuple[float, Json]:
        """Milliseconds, and the result."""
        began = time.perf_counter()
        raw = self.request("tools/call", name=tool, arguments=arguments)
        took = (time.perf_counter() - began) * 1000
        result: Json = json.loads(raw)["result"]
        assert not result.get("isError"), raw
        return took, result


def start(command: list[str], env: Mapping[str, str]) -> float:
    """Milliseconds from nothing to the answer to `tools/list`."""
    began = time.perf_counter()
    with Server(command, env) as server:
        server.request("tools/list")
        return (time.perf_counter() - began) * 1000


def medians(*measured: list[float]) -> list[float]:
    """The middle of each."""
    return [statistics.median(values) for values in measured]


def compare_start(env: Mapping[str, str], rounds: int) -> None:
    """Print the time to start of both, measured in turns."""
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        bare.append(start(BARE, env))
        ours.append(start(OURS, env))
    theirs, own = medians(bare, ours)
    print(f"| start to first tools/list | {theirs:.0f} ms | {own:.0f} ms | {own / theirs:.2f}x |")


def compare_calls(env: Mapping[str, str], calls: int) -> None:
    """Print a warm call of each tool beside one of the bare server that answers as much."""
    with Server(OURS, env) as ours, Server(BARE, env) as bare:
        hot = ours.call("summarize_hot_leads")[1]["structuredContent"]["leads"]
        somebody = hot[0]["lead_id"]
        for tool, arguments in (
            ("list_conversations", {}),
            ("list_conversations", {"query": "demo", "stage": ["demo_req", "negotiation"]}),
            ("summarize_hot_leads", {"since": "7d"}),
            ("get_lead", {"lead": somebody}),
        ):
            own: list[float] = []
            theirs: list[float] = []
            size = len(json.dumps(ours.call(tool, **arguments)[1]["structuredContent"]))
            for _ in range(calls):
                own.append(ours.call(tool, **arguments)[0])
                theirs.append(bare.call("answer", size=size)[0])
            a, b = medians(theirs, own)
            name = f"{tool}({', '.join(arguments)})"
            print(f"| {name}, {size:,} characters | {a:.1f} ms | {b:.1f} ms | {b / a:.2f}x |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=2000, help="conversations")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each")
    parser.add_argument("--calls", type=int, default=40, help="calls of each")
    chosen = parser.parse_args()
    sandbox = Sandbox(size=chosen.size)
    with serving(sandbox) as base_url, tempfile.TemporaryDirectory() as folder:
        env = os.environ | {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": f"{folder}/mirror.sqlite3",
            "CONVOCORE_TAIL_SECONDS": "3600",
        }
        print(f"| {chosen.size:,} conversations | bare server | convocore-mcp | ratio |")
        print("|---|---|---|---|")
        compare_start(env, chosen.rounds)
        compare_calls(env, chosen.calls)


if __name__ == "__main__":
    main()
