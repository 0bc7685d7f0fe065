"""Start and end of the HTTP server: the listening socket, uvicorn, and graceful shutdown.

At SIGTERM the server accepts no new connections, ends subscription streams at once, and gives
running calls `drain_seconds` to finish. Without running calls the process ends within a second.
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


def open_listener(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes a free port.

    Raises:
        OSError: the port is taken, or `host` is not an address of this machine.
    """
    # asyncio turns Nagle's algorithm off only on sockets with an explicit protocol number. With
    # Nagle's algorithm, each answer but the first of a connection takes 40 ms longer.
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


def serve_until_signal(
    app: ASGIApp,
    listener: socket.socket,
    *,
    listen_handler: ListenHandler,
    tracker: RequestTracker,
    drain_seconds: float,
    max_header_bytes: int,
) -> None:
    """Serve `app` on `listener` until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        app,
        http="h11",  # the one implementation whose header limit can be set
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # no decision depends on the client's address
        h11_max_incomplete_event_size=max_header_bytes,
        timeout_keep_alive=75,  # the default of 5 s makes proxies and clients reconnect
        timeout_graceful_shutdown=max(1, round(drain_seconds + 1)),
    )
    _DrainingServer(config, listen_handler, tracker, drain_seconds).run(sockets=[listener])


class _DrainingServer(uvicorn.Server):
    """uvicorn, but running calls may finish before event streams are cut.

    `AppStatus` is process-wide state of sse_starlette. There is no way around it: the SDK builds
    the event streams, so a `shutdown_event` of their own cannot be given to them.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listen_handler: ListenHandler,
        tracker: RequestTracker,
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self._listen_handler = listen_handler
        self._tracker = tracker
        self._drain_seconds = drain_seconds
        # By default the signal cuts every event stream, even in the middle of an answer.
        AppStatus.enable_automatic_graceful_drain = False

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        """Start the shutdown. Unlike uvicorn, do not raise the signal again: exit status 0."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End subscription streams, wait for running calls, then end everything else."""
        self._listen_handler.close()
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        await draining

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._tracker.wait_until_idle()
        except TimeoutError:
            log.warning(
                "%d call(s) did not finish in time and were cut off.", self._tracker.under_way
            )
        AppStatus.should_exit = True  # ends the event streams
