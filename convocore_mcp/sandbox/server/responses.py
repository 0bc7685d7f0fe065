"""The HTTP responses that the sandbox can give, well-formed or not."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from convocore_mcp.sandbox.shapes import Json

_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `cut` closes the connection after that many bytes of the body.

    With `pause`, the rest is sent after that pause. If `is_raw`, the body is all that is sent.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    cut: int | None = None
    reset: bool = False
    pause: Callable[[], Awaitable[None]] | None = None
    is_raw: bool = False


RESET: Final = Response(0, b"", (), reset=True)
NOT_JSON: Final = Response(
    200,
    b"<!doctype html><html><body><h1>Scheduled maintenance</h1></body></html>",
    (("content-type", "text/html; charset=utf-8"),),
)
_ERRORS: Final = {
    400: ("BAD_REQUEST", "Bad request"),
    401: ("UNAUTHORIZED", "Unauthorized workspace scope"),
    403: ("FORBIDDEN", "Business plan or higher"),
    404: ("NOT_FOUND", "Not found"),
    405: ("METHOD_NOT_SUPPORTED", "Method not supported"),
    429: ("TOO_MANY_REQUESTS", "Too many requests"),
}


def json_response(
    content: Json, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON in ASCII: characters are escaped, so that half a surrogate pair can be sent too."""
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Response(status, body, _headers({"content-type": "application/json", **(headers or {})}))


def error_response(
    status: int,
    message: str | None = None,
    *,
    issues: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as documented: `message`, `code`, and `issues` if there are any."""
    code, default = _ERRORS.get(status, ("INTERNAL_SERVER_ERROR", "Internal server error"))
    body: dict[str, Any] = {"message": message or default, "code": code}
    return json_response(body | ({"issues": issues} if issues else {}), status, headers)


def raw_response(status: int, headers: Mapping[str, str] | None, body: bytes) -> Response:
    """Any bytes, under any headers."""
    return Response(status, body, _headers(headers or {}))


def gzip_response(size: int) -> Response:
    """A page without rows whose body has at least `size` bytes after decompression."""
    start, end = b'{"success":true,"message":"ok","data":[', b"]}"
    compressor = zlib.compressobj(wbits=31)
    parts = [compressor.compress(start)]
    remaining = max(0, size - len(start) - len(end))
    while remaining > 0:
        parts.append(compressor.compress(b" " * min(remaining, _CHUNK_BYTES)))
        remaining -= _CHUNK_BYTES
    parts += [compressor.compress(end), compressor.flush()]
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return raw_response(200, headers, b"".join(parts))


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value) for name, value in headers.items())
