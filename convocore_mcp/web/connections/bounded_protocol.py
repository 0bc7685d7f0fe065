"""uvicorn's protocol of one connection, with the bounds that uvicorn and its parser lack.

uvicorn waits for headers without an end, and `httptools` reads headers of any length.
"""

import json
import math
from asyncio import AbstractEventLoop, Transport
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from convocore_mcp.web.connections.connection_table import ConnectionTable
from convocore_mcp.web.connections.lingering_transport import LingeringTransport

CONNECTION = "convocore_mcp.connection"
"""The key of the connection in an ASGI scope: the application calls `authenticated` on it when a
request has a valid token."""
MAX_PIPELINED = 16
"""Requests that a client may send before the answer to the first."""
_FULL = "Too many connections at the same time."


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """Bytes and seconds that one connection may take."""

    header_bytes: int
    body_bytes: int
    header_seconds: float
    """From the first byte of a request, or from the connection, to the end of its headers."""
    idle_seconds: float
    """From an answer to the next request."""
    stall_seconds: float
    """How long a client may leave unread what was sent to it."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection; `table` knows all of them."""

    transport: LingeringTransport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: AbstractEventLoop | None = None,
        *,
        table: ConnectionTable,
        bounds: ConnectionBounds,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._table = table
        self._bounds = bounds
        self._in_headers = False
        self._is_idle = False
        self._deadline = math.inf
        self._header_bytes = self._message_bytes = 0
        self._status = 400
        self._unsent, self._unread_since = 0, 0.0

    # asyncio calls these.

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Enter the table, or refuse."""
        super().connection_made(LingeringTransport(transport, self.loop))
        self._unread_since = self.loop.time()
        self._wait_for_headers()
        if not self._table.admit(self, self.client[0] if self.client else ""):
            self._refuse(503, _FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self._table.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much."""
        if self.transport.is_closing():
            return
        if self._is_idle:
            self._wait_for_headers()
        super().data_received(data)
        self._message_bytes += len(data)
        bounds = self._bounds
        if self._in_headers and self._message_bytes > bounds.header_bytes:
            self._refuse(431, f"The headers may have at most {bounds.header_bytes} bytes.")
        elif self._message_bytes > 2 * (bounds.header_bytes + bounds.body_bytes):
            # A body in tiny chunks, or a client that goes on sending after its body was refused.
            self.end()

    # The parser calls these.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers = self.transport.expects_more = True
        self._header_bytes = self._message_bytes = 0
        cast("dict[str, object]", self.scope)[CONNECTION] = self

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, without the blanks around it; fields behind a body are left out."""
        if self._in_headers:
            self._header_bytes += len(name) + len(value)
            super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        """Start to answer a request, within the bounds.

        Raises:
            ValueError: the headers are too large, or there are too many requests.
        """
        self._in_headers = False
        if self._header_bytes + len(self.url) > self._bounds.header_bytes:
            self._status = 431
            raise ValueError("the headers are too large")
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests before the first answer")
        super().on_headers_complete()
        self._deadline = math.inf

    def on_message_complete(self) -> None:
        """The whole request has arrived."""
        self.transport.expects_more = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of this one."""
        self._table.answered(self)
        waits = not self.pipeline  # else the next request is answered at once
        super().on_response_complete()
        if waits:
            self._wait_for_headers()
            if not self.cycle.more_body and not self._in_headers:
                self._is_idle = True
                self._deadline = self.loop.time() + self._bounds.idle_seconds

    # The application calls this.

    def authenticated(self) -> None:
        """The request that is being answered has shown a valid token, or needs none."""
        self._table.authenticated(self)

    # The table and the server call these.

    @property
    def is_answering_a_post(self) -> bool:
        """Whether the answer to a message is not complete yet."""
        return (
            self.cycle is not None
            and self.scope["method"] == "POST"
            and not self.cycle.response_complete
            and not self.transport.is_closing()
        )

    @property
    def has_unsent(self) -> bool:
        """Whether a part of an answer is not sent yet."""
        return self.transport.get_write_buffer_size() > 0

    def give_way(self) -> None:
        """Close the connection for the sake of another one; a request in it is refused."""
        if self._is_idle:
            self.transport.close()
        else:
            self._refuse(503, _FULL)

    def end(self) -> None:
        """Close the connection at once; what is not sent yet is lost."""
        self.transport.abort()

    def check(self, now: float) -> None:
        """Close the connection if its time is over, or if the client does not read."""
        if now >= self._deadline and not self.transport.is_closing():
            if self._in_headers:
                self._refuse(408, "The headers did not arrive in time.")
            else:
                self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._unread_since = now
        elif now - self._unread_since > self._bounds.stall_seconds:
            self.end()
        self._unsent = unsent

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser did not accept."""
        self._refuse(self._status, msg)

    def _wait_for_headers(self) -> None:
        self._is_idle = False
        self._deadline = self.loop.time() + self._bounds.header_seconds

    def _refuse(self, status: int, reason: str) -> None:
        """Answer without asking the application, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started != self.cycle.response_complete:
            self.transport.close()  # in the middle of an answer, another one makes no sense
            return
        body = json.dumps({"error": reason}).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
