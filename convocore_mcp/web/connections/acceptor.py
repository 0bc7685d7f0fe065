"""Accepts connections one after the other.

An event loop by itself accepts all that wait at once. A burst takes every file descriptor before
the connection table has seen one of its connections, and the loop resets those that find none left.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.2
"""After the system could not accept a connection, for want of a descriptor or memory."""


async def accept_connections(
    listener: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]
) -> NoReturn:
    """Accept connections until the task is cancelled; the others wait in the system's queue."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    while True:
        try:
            accepted, _ = await loop.sock_accept(listener)
        except ConnectionAbortedError:  # by the client, before it was accepted
            continue
        except OSError as error:
            log.warning("No connection can be accepted (%s).", error.strerror)
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        with suppress(OSError):  # the client has reset the connection
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # It returns when the protocol has its connection, and leaves the loop time to read others.
        await loop.connect_accepted_socket(protocol, accepted)
