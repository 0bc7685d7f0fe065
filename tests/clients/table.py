"""Tries clients, all or those named, and writes the results to docs/clients.md."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.clients.clients import (
    CLIENTS,
    TRANSPORTS,
    ClientUnderTest,
    Reports,
    failure_of,
    install,
    run_client,
    served,
)

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "clients.md"
_HEAD = """# Clients

What other people's clients get from this server. Each was run in an environment of its own: over
stdio, and over HTTP with a token, against the demo's data. It lists the tools and calls all seven,
with lists, and with `null` for what may be left out. Where the client has such requests, it also
reads a resource of each kind, gets every prompt and completes arguments. What the client makes of
the input schemas for its model must keep every argument. No language model is involved.
`pytest -m clients` tries all of them again; `python -m tests.clients.table` does so, too, and
writes this page (with names of clients, their rows alone).

| client | version | stdio | HTTP | what was tried, and notes |
|---|---|---|---|---|
"""
_FOOT = """
In every test run: the Python SDK, the TypeScript SDK ({sdk}, {client}), `mcp-remote` ({remote}),
MCP Inspector ({inspector}) and the conformance suite (`tests/interop`).

Each takes what `mcp.json.example` has: `command`, `args` and `env`, or a URL and headers.

Some clients give up early. OpenAI's Agents SDK (`client_session_timeout_seconds`) and, over stdio,
Google's ADK (`timeout`) and AutoGen (`read_timeout_seconds`) wait 5 seconds for the server's start
and for each answer, Pydantic AI (`init_timeout`) 5 for the start, Agno (`timeout_seconds`) 10. The
server starts as fast as a bare one on the same SDK ([performance.md](performance.md)), and a call
answers within four seconds (`CONVOCORE_WAIT_SECONDS`), with what is known by then. On a machine
with more to do than it can, starting or opening the mirror may take longer: raise both there. The
run that wrote this page did, since a machine that runs tests is busy: a minute for each client, 25
seconds for the server, and a mirror that was filled before. That a call on an empty mirror answers
within four seconds is held by `tests/surface/test_waiting.py`.
"""


def render(rows: list[str]) -> str:
    """The page with these rows."""
    package = json.loads((ROOT / "tests" / "interop" / "package.json").read_text())["dependencies"]
    scope = "@modelcontextprotocol"
    versions = {name: package[f"{scope}/{name}"] for name in ("sdk", "client", "inspector")}
    return _HEAD + "\n".join(rows) + "\n" + _FOOT.format(**versions, remote=package["mcp-remote"])


def row(client: ClientUnderTest, reports: Reports) -> str:
    """The row of one client."""
    cells = [client.failures.get(name, "yes") for name in TRANSPORTS]
    return f"| {client.name} | {client.version} | {' | '.join(cells)} | {_notes(client, reports)} |"


def _notes(client: ClientUnderTest, reports: Reports) -> str:
    good = next((r for r in reports.values() if "error" not in r), {})
    kinds = ["tools"]
    kinds += [k for k in ("resources", "prompts", "completions") if good.get(k) is not None]
    notes = [", ".join(kinds)]
    if good.get("without_nulls"):
        notes.append("refuses `null` itself")
    if client.note:
        notes.append(client.note)
    return "; ".join(notes)


def rows_of(page: str) -> dict[str, str]:
    """The rows of a page, by client."""
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    return {row.split("|")[1].strip(): row for row in rows}


def main(names: list[str]) -> int:
    """Try the clients of these names, or all; write their rows, and tell what failed.

    Says how long each took: by the clock, and of processors, those of its servers included.
    """
    new: dict[str, str] = {}
    failed = 0
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as plan:
        for client in CLIENTS:
            if names and client.name not in names:
                continue
            folder = Path(name) / client.name
            folder.mkdir()
            start, cpu_before = time.perf_counter(), _cpu_seconds()
            reports = {} if install(client, folder) else run_client(client, plan, folder)
            seconds, cpu = time.perf_counter() - start, _cpu_seconds() - cpu_before
            sys.stderr.write(f"{client.name}: {seconds:.1f} s, {cpu:.1f} s of CPU\n")
            for transport in TRANSPORTS:
                failure = failure_of(reports.get(transport, {"error": "it can't be installed"}))
                if bool(failure) != (transport in client.failures):
                    failed += 1
                    sys.stderr.write(f"{client.name}, {transport}: {failure or 'works'}\n")
            if not failed:
                new[client.name] = row(client, reports)
    rows = (rows_of(PAGE.read_text()) if names and PAGE.exists() else {}) | new
    ordered = [rows[client.name] for client in CLIENTS if client.name in rows]
    PAGE.write_text(render(ordered))
    return failed


def _cpu_seconds() -> float:
    """Of processes that have ended and were waited for."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
