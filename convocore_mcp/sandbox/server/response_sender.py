"""Sends a response over ASGI: complete, cut short, or as a reset connection."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from convocore_mcp.sandbox.server.responses import Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def send_response(response: Response, send: Send, *, date: str) -> None:
    """Send `response`, which was made at `date`.

    Raises:
        ConnectionResetError: it must be cut or reset, but there is no socket (in-memory client).
    """
    if response.reset or response.is_raw:
        await _break_connection(send, with_reset=response.reset, last_bytes=response.body)
        return
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
    if not any(name == b"date" for name, _ in headers):
        headers.append((b"date", date.encode()))
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.cut is None:
        await send({"type": "http.response.body", "body": response.body})
        return
    part = response.body[: response.cut]
    await send({"type": "http.response.body", "body": part, "more_body": True})
    if response.pause is not None:
        await response.pause()
        await send({"type": "http.response.body", "body": response.body[response.cut :]})
        return
    await _break_connection(send, with_reset=False)


async def _break_connection(send: Send, *, with_reset: bool, last_bytes: bytes = b"") -> None:
    """Close the connection through uvicorn's transport: ASGI has no message for that."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox was told to break this connection")
    if with_reset:
        # With a linger time of 0, closing the socket sends a TCP reset.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.write(last_bytes)
        transport.close()
    await anyio.sleep(0.01)  # until uvicorn has noticed, else it logs an error
