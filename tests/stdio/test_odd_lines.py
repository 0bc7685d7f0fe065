"""Lines that are no messages: a client that waits gets an answer, and the next line works."""

import json
import time
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR

from convocore_mcp.server.mcp.stdio.line_reader import Unreadable, read_line
from convocore_mcp.server.mcp.stdio.line_splitter import (
    KEPT_BYTES,
    MAX_LINE_BYTES,
    LineSplitter,
    LongLine,
)
from tests.stdio.pipes import piped_client

NESTED = "[" * 3000 + "]" * 3000
LONG = "x" * 20_000_000
CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":%s}'
PING = '{"jsonrpc":"2.0","id":%s,"method":"ping"}'
NAMED = '{"name":"get_lead","arguments":{"lead":%s}}'
ODD_LINES: dict[str, tuple[str, list[tuple[object, int]]]] = {
    "garbage": ("GET / HTTP/1.1", [(None, PARSE_ERROR)]),
    "half a message": (CALL[:-3], [(7, PARSE_ERROR)]),
    "params are a list": (CALL % "[1]", [(7, INVALID_PARAMS)]),
    "params are a number": (CALL % "5", [(7, INVALID_PARAMS)]),
    "3,000 brackets": (CALL % (NAMED % NESTED), [(7, PARSE_ERROR)]),
    "3,000 brackets before the ID": (
        f'{{"params":{NESTED},"id":8,"jsonrpc":"2.0","method":"x"}}', [(8, PARSE_ERROR)],
    ),
    "brackets and nothing else": (NESTED, [(None, PARSE_ERROR)]),
    "1 MB of braces": ("{" * MAX_LINE_BYTES, [(None, PARSE_ERROR)]),
    "a batch": (
        '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":"b","method":"ping"}]',
        [(1, INVALID_REQUEST), ("b", INVALID_REQUEST)],
    ),
    "an empty batch": ("[]", [(None, INVALID_REQUEST)]),
    "a batch of 101 requests": (
        json.dumps([{"jsonrpc": "2.0", "id": i, "method": "ping"} for i in range(101)]),
        [(None, INVALID_REQUEST)],
    ),
    "20 MB with the ID in front": (CALL % (NAMED % f'"{LONG}"'), [(7, INVALID_REQUEST)]),
    "20 MB with the ID at the end": (
        '{"method":"tools/call","params":%s,"jsonrpc":"2.0","id":"nine"}' % (NAMED % f'"{LONG}"'),
        [("nine", INVALID_REQUEST)],
    ),
    "20 MB with a wrong ID inside": (
        f'{{"params":{{"id":5}},"x":"{LONG}"}}', [(None, INVALID_REQUEST)],
    ),
    "20 MB of quotes": ('"\\"' * 7_000_000, [(None, INVALID_REQUEST)]),
    "no version": ('{"id":3,"method":"ping"}', [(3, INVALID_REQUEST)]),
    "no method": ('{"jsonrpc":"2.0","id":3}', [(3, INVALID_REQUEST)]),
    "a fraction for an ID": (PING % "1.5", [(None, INVALID_REQUEST)]),
    "true for an ID": (PING % "true", [(None, INVALID_REQUEST)]),
    "an endless ID": (PING % ("9" * 5000), [(None, PARSE_ERROR)]),
    "a number": ("5", [(None, INVALID_REQUEST)]),
    "a blank line": ("  ", []),
    "a notification of the wrong shape": ('{"jsonrpc":"2.0","method":"x","params":[1]}', []),
    "a response of the wrong shape": ('{"jsonrpc":"2.0","id":1,"result":[1]}', []),
}  # fmt: skip
"""Lines, each with the IDs and codes of the errors that answer it."""


@pytest.mark.parametrize("piece", ["{", "[]", '"', ",", '"\\', '{"id":', "1 ", "{" * 500 + "}"])
def test_a_line_that_is_no_json_takes_little_time(piece: str) -> None:
    """Ours: while it is read, nobody else is answered."""
    line = (piece * MAX_LINE_BYTES).encode()[:MAX_LINE_BYTES]
    began = time.process_time()
    assert isinstance(read_line(line), Unreadable)
    assert time.process_time() - began < 0.5


async def test_every_line_that_is_no_message_is_answered_and_the_next_line_works() -> None:
    """Promised by docs/architecture.md, "Serving". With the ID of the request if it is found."""
    ids = count(1000)
    async with piped_client() as client:
        for what, (line, expected) in ODD_LINES.items():
            await client.write(line.encode() + b"\n")
            await client.send("ping", next_id := next(ids))
            found = [await client.receive() for _ in range(len(expected) + 1)]
            # A ping is answered by a task of its own, so it can be ahead of an error.
            errors = [(m["id"], m["error"]["code"]) for m in found if "error" in m]
            assert errors == expected, what
            assert {"jsonrpc": "2.0", "id": next_id, "result": {}} in found, what
            assert all(len(json.dumps(message)) < 1000 for message in found)


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ud83d\ud83d", r"\\\ud83dx"])
async def test_half_a_surrogate_in_an_argument_is_answered(half: str) -> None:
    """Promised by docs/architecture.md, "Serving". JavaScript sends one where it cuts an emoji."""
    call = CALL % '{"name":"nobody %s","arguments":{}}' % half
    async with piped_client() as client:
        await client.write(call.encode() + b"\n")
        answer = await client.receive()
    assert answer["id"] == 7
    text = json.loads(answer["result"]["content"][0]["text"])["error"]["message"]
    assert "\ufffd" in text


async def test_bytes_that_are_no_utf_8_and_a_byte_order_mark_are_read() -> None:
    """Ours: what a shell of Windows pipes begins with a byte order mark."""
    async with piped_client() as client:
        for before, name in ((b"\xef\xbb\xbf", b"x"), (b"", b"\xff\xfe")):
            line = CALL.encode() % (b'{"name":"%s","arguments":{}}' % name)
            await client.write(before + line + b"\r\n")
            assert (await client.receive())["result"]["isError"]


pieces = st.lists(st.binary(max_size=30) | st.just(b"\n") | st.just(b"x" * 50), max_size=20)


@given(pieces)
def test_lines_do_not_depend_on_how_their_bytes_arrive(pieces: list[bytes]) -> None:
    """Ours: a pipe may cut a message anywhere."""
    splitter = LineSplitter(max_bytes=60)
    found = [line for piece in pieces for line in splitter.feed(piece)]
    found.append(splitter.last_line())
    whole = b"".join(pieces).split(b"\n")
    assert len(found) == len(whole)
    for line, expected in zip(found, whole, strict=True):
        if len(expected) <= 60:
            assert line == expected
        else:
            assert isinstance(line, LongLine)
            assert expected.startswith(line.beginning)
            assert expected.endswith(line.end)


def test_no_more_of_a_line_is_kept_than_may_be_read() -> None:
    """Promised by docs/architecture.md, "Serving"."""
    splitter = LineSplitter(max_bytes=100_000)
    for _ in range(100):
        assert list(splitter.feed(b"x" * 65_536)) == []
        assert splitter.kept_bytes <= 100_000 + KEPT_BYTES
    (line,) = splitter.feed(b"\n")
    assert isinstance(line, LongLine)
    assert len(line.beginning) == len(line.end) == KEPT_BYTES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "jsonrpc", "method", "params", "result", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(json_values, st.integers(0, 40), st.binary(max_size=3))
def test_whatever_a_line_is_reading_it_ends(value: object, cut: int, inserted: bytes) -> None:
    """Promised by docs/architecture.md, "Serving"."""
    line = json.dumps(value).encode()
    for odd in (line, line[:cut] + inserted + line[cut:], line[cut:], line[:cut]):
        found = read_line(odd)
        if isinstance(found, Unreadable):
            assert all(error.error.message for error in found.errors)
