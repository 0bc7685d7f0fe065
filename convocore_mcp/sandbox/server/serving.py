"""The sandbox behind a socket: in a background thread for tests, or in the foreground."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import uvicorn

    from convocore_mcp.sandbox.server.app import Sandbox

_STOPPING_SECONDS = 5.0


@contextmanager
def serving(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a background thread and yield the base URL, `http://127.0.0.1:PORT/v3`.

    Requests still running when the block ends are cut off.
    """
    listener = _listen(host, port)
    server = _server(sandbox, patience=0)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
    )

    def worth_saying(record: logging.LogRecord) -> bool:
        mistake = record.levelno >= logging.ERROR and not server.should_exit
        return mistake or record.thread != thread.ident

    # The logger is shared with any other uvicorn in this process, which may well have to speak;
    # this one has only our own mistakes to tell.
    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(worth_saying)
    thread.start()
    try:
        # No need to wait for the start: the socket listens, requests queue until it is served.
        named = f"[{host}]" if ":" in host else host
        yield f"http://{named}:{listener.getsockname()[1]}/v3"
    finally:
        server.should_exit = True
        thread.join(_STOPPING_SECONDS)
        logger.removeFilter(worth_saying)
        listener.close()


def run(sandbox: Sandbox, *, host: str, port: int) -> None:
    """Serve in the foreground until SIGINT or SIGTERM."""
    with _listen(host, port) as listener:
        _server(sandbox, patience=1).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    # The protocol must be named: asyncio turns Nagle's algorithm off only on sockets that say
    # they are TCP, and with it on every answer but a connection's first takes 40 ms more.
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    return listener


def _server(sandbox: Sandbox, *, patience: int) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415 - slow to import, and most who import the sandbox never serve

    config = uvicorn.Config(
        sandbox.app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=patience,
    )
    return uvicorn.Server(config)
