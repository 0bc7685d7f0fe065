"""Serves the sandbox on a socket: in a background thread for tests, or in the foreground."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from convocore_mcp.sandbox.server.app import Sandbox

_STOP_SECONDS = 5.0
_TICK_SECONDS = 0.1


@contextmanager
def serving(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a background thread and yield the base URL, `http://127.0.0.1:PORT/v3`.

    Requests that are still running when the block ends are cut off.
    """
    listener = _open_listener(host, port)
    server = _PromptServer(_config(sandbox, shutdown_seconds=0))
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
    )

    def is_relevant(record: logging.LogRecord) -> bool:
        own_mistake = record.levelno >= logging.ERROR and not server.should_exit
        return own_mistake or record.thread != thread.ident

    # All uvicorn servers of a process share this logger. Keep the records of other servers, and
    # of this one only errors, which are mistakes in the sandbox itself.
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(is_relevant)
    thread.start()
    try:
        # No need to wait for uvicorn: the socket listens already, so requests queue up.
        host_in_url = f"[{host}]" if ":" in host else host
        yield f"http://{host_in_url}:{listener.getsockname()[1]}/v3"
    finally:
        server.stop()
        thread.join(_STOP_SECONDS)
        logger.removeFilter(is_relevant)
        listener.close()


def run(sandbox: Sandbox, *, host: str, port: int, on_start: Callable[[int], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM.

    `on_start` gets the port as soon as requests are answered and a signal ends the server.
    """
    with _open_listener(host, port) as listener:
        server = _ForegroundServer(_config(sandbox, shutdown_seconds=1), on_start)
        server.run(sockets=[listener])


# The same as `web.web_server.open_listener`, because the sandbox shares no code with the rest.
def _open_listener(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only on sockets with an explicit protocol number. With
    # Nagle's algorithm, each answer but the first of a connection takes 40 ms longer.
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )[0]
    listener = socket.socket(family, kind, protocol)
    # On Windows, SO_REUSEADDR lets another program take over a port on which somebody listens.
    if sys.platform == "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    return listener


def _config(sandbox: Sandbox, *, shutdown_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        sandbox.app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,  # the sandbox has a clock of its own
        timeout_graceful_shutdown=shutdown_seconds,
    )


class _ForegroundServer(uvicorn.Server):
    """Tells when it has started: a signal before that may come in the middle of an import."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[int], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        for listener in sockets or []:
            self._on_start(listener.getsockname()[1])


class _PromptServer(uvicorn.Server):
    """Ends at once. uvicorn looks every 0.1 s whether it should, and then waits 0.1 s more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End the server; called by another thread, also before the server has started."""
        with self._stopping:
            self.should_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stopped.set)

    async def main_loop(self) -> None:
        """As uvicorn's, but a call of `stop` ends it."""
        with self._stopping:
            self._loop = asyncio.get_running_loop()
        for counter in itertools.count():
            if await self.on_tick(counter):
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stopped.wait()
        with self._stopping:
            self._loop = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the sockets and cut off what still runs."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
