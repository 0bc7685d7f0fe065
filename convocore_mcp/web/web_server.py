"""Starting and ending: the socket, uvicorn, and what happens at SIGTERM.

At the end no new connection is taken, streams on which clients only listen end at once, and calls
under way get a moment to finish. Nothing under way: the process ends within a second.
"""

import asyncio
import logging
import signal
import socket
from types import FrameType

import uvicorn
from mcp.server.subscriptions import ListenHandler
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from convocore_mcp.web.request_tracker import RequestTracker

log = logging.getLogger(__name__)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the port is taken, or the host is not one of this machine.
    """
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
    listener.listen(1024)
    return listener


def run(
    app: ASGIApp,
    listener: socket.socket,
    *,
    listen: ListenHandler,
    tracker: RequestTracker,
    drain_seconds: float,
    max_header_bytes: int,
) -> None:
    """Serve `app` on `listener` until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app,
        http="h11",  # its limit on headers is ours to set
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here depends on whose address it is
        h11_max_incomplete_event_size=max_header_bytes,
        timeout_keep_alive=75,  # proxies and clients keep connections; 5 s costs them a new one
        timeout_graceful_shutdown=max(1, round(drain_seconds + 1)),
    )
    _Server(config, listen, tracker, drain_seconds).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        listen: ListenHandler,
        tracker: RequestTracker,
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self._listen = listen
        self._tracker = tracker
        self._drain_seconds = drain_seconds
        # Else every event stream is cut at the signal, answers that are being written included.
        AppStatus.enable_automatic_graceful_drain = False

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        """Note that it is time to go; a signal that was expected is no failure (exit status 0)."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let calls end, then everything else."""
        self._listen.close()
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        await draining

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._tracker.idle()
        except TimeoutError:
            log.warning("%d call(s) under way are cut off.", self._tracker.under_way)
        AppStatus.should_exit = True  # ends the event streams
