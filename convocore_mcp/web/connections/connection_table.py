"""Who may stay connected: bounds on connections, in all and of each address.

A new connection is let in by ending an older one, so that a server whose connections are all taken
by silent clients still answers. Those that have not shown a token are ended first. A client whose
connection is ended or refused gets a response that says so, and a moment to read it.
"""

import ipaddress
from typing import Protocol

MAX_LEAVING = 16
"""Connections that are being closed to make room, and still get a response that says so."""


class Connection(Protocol):
    """What the table asks of a connection."""

    @property
    def has_unsent(self) -> bool:
        """Whether a part of an answer is not sent yet."""

    def give_way(self) -> None:
        """Close it for the sake of another one; a request in it is refused."""

    def end(self) -> None:
        """Close it at once; what is not sent yet is lost."""

    def check(self, now: float) -> None:
        """Close it if its time is over; `now` is the event loop's time."""


class ConnectionTable:
    """All open connections: unauthenticated (no token yet), busy (being answered), or idle."""

    def __init__(self, *, max_connections: int, max_unauthenticated_per_address: int) -> None:
        self._max_connections = max_connections
        self._max_unauthenticated = max_unauthenticated_per_address
        # Dictionaries, because they know the order in which their keys came.
        self._unauthenticated: dict[Connection, str] = {}
        self._unauthenticated_of: dict[str, dict[Connection, None]] = {}
        self._idle: dict[Connection, None] = {}
        self._busy: dict[Connection, None] = {}
        self._leaving: dict[Connection, None] = {}

    def check(self, now: float) -> None:
        """Close every connection whose time is over; `now` is the event loop's time."""
        for connection in (*self._unauthenticated, *self._idle, *self._busy):
            connection.check(now)

    def admit(self, connection: Connection, host: str) -> bool:
        """Let a new connection in, unauthenticated for now; false if there is no room."""
        address = network_of(host)
        if len(self._unauthenticated_of.get(address, ())) >= self._max_unauthenticated:
            self._end(next(iter(self._unauthenticated_of[address])))
        elif (
            len(self._unauthenticated) + len(self._idle) + len(self._busy) >= self._max_connections
        ):
            read = (idle for idle in self._idle if not idle.has_unsent)
            oldest = next(iter(self._unauthenticated), None) or next(read, None)
            if oldest is None:
                self._leave(connection)
                return False
            self._end(oldest)
        self._unauthenticated[connection] = address
        self._unauthenticated_of.setdefault(address, {})[connection] = None
        return True

    def authenticated(self, connection: Connection) -> None:
        """The connection has shown a token, or needs none, and is being answered."""
        if connection not in self._leaving and self.remove(connection):
            self._busy[connection] = None

    def answered(self, connection: Connection) -> None:
        """The answer is complete."""
        if self._busy.pop(connection, self) is None:
            self._idle[connection] = None

    def remove(self, connection: Connection) -> bool:
        """The connection was closed; whether it was in the table."""
        address = self._unauthenticated.pop(connection, None)
        if address is not None:
            others = self._unauthenticated_of[address]
            del others[connection]
            if not others:
                del self._unauthenticated_of[address]
            return True
        self._leaving.pop(connection, None)
        return None in (self._idle.pop(connection, self), self._busy.pop(connection, self))

    def _end(self, connection: Connection) -> None:
        self.remove(connection)
        self._leave(connection)
        connection.give_way()

    def _leave(self, connection: Connection) -> None:
        self._leaving[connection] = None
        if len(self._leaving) > MAX_LEAVING:
            oldest = next(iter(self._leaving))
            del self._leaving[oldest]
            oldest.end()


def network_of(host: str) -> str:
    """The address that counts: of IPv6 the first 64 bits, because one client can have them all."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.version == 4 else address.packed[:8].hex()
