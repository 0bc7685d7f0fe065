"""Several processes that answer at one port: each accepts connections of the same listener.

They share the mirror and nothing else. A worker that ends unexpectedly is replaced.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.stop_signals import STOP_SIGNALS, on_stop_signal

log = logging.getLogger(__name__)

QUICK_END_SECONDS = 2.0
"""A worker that ends by itself this soon after its start would do the same again."""
MAX_KILLED = 5
"""Workers in a row that are killed this soon after their start, until the server gives up."""
Serve = Callable[[int], None]
"""Serves until a signal says to stop; it is given the number of its worker, from 1 on."""


def serve_in_workers(count: int, serve: Serve) -> None:
    """Run `serve` in `count` processes until a signal says to stop, and all of them have ended.

    Call it before any thread or event loop has started: the processes are forked.

    Raises:
        NotConfiguredError: this system can't fork (Windows), or a worker ends as soon as it starts.
    """
    if not hasattr(os, "fork"):
        raise NotConfiguredError(
            "This system can't run several workers.",
            hint="Serve without --workers; for more calls a second, put several servers behind a "
            "proxy.",
        )
    _Workers(count, serve).run()


class _Workers:
    def __init__(self, count: int, serve: Serve) -> None:
        self._serve = serve
        self._numbers = range(1, count + 1)
        self._running: dict[int, tuple[int, float]] = {}
        """Each process, with the number of the worker and when it was started."""
        self._stopping = False
        self._failed = False
        self._killed_quickly = 0

    def run(self) -> None:
        with on_stop_signal(lambda _sign, _frame: self._stop()):
            for number in self._numbers:
                self._start(number)
            while self._running:
                process, status = os.wait()
                number, started_at = self._running.pop(process)
                if not self._stopping:
                    self._replace(number, status, time.monotonic() - started_at)
        if self._failed:
            raise NotConfiguredError(
                "A worker ended as soon as it was started.", hint="The log says why."
            )

    def _replace(self, number: int, status: int, seconds: float) -> None:
        code = os.waitstatus_to_exitcode(status)
        is_quick = seconds < QUICK_END_SECONDS
        self._killed_quickly = self._killed_quickly + 1 if is_quick else 0
        # A signal (a negative code) comes from elsewhere, at any time.
        if is_quick and (code >= 0 or self._killed_quickly == MAX_KILLED):
            log.error("Worker %d ended at once (exit status %d).", number, code)
            self._failed = True
            self._stop()
            return
        log.error("Worker %d ended (exit status %d); another one takes its place.", number, code)
        self._start(number)

    def _stop(self) -> None:
        self._stopping = True
        for process in self._running:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    def _start(self, number: int) -> None:
        # Between the fork and the lines after it, a signal would be lost or handled twice.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        # One that came before has stopped only the workers that ran then.
        process = None if self._stopping else os.fork()
        if process is None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            return
        if process:
            self._running[process] = number, time.monotonic()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            return
        for stop_signal in STOP_SIGNALS:
            if signal.getsignal(stop_signal) is not signal.SIG_IGN:
                signal.signal(stop_signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        self._work(number)

    def _work(self, number: int) -> NoReturn:
        try:
            self._serve(number)
        except Exception:
            # The parent sees only the exit status.
            log.exception("Worker %d failed.", number)
            sys.exit(1)
        sys.exit(0)
