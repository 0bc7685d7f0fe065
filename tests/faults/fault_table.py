"""Every way in which Convocore, or a proxy before it, may fail, and how the sandbox imitates it."""

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from convocore_mcp.sandbox import Sandbox

BeginFault = Callable[[Sandbox, int], None]
"""Begins a fault after a number of further list requests; it lasts until `Sandbox.end_faults`."""
Change = Callable[[dict[str, Any]], Any]
"""Changes the body of a page in place, or returns another one."""

MANY_TIMES = 10_000
MAX_BODY_BYTES = 24 * 1024 * 1024
HTML = b"<!doctype html><html><head><title>502</title></head><body>Bad gateway</body></html>"
JSON = {"content-type": "application/json"}


def status(code: int, body: bytes | None = None, **headers: str) -> BeginFault:
    """Each response has this status, with the documented error unless there is a body."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda sandbox, after: sandbox.fail_next(
        code, headers=sent, body=body, times=MANY_TIMES, after=after
    )


def body(content: bytes, headers: Mapping[str, str] = JSON) -> BeginFault:
    """Each response is a 200 with these bytes."""
    return lambda sandbox, after: sandbox.respond_next(
        200, headers, content, times=MANY_TIMES, after=after
    )


def on_the_wire(data: bytes) -> BeginFault:
    """Each response is these bytes, which need not be HTTP; then the connection is closed."""
    return lambda sandbox, after: sandbox.bytes_next(data, times=MANY_TIMES, after=after)


def page(change: Change) -> BeginFault:
    """Each page is changed before it is sent."""

    def begin_fault(sandbox: Sandbox, after: int) -> None:
        last_good = sandbox.list_requests + after
        sandbox.alter_page(lambda found, number: change(found) if number > last_good else None)

    return begin_fault


def field(name: str, value: object) -> BeginFault:
    """A field of each page's envelope has this value."""
    return page(lambda found: found | {name: value})


def rows(change: Change) -> BeginFault:
    """Each row of each page is changed."""
    return page(lambda found: found | {"data": [change(row) for row in found["data"]]})


def expired_cursors(sandbox: Sandbox, after: int) -> None:
    """Every cursor is expired when it is used."""
    last_good = sandbox.list_requests + after

    def expire(found: dict[str, Any], number: int) -> None:
        if number > last_good:
            sandbox.expire_cursors()

    sandbox.alter_page(expire)


def silence(sandbox: Sandbox, after: int) -> None:
    """Nothing comes."""
    sandbox.hold_next(times=MANY_TIMES, after=after)


def silence_amid_a_page(sandbox: Sandbox, after: int) -> None:
    """Half of a page comes, and then nothing."""
    sandbox.hold_next(amid_body=True, times=MANY_TIMES, after=after)


SILENT: tuple[BeginFault, ...] = (silence, silence_amid_a_page)


def gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(data) + compressor.flush()


OK = b'{"success":true,"message":"ok","data":%s}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
EMPTY = OK % b"[]"
GZIP = JSON | {"content-encoding": "gzip"}
REFUSED = b'{"message":"nope","code":"INTERNAL_SERVER_ERROR"}'
STRANGE_STATUSES = (402, 405, 406, 408, 409, 410, 413, 414, 418, 421, 425, 431, 451, 501, 507, 511)

FAULTS: dict[str, BeginFault] = {
    # Statuses
    "400": status(400),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "429": status(429),
    "429 for two minutes": status(429, retry_after="120"),
    "429 for ever": status(429, retry_after="1e9"),
    "429 and nonsense": status(429, retry_after="soon\tor never \xff"),
    "500": status(500),
    "502 of a proxy": status(502, HTML, content_type="text/html"),
    "503 without a body": status(503, b""),
    "503 for a while": status(503, retry_after="30"),
    "599": status(599, b""),
    "204": status(204, b""),
    "206 of half a page": status(206, OK[:20]),
    "a redirect to itself": status(307, b"", location="/v3/agents/demo-agent/convos"),
    "a redirect elsewhere": status(302, b"", location="https://elsewhere.invalid/login"),
    # Bodies
    "HTML under 200": body(HTML, {"content-type": "text/html"}),
    "an empty body": body(b""),
    "null": body(b"null"),
    "a list": body(b"[]"),
    "an empty object": body(b"{}"),
    "half of a JSON": body(EMPTY[:-3]),
    "100,000 brackets": body(OK % (b"[" * 100_000)),
    "NaN": body(OK % b"NaN"),
    "bytes that are no UTF-8": body(OK % b'["\xff\xfe\xc0\x80"]'),
    "no success": body(b'{"success":false,"message":"nope","data":[]}'),
    "no data": body(b'{"success":true,"message":"ok"}'),
    "data is null": body(OK % b"null"),
    "data is a text": body(OK % b'"none"'),
    # What carries the bodies
    "gzip that is none": body(b"not compressed", GZIP),
    "gzip that is cut": body(gzipped(EMPTY)[:-9], GZIP),
    "an encoding that we never asked for": body(EMPTY, {"content-encoding": "br"}),
    "cut off": lambda sandbox, after: sandbox.truncate_next(times=MANY_TIMES, after=after),
    "reset": lambda sandbox, after: sandbox.reset_next(times=MANY_TIMES, after=after),
    "silence": silence,
    "silence after half a page": silence_amid_a_page,
    "closed without a word": on_the_wire(b""),
    "a TLS alert": on_the_wire(b"\x15\x03\x01\x00\x02\x02\x46"),
    "two lengths": on_the_wire(HEAD + b"content-length: 2\r\ncontent-length: 99\r\n\r\n{}"),
    "chunks that are none": on_the_wire(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}"),
    # Pages
    "cursors that are expired": expired_cursors,
    "a cursor that leads to itself": page(
        lambda found: found | {"nextCursor": "the-same", "hasMore": True}
    ),
    "a cursor that is a number": field("nextCursor", 5),
    "more, but no cursor": page(
        lambda found: {k: v for k, v in found.items() if k != "nextCursor"} | {"hasMore": True}
    ),
    "rows of other types": page(lambda found: found | {"data": [1, "a", [], True]}),
    "rows without ID": rows(lambda row: {k: v for k, v in row.items() if k != "ID"}),
    "times beyond the calendar": rows(lambda row: row | {"ts": 10**30}),
}
"""Faults that are tried at every moment of reading and in both dialects, by their names."""

RARER_FAULTS: dict[str, BeginFault] = {
    # Statuses
    "400 about a cursor": status(400, b'{"message":"Invalid cursor","code":"BAD_REQUEST"}'),
    "404 without a body": status(404, b""),
    "429 until a day long ago": status(429, retry_after="Wed, 01 Jan 1997 00:00:00 GMT"),
    "429 until no day": status(429, retry_after="Fri, 99 Foo 9999 99:99:99 GMT"),
    "429 for a negative time": status(429, retry_after="-5"),
    "500 for one record": status(500, b'{"message":"Output validation failed","code":"X"}'),
    "500 and half of a JSON": status(500, REFUSED[:-9]),
    "504 in another encoding": status(504, b"\xff\xfe\x00", content_encoding="br"),
    "520 of a proxy": status(520, HTML, content_type="text/html"),
    "600": on_the_wire(b"HTTP/1.1 600 Beyond\r\ncontent-length: 0\r\n\r\n"),
    "304": status(304, b""),
    "a redirect to nowhere": status(301, b""),
    "a redirect to a file": status(308, b"", location="file:///etc/passwd"),
    **{str(code): status(code) for code in STRANGE_STATUSES},
    # Bodies
    "blanks": body(b" \r\n\t "),
    "a text": body(b'"ok"'),
    "a number": body(b"1"),
    "two JSONs": body(EMPTY * 2),
    "20,000 nested objects": body(OK % (b'{"a":' * 20_000 + b"1" + b"}" * 20_000)),
    "a number without end": body(OK % (b"9" * 100_000)),
    "UTF-16": body(EMPTY.decode().encode("utf-16")),
    "half a surrogate for data": body(OK % rb'"\ud83d"'),
    "NUL": body(b"\x00" * 100),
    "success is a text": body(b'{"success":"no","message":"nope"}'),
    "data is an object": body(OK % b'{"ID":"c"}'),
    "GraphQL's envelope": body(b'{"data":{"convos":[]},"errors":[{"message":"no"}]}'),
    # What carries the bodies
    "more than may be read": body(gzipped(b" " * (MAX_BODY_BYTES + 1)), GZIP),
    "gzip with rubbish behind it": body(gzipped(EMPTY[:-1]) + b"rubbish", GZIP),
    "two encodings": body(gzipped(EMPTY), {"content-encoding": "gzip, deflate"}),
    "deflate that is none": body(EMPTY, {"content-encoding": "deflate"}),
    "another protocol": on_the_wire(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "headers without end": on_the_wire(HEAD + b"x-more: y\r\n" * 20_000),
    "half of a header": on_the_wire(HEAD[:-5]),
    "a header with a NUL": on_the_wire(HEAD + b"x: a\x00b\r\ncontent-length: 2\r\n\r\n{}"),
    "a length that is none": on_the_wire(HEAD + b"content-length: -1\r\n\r\n{}"),
    "chunks without an end": on_the_wire(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "only a promise": on_the_wire(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "an upgrade": on_the_wire(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"),
    # Pages
    "a cursor that is a list": field("nextCursor", ["x"]),
    "a cursor of 1 MB": page(lambda found: found | {"nextCursor": "x" * 2**20, "hasMore": True}),
    "a cursor with line ends": page(
        lambda found: found | {"nextCursor": "a\r\nHost: x\x00", "hasMore": True}
    ),
    "a cursor of half a surrogate": page(
        lambda found: found | {"nextCursor": "a\ud83d", "hasMore": True}
    ),
    "a cursor of 9 KB": page(lambda found: found | {"nextCursor": "é" * 9_000, "hasMore": True}),
    "more is a text": field("hasMore", "maybe"),
    "a page is a list of null": page(lambda found: found | {"data": [None] * 10}),
    "IDs that are lists": rows(lambda row: row | {"ID": [row["ID"]]}),
    "times that are objects": rows(lambda row: row | {"ts": {"seconds": row["ts"]}}),
    "numbers that are none": rows(lambda row: row | {"messagesNum": float("nan")}),
    "names that are numbers and tags that are texts": rows(
        lambda row: row | {"userName": 7, "tags": "vip", "userEmail": {"a": 1}}
    ),
    "fields nobody knows": rows(lambda row: row | {"x" * 300: json.loads("[" * 90 + "]" * 90)}),
}
"""Faults of the same kinds, which are tried at one moment."""
