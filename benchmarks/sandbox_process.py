"""The sandbox in its own process: it must not share an interpreter with what is measured."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

SECONDS_TO_START = 30


@contextmanager
def sandbox_process(
    size: int, *, dialect: str = "cursor", latency: float = 0, options: Sequence[str] = ()
) -> Iterator[str]:
    """Run `convocore-mcp sandbox`, with further `options`; yields its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    values = {"port": port, "size": size, "dialect": dialect, "latency": latency}
    command = [sys.executable, "-m", "convocore_mcp", "sandbox"]
    for name, value in values.items():
        command += [f"--{name}", str(value)]
    command += options
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_until_listening(port, process)
        yield f"http://127.0.0.1:{port}/v3"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The sandbox did not start.")
