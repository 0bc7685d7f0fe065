"""Start and end of the HTTP server: the listening socket, uvicorn, and graceful shutdown.

At a signal that says to stop, the server accepts no new connections, ends subscription streams at
once, and gives running calls `drain_seconds` to finish. Without running calls the process ends
within a second.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn
from mcp.server.subscriptions import ListenHandler
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from convocore_mcp.server.stop_signals import on_stop_signal
from convocore_mcp.web.connections.acceptor import accept_connections
from convocore_mcp.web.connections.bounded_protocol import BoundedProtocol, ConnectionBounds
from convocore_mcp.web.connections.connection_table import ConnectionTable
from convocore_mcp.web.http_settings import HttpSettings
from convocore_mcp.web.request_tracker import RequestTracker
from convocore_mcp.words.counted import counted

log = logging.getLogger(__name__)

IDLE_SECONDS = 75
"""From an answer to the next request; five seconds, uvicorn's own, make proxies reconnect."""
SENDING_SECONDS, POLL_SECONDS = 3.0, 0.05
"""How long the answers of calls that have ended may take to be sent at the end of the server, and
how often that is looked at."""


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
    listener.listen(1024)
    return listener


def serve_until_signal(
    app: ASGIApp,
    listener: socket.socket,
    settings: HttpSettings,
    *,
    table: ConnectionTable,
    listen_handler: ListenHandler,
    tracker: RequestTracker,
    on_start: Callable[[], None],
) -> None:
    """Serve `app` on `listener` until a signal says to stop.

    `on_start` is called as soon as requests are answered and a signal ends the server.
    """
    bounds = ConnectionBounds(
        header_bytes=settings.max_header_bytes,
        body_bytes=settings.max_body_bytes,
        header_seconds=settings.header_seconds,
        idle_seconds=IDLE_SECONDS,
        stall_seconds=settings.stall_seconds,
    )
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="auto",  # uvloop where it is installed
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # no decision depends on the client's address behind a proxy
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds + 1)),
    )
    server = _DrainingServer(
        config, listen_handler, tracker, settings.drain_seconds, table, bounds, on_start
    )
    server.run(sockets=[listener])


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
        table: ConnectionTable,
        bounds: ConnectionBounds,
        on_start: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._table = table
        self._bounds = bounds
        self._listen_handler = listen_handler
        self._tracker = tracker
        self._drain_seconds = drain_seconds
        # By default the signal cuts every event stream, even in the middle of an answer.
        AppStatus.enable_automatic_graceful_drain = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGHUP like SIGTERM, too. Unlike uvicorn, raise none again: exit status 0."""
        with on_stop_signal(self.handle_exit):
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and accept connections: uvicorn's loop would accept too many at once."""
        await super().startup(sockets=[])
        (listener,) = sockets or []
        protocol = partial(
            BoundedProtocol,
            self.config,
            self.server_state,
            self.lifespan.state,
            table=self._table,
            bounds=self._bounds,
        )
        self._accepting = asyncio.create_task(accept_connections(listener, protocol))
        if not self.should_exit:
            self._on_start()

    async def on_tick(self, counter: int) -> bool:
        """Close connections whose time is over. uvicorn calls it ten times a second."""
        if self._accepting.done():
            self._accepting.result()  # raises the bug
        if counter % 5 == 0:
            self._table.check(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End subscription streams, wait for running calls, then end everything else."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._listen_handler.close()
        draining = asyncio.create_task(self._drain())
        await super().shutdown(sockets)
        await draining

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._drain_seconds):
                await self._tracker.wait_until_idle()
                await self._until_answers_are_sent()
        except TimeoutError:
            if cut_off := self._tracker.under_way:  # else there was no time to look
                calls = counted(cut_off, "call")
                log.warning("%s did not finish in time, and was cut off.", calls)
        AppStatus.should_exit = True  # ends the event streams

    async def _until_answers_are_sent(self) -> None:
        """A call that has ended still has to write its answer: an event stream would lose it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SENDING_SECONDS):
                while any(map(_is_answering_a_post, self.server_state.connections)):  # noqa: ASYNC110  uvicorn tells nobody
                    await asyncio.sleep(POLL_SECONDS)
        # Over HTTP+SSE, the answer is written to a stream that does not end.
        await asyncio.sleep(POLL_SECONDS)


def _is_answering_a_post(connection: object) -> bool:
    return isinstance(connection, BoundedProtocol) and connection.is_answering_a_post
