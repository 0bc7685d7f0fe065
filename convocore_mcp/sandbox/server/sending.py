"""How an answer leaves: whole, or cut short, or as a reset connection."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convocore_mcp.sandbox.server.faults import Answer

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def send_answer(answer: Answer, send: Send) -> None:
    """Send `answer` as it says.

    Raises:
        ConnectionResetError: it is to be cut or reset, and there is no socket to do it on.
    """
    if answer.reset:
        await _break_off(send, linger=True)
        return
    headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in answer.headers]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.cut is None:
        await send({"type": "http.response.body", "body": answer.body})
        return
    half = answer.body[: answer.cut]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    await _break_off(send, linger=False)


async def _break_off(send: Send, *, linger: bool) -> None:
    """Close the connection under the server's feet: ASGI has no word for that."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox was told to break this connection")
    if linger:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    import anyio  # noqa: PLC0415 - slow to import, seldom needed

    await anyio.sleep(0.01)  # until the server has noticed, else it complains in its log
