"""A transport that, when it is closed behind an answer, reads on for a moment.

A socket that is closed while something lies in it unread resets its connection, and the client may
lose an answer that it has not read yet: why its request was refused (RFC 9112, section 9.6).
"""

import asyncio
from typing import Any

LINGER_SECONDS = 1.0
"""How long a client may still be sending, or reading, after the connection was closed."""


class LingeringTransport(asyncio.Transport):
    """The part of `transport` that uvicorn uses."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._has_written = self._lingers = False
        self.expects_more = True
        """Whether the client may be in the middle of a request."""

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Send `data`, unless the connection is closed."""
        if not self._lingers:
            self._transport.write(data)
            self._has_written = True

    def close(self) -> None:
        """Send what was written and close, if need be in a moment."""
        if self.is_closing():
            return
        if not (self.expects_more and self._has_written):
            self._transport.close()
            return
        self._lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()
        # When the client closes its side, too, the transport closes by itself.
        self._loop.call_later(LINGER_SECONDS, self._transport.abort)

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more, and nothing is read that matters."""
        return self._lingers or self._transport.is_closing()

    def abort(self) -> None:
        """Close at once; what is not sent yet is lost."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Leave unread what the client sends."""
        if not self._lingers:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        """How many bytes are not sent yet."""
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: object = None) -> Any:
        """What asyncio knows of the connection."""
        return self._transport.get_extra_info(name, default)
