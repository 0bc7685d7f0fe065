"""Processes that begin warm: forked from one that has imported the program.

A new Python that imports it takes a second of CPU time, and tests start many processes. Those in
`tests/test_stdio.py` start the program as users do.

Where the tests' own coverage is measured, so is that of the servers, if they end by themselves.
"""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from slipcover import pytest_plugin

WARM = multiprocessing.get_context("forkserver")
# `pytest_plugin` is imported before the program, so that it sees which lines run.
WARM.set_forkserver_preload([__name__, "tests.warm_imports"])


class WarmProgram:
    """`convocore-mcp` with these arguments, and what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        stderr: Path,
        stdout: Path | None = None,
    ) -> None:
        self.args = arguments
        files = {"stdout": stdout, "stderr": stderr}
        self._process = WARM.Process(target=_run_program, args=(arguments, dict(env), files))
        self._process.start()

    @property
    def pid(self) -> int:
        """The ID of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, if the process has ended."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            subprocess.TimeoutExpired: the process still runs after `timeout` seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self._process.exitcode

    def send_signal(self, sign: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, sign)


def _run_program(
    arguments: Sequence[str], env: Mapping[str, str], files: Mapping[str, Path | None]
) -> None:
    """Run in the forked process."""
    from convocore_mcp.cli.main import main  # noqa: PLC0415  the worker need not import it

    worker = os.environ.get("PYTEST_XDIST_WORKER")
    for stream, file in files.items():
        if file is not None:
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(opened, getattr(sys, stream).fileno())
            os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["convocore-mcp", *arguments]
    try:
        main()
    finally:
        # As a Python that ends; a process of `multiprocessing` leaves this out.
        atexit._run_exitfuncs()  # noqa: SLF001
        # The plugin writes what it has measured to a file with the worker's name.
        os.environ["PYTEST_XDIST_WORKER"] = f"{worker}-{os.getpid()}"
        pytest_plugin.pytest_sessionfinish(None, 0)
