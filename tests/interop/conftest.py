"""One sandbox for all clients. One process serves HTTP and SSE; a stdio client starts its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.interop.all_requests import COMPLETIONS, PROMPTS, calls, uris
from tests.node import npm_folder

HERE = Path(__file__).parent
NO_SYNC_SECONDS = 36_000
"""An interval that does not end during the tests: the data must stay the same."""


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the clients, installed from the npm registry once for all workers."""
    files = [HERE / "package.json", HERE / "client.mjs"]
    return npm_folder(tmp_path_factory, worker_id, "npm-clients", files)


@dataclass(frozen=True)
class ServerUnderTest:
    """The addresses of the server, and the requests to send."""

    http: str
    sse: str
    command: list[str]
    env: dict[str, str]
    conversation_id: str

    @property
    def plan(self) -> dict[str, Any]:
        """The requests for `client.mjs`."""
        requests = {"prompts": PROMPTS, "completions": COMPLETIONS}
        one = self.conversation_id
        return requests | {"calls": calls(one), "uris": uris(one)}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """The server on all three transports; its data does not change."""
    sandbox = Sandbox(size=300)
    conversation_id = next(row["ID"] for row in sandbox.rows() if row.get("contactIdentityId"))
    with serving(sandbox) as base_url:
        settings: dict[str, Any] = {
            "api_key": sandbox.key,
            "agent_id": sandbox.agent_id,
            "base_url": base_url,
        }
        settings |= {"store": "memory", "incremental_sync_seconds": NO_SYNC_SECONDS}
        mirror = tmp_path_factory.mktemp("mirror") / "mirror.sqlite3"
        # Answers are compared, so each waits until the list has been read.
        settings |= {"details": "off", "wait_seconds": 25}
        env = {f"CONVOCORE_{name.upper()}": str(value) for name, value in settings.items()}
        with over_http(env) as url:
            yield ServerUnderTest(
                http=f"{url}/mcp",
                sse=f"{url}/sse",
                command=[sys.executable, "-m", "convocore_mcp"],
                env=env | {"CONVOCORE_STORE": str(mirror)},
                conversation_id=conversation_id,
            )


@contextmanager
def over_http(env: Mapping[str, str]) -> Iterator[str]:
    """Serve Streamable HTTP and SSE from one process, and yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "convocore_mcp", "serve", "--transport", "http"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--port", str(port)], env={**os.environ, **env}) as process:
        try:
            wait_until_up(f"{url}/healthz", process)
            yield url
        finally:
            process.terminate()


def wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers; fail if its process ends."""
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url).raise_for_status()
            return
        time.sleep(0.05)
