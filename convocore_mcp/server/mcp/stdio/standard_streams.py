"""The file descriptors of stdin and stdout, used in threads that never delay the process's end.

A thread that waits for a client cannot be interrupted. These threads are daemons: the process ends
without them.
"""

import asyncio
import functools
import os
import select
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, ParamSpec, TypeVar

from mcp.os.win32.utilities import rebind_std_handle_to_fd

P = ParamSpec("P")
T = TypeVar("T")
READ_BYTES = 65_536


def take_standard_streams() -> tuple[int, int] | None:
    """Descriptors of what were stdin and stdout; `None` if the process was started without them.

    From then on stdin is empty and stdout is stderr, so that nothing but the transport reads the
    client's messages or writes between the answers.
    """
    if sys.stdin is None or sys.stdout is None:
        return None
    taken = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        os.dup2(2, 1)
    except OSError:  # stderr is closed
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
    if sys.platform == "win32":
        for descriptor in (0, 1):
            rebind_std_handle_to_fd(descriptor)
    return taken


def read_some(descriptor: int) -> bytes:
    """What has arrived, or nothing at the end. Waits for it."""
    while True:
        try:
            return os.read(descriptor, READ_BYTES)
        except BlockingIOError:  # a process that shares the descriptor made it non-blocking
            select.select([descriptor], [], [])


def write_all(descriptor: int, data: bytes) -> None:
    """Write `data`. Waits for the reader.

    Raises:
        OSError: nobody will ever read it.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


class DaemonThread(Generic[P, T]):
    """A thread that calls one function again and again, for one coroutine at a time."""

    def __init__(self, function: Callable[P, T], *, name: str) -> None:
        self._function = function
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[asyncio.Future[T], Callable[[], T]]] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def call(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in the thread. If the caller is cancelled, the thread goes on."""
        result: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((result, lambda: self._function(*args, **kwargs)))
        return await result

    def _work(self) -> None:
        while True:
            result, job = self._jobs.get()
            try:
                settle: Callable[[], None] = functools.partial(_succeed, result, job())
            except OSError as error:
                settle = functools.partial(_fail, result, error)
            try:
                self._loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop is closed
                return


def _succeed(result: "asyncio.Future[T]", value: T) -> None:
    if not result.done():  # else the caller was cancelled
        result.set_result(value)


def _fail(result: "asyncio.Future[T]", error: OSError) -> None:
    if not result.done():
        result.set_exception(error)
