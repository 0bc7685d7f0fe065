"""What can go wrong on the way: a script of faults, played one after the other.

Only list requests play it. Each entry first lets `after` requests pass, then meets `times` of
them, then makes room for the next.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convocore_mcp.sandbox.shapes import Json

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response. `cut` ends the connection after so many bytes of the body."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    cut: int | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What meets a request: an answer of its own, or a change to the real one."""

    answer: Answer | None = None
    delay: float = 0.0
    truncate: bool = False
    empty: bool = False


@dataclass(slots=True)
class _Entry:
    fault: Fault
    times: int
    after: int


@dataclass(slots=True)
class Script:
    """The faults still to come."""

    _entries: deque[_Entry] = field(default_factory=deque)

    def add(self, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Put a fault at the end of the script."""
        if times > 0:
            self._entries.append(_Entry(fault, times, after))

    def next(self) -> Fault:
        """What meets the request that comes now: nothing, mostly."""
        if not self._entries:
            return Fault()
        entry = self._entries[0]
        if entry.after > 0:
            entry.after -= 1
            return Fault()
        entry.times -= 1
        if entry.times == 0:
            self._entries.popleft()
        return entry.fault


RESET: Final = Answer(0, b"", (), reset=True)
NOT_JSON: Final = Answer(
    200,
    b"<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>",
    (("content-type", "text/html; charset=utf-8"),),
)
_CODES: Final = {
    400: ("BAD_REQUEST", "Bad request"),
    401: ("UNAUTHORIZED", "Unauthorized workspace scope"),
    403: ("FORBIDDEN", "Business plan or higher"),
    404: ("NOT_FOUND", "Not found"),
    405: ("METHOD_NOT_SUPPORTED", "Method not supported"),
    429: ("TOO_MANY_REQUESTS", "Too many requests"),
}


def encoded(content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """JSON with every character beyond ASCII escaped, so that half an emoji can travel."""
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Answer(status, body, _headers({"content-type": "application/json", **(headers or {})}))


def failure(
    status: int,
    message: str | None = None,
    *,
    issues: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error as documented: `message`, `code`, and `issues` if there are any."""
    code, usual = _CODES.get(status, ("INTERNAL_SERVER_ERROR", "Internal server error"))
    body: dict[str, Any] = {"message": message or usual, "code": code}
    return encoded(body | ({"issues": issues} if issues else {}), status, headers)


def raw(status: int, headers: Mapping[str, str] | None, body: bytes) -> Answer:
    """An answer of any bytes, under any headers."""
    return Answer(status, body, _headers(headers or {}))


def zipped(size: int) -> Answer:
    """An envelope without rows that is `size` bytes long (at least) after decompression."""
    start, end = b'{"success":true,"message":"ok","data":[', b"]}"
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(start)]
    left = max(0, size - len(start) - len(end))
    while left > 0:
        parts.append(packer.compress(b" " * min(left, _CHUNK)))
        left -= _CHUNK
    parts += [packer.compress(end), packer.flush()]
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return raw(200, headers, b"".join(parts))


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in headers.items())
