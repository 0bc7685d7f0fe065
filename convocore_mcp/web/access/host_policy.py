"""Which Host and Origin headers are accepted, against DNS rebinding and foreign web pages."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?", re.IGNORECASE | re.ASCII)


@lru_cache(100)
def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, can only be this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """The accepted hosts and origins. Loopback and the server's own address are always accepted."""

    hosts: frozenset[str]
    """Lower case, `host` (any port) or `host:port`."""
    origins: frozenset[str]
    """Lower case, `https://host` or `https://host:port`."""

    @classmethod
    def configured(
        cls, hosts: Iterable[str], origins: Iterable[str], public_url: str | None
    ) -> Self:
        """The policy for the configured hosts and origins, and those of the public URL."""
        public = urlsplit((public_url or "").lower())
        public_hosts = {public.netloc} if public.netloc else set()
        public_origins = {f"{public.scheme}://{public.netloc}"} if public.netloc else set()
        return cls(frozenset({*hosts} | public_hosts), frozenset({*origins} | public_origins))

    def allows_host(self, header: str | None, *, server_address: str | None) -> bool:
        """Whether a `Host` header names this server.

        `server_address` is the local address of the connection. It is safe to accept, because a
        page of a name that resolves to this address (DNS rebinding) sends that name instead.
        """
        match = _HOST.fullmatch(header or "")
        if not match:
            return False
        name = match[1].lower()
        name_and_port = name if match[2] is None else f"{name}:{match[2]}"
        if is_loopback(name) or name in self.hosts or name_and_port in self.hosts:
            return True
        return server_address is not None and name.strip("[]") == server_address.lower()

    def allows_origin(self, header: str | None) -> bool:
        """Whether an `Origin` header is accepted; a client that is no browser sends none."""
        if header is None:
            return True
        try:
            parts = urlsplit(header)
        except ValueError:  # brackets that hold no address
            return False
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
            return False
        return header.lower() in self.origins or is_loopback(parts.hostname or "")
