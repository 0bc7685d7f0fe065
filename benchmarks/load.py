"""Load over HTTP with many clients at once: latencies, errors, and growth of memory.

    python benchmarks/load.py [--clients 200] [--calls 20000] [--size 2000]

A real server process is called from a second process by clients of both protocol eras, half of them
in sessions. Memory is the server's resident set, read from /metrics throughout; the first tenth of
the calls warms up. Prints a table, and fails if a call fails.
"""

import argparse
import asyncio
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from typing import Any

import httpx

from convocore_mcp.sandbox import Sandbox, serving

MODERN = "2026-07-28"
TOKEN = "load-token-0123456789"
ACCEPT = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {TOKEN}"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("list_conversations", {"limit": 10}),
    ("list_conversations", {"query": "demo", "stage": ["negotiation"]}),
    ("summarize_hot_leads", {"since": "7d", "top": 5}),
    ("get_lead", {"lead": "maria"}),
    ("conversation_stats", {"group_by": ["stage"]}),
    ("list_changes", {}),
)


class Measurements:
    """Milliseconds by tool, and megabytes with the number of calls done by then."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = defaultdict(list)
        self.memory: list[tuple[int, float]] = []
        self.failed: list[str] = []

    @property
    def done(self) -> int:
        """The number of answered calls."""
        return sum(map(len, self.took.values()))


async def client(
    http: httpx.AsyncClient,
    number: int,
    work: "itertools.count[int]",
    calls: int,
    measured: Measurements,
) -> None:
    """One client; every second one uses the older protocol, with a session."""
    headers: dict[str, str] = {}
    older = number % 2 == 1
    if older:
        initialize_params = {"protocolVersion": "2025-06-18", "capabilities": {},
                 "clientInfo": {"name": "load", "version": "1"}}  # fmt: skip
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": initialize_params}
        opened = await http.post("/mcp", json=body)
        headers["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await http.post("/mcp", json=ready, headers=headers)
    while (call_number := next(work)) < calls:
        tool, arguments = CALLS[call_number % len(CALLS)]
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        if not older:
            params["_meta"] = META
            headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
        body = {"jsonrpc": "2.0", "id": call_number + 1, "method": "tools/call", "params": params}
        began = time.perf_counter()
        answer = await http.post("/mcp", json=body, headers=headers)
        measured.took[tool].append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200 or '"isError":false' not in answer.text:
            measured.failed.append(f"{tool}: {answer.status_code} {answer.text[:200]}")
    if older:
        await http.delete("/mcp", headers=headers)


async def watch_memory(http: httpx.AsyncClient, measured: Measurements) -> None:
    """Read the server's memory repeatedly."""
    while True:
        await read_memory(http, measured)
        await asyncio.sleep(0.5)


async def read_memory(http: httpx.AsyncClient, measured: Measurements) -> None:
    """Read the server's memory once."""
    text = (await http.get("/metrics")).text
    found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.M)
    assert found
    measured.memory.append((measured.done, float(found[1]) / 1e6))


async def load(url: str, clients: int, calls: int) -> Measurements:
    """Make `calls` calls, with `clients` clients at once."""
    measured = Measurements()
    limits = httpx.Limits(max_connections=clients + 8, max_keepalive_connections=clients + 8)
    async with httpx.AsyncClient(
        base_url=url, headers=ACCEPT, limits=limits, timeout=120, trust_env=False
    ) as http:
        warm = Measurements()
        count = itertools.count()
        first = calls // 10
        await asyncio.gather(*(client(http, n, count, first, warm) for n in range(clients)))
        watching = asyncio.create_task(watch_memory(http, measured))
        count = itertools.count()
        await asyncio.gather(*(client(http, n, count, calls, measured) for n in range(clients)))
        watching.cancel()
        await read_memory(http, measured)  # a short run may have ended before the second reading
        measured.failed += warm.failed
        left = (await http.get("/metrics")).text
        print(
            "open at the end:", re.findall(r'^convocore_mcp_open\{kind="(\w+)"\} (\S+)', left, re.M)
        )
    return measured


def report(measured: Measurements, seconds: float) -> None:
    """Print the tables."""
    print(f"{measured.done} calls in {seconds:.0f} s, {measured.done / seconds:.0f} a second, "
          f"{len(measured.failed)} failed")  # fmt: skip
    print("| tool | calls | median ms | 95 % ms | 99 % ms | longest ms |")
    print("|---|---|---|---|---|---|")
    for tool, took in sorted(measured.took.items()):
        parts = statistics.quantiles(took, n=100)
        print(f"| `{tool}` | {len(took)} | {parts[49]:.0f} | {parts[94]:.0f} | {parts[98]:.0f} | "
              f"{max(took):.0f} |")  # fmt: skip
    half = measured.done / 2
    first = max(size for done, size in measured.memory if done <= half)
    second = max(size for done, size in measured.memory if done > half)
    print(f"memory, at most: first half {first:.0f} MB, second half {second:.0f} MB "
          f"({(second / first - 1) * 100:+.1f} %)")  # fmt: skip


def main() -> None:
    """Start the server, load it, and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=2000, help="conversations")
    chosen = parser.parse_args()
    sandbox = Sandbox(size=chosen.size)
    with serving(sandbox) as base_url, tempfile.TemporaryDirectory() as folder:
        env = os.environ | {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": f"{folder}/mirror.sqlite3",
            "CONVOCORE_MCP_TOKENS": TOKEN,
            "CONVOCORE_LOG_LEVEL": "info",
            "CONVOCORE_DETAILS": "off",
        }
        command = [sys.executable, "-m", "convocore_mcp", "serve", "--transport", "http"]
        server = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, env=env)
        assert server.stderr is not None
        try:
            found = re.search(rb"on port (\d+)", server.stderr.readline())
            assert found
            drain = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
            began = time.perf_counter()
            measured = asyncio.run(
                load(f"http://127.0.0.1:{int(found[1])}", chosen.clients, chosen.calls)
            )
            report(measured, time.perf_counter() - began)
        finally:
            server.terminate()
            print("exit status", server.wait(30))
        drain.wait(10)
    if measured.failed:
        raise SystemExit("\n".join(measured.failed[:5]))


if __name__ == "__main__":
    main()
