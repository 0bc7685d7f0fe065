"""Where a request may come from and go to: hosts and origins (DNS rebinding, foreign pages)."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?", re.IGNORECASE | re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an address, is this machine and nothing else."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """The hosts and origins that are ours. Loopback is always; so is the address asked itself."""

    hosts: frozenset[str]
    """Lower case, `host` (any port) or `host:port`."""
    origins: frozenset[str]
    """Lower case, `https://host` or `https://host:port`."""

    @classmethod
    def of(cls, hosts: Iterable[str], origins: Iterable[str], public_url: str | None) -> Self:
        """Those that were configured, and that of the public URL."""
        public = urlsplit((public_url or "").lower())
        more = {public.netloc} if public.netloc else set()
        also = {f"{public.scheme}://{public.netloc}"} if public.netloc else set()
        return cls(frozenset({*hosts} | more), frozenset({*origins} | also))

    def host(self, header: str | None, *, asked: str | None) -> bool:
        """Whether a `Host` header names us; `asked` is the address the connection came in on.

        A page that was made to resolve to that address (DNS rebinding) sends its own name.
        """
        found = _HOST.fullmatch(header or "")
        if not found:
            return False
        name = found[1].lower()
        whole = name if found[2] is None else f"{name}:{found[2]}"
        if is_loopback(name) or name in self.hosts or whole in self.hosts:
            return True
        return asked is not None and name.strip("[]") == asked.lower()

    def origin(self, header: str | None) -> bool:
        """Whether an `Origin` header is absent (no browser) or one of ours."""
        if header is None:
            return True
        parts = urlsplit(header)
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(parts.netloc):
            return False
        return header.lower() in self.origins or is_loopback(parts.hostname or "")
