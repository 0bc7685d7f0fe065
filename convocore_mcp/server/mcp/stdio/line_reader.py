"""Reads a line of stdin: a JSON-RPC message, or the errors that answer it.

The SDK drops a line that it cannot read, and its client waits for an answer forever. Here every
request whose ID can be found gets an answer, also if nothing else of the line can be read.
"""

import json
import re
from dataclasses import dataclass
from itertools import islice

from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import from_json

from convocore_mcp.server.mcp.lone_surrogates import without_lone_surrogates
from convocore_mcp.server.mcp.stdio.line_splitter import MAX_LINE_BYTES, LongLine
from convocore_mcp.server.rendering import protocol_error

MAX_ANSWERS = 100
"""Errors that answer one line. A batch of more requests gets one error for all of them."""
MAX_TOKENS = 30_000
"""Tokens of a line that is no JSON which are searched for its ID: that takes less than 0.1 s."""
_TOKEN = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:,]|-?\d{1,30}(?![\d.eE])|[^\s"{}\[\]:,]+',
    re.DOTALL,
)
_ID_AT_END = re.compile(
    rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d{1,30})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$'
)
_LONG = f"A message has at most {MAX_LINE_BYTES:,} bytes."


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a line is no message, as the errors that answer it; none if nobody waits for one."""

    errors: tuple[JSONRPCError, ...]


def read_line(line: bytes | LongLine) -> JSONRPCMessage | Unreadable:
    """The message in a line, or what answers it. An empty line asks for nothing."""
    if isinstance(line, LongLine):
        found = _id_at_beginning(line.beginning)
        if found is None:
            found = _id_at_end(line.end)
        return Unreadable((_error(INVALID_REQUEST, _LONG, found),))
    if not line.strip():
        return Unreadable(())
    # JavaScript writes half of an emoji as a lone surrogate, and the text around it is right. A
    # shell of Windows writes a byte order mark before what it pipes.
    repaired = without_lone_surrogates(line).decode("utf-8-sig", "replace").encode()
    return _valid_message(line) or _valid_message(repaired) or _unreadable(repaired)


def _valid_message(line: bytes) -> JSONRPCMessage | None:
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return None
    if isinstance(message, JSONRPCNotification) and b'"id"' in line and "id" in from_json(line):
        return None  # a request whose ID is of a wrong type, not a notification
    return message


def _unreadable(line: bytes) -> Unreadable:
    try:
        value = from_json(line)
    except ValueError as error:
        found = _id_at_beginning(line)
        return Unreadable((_error(PARSE_ERROR, f"The line is no JSON: {error}.", found),))
    if isinstance(value, list):
        message = "Batches are not supported: write one message a line."
        ids = [found for item in value if (found := _id_of(item)) is not None]
        each = ids if 0 < len(ids) <= MAX_ANSWERS else (None,)
        return Unreadable(tuple(_error(INVALID_REQUEST, message, found) for found in each))
    if isinstance(value, dict):
        if "method" in value and "id" not in value:
            return Unreadable(())  # nobody waits for the answer to a notification
        if "method" not in value and ("result" in value or "error" in value):
            return Unreadable(())  # a response; an error would answer a request of the client
        if "method" in value and not isinstance(value.get("params", {}), dict | None):
            wrong = _error(INVALID_PARAMS, "params must be an object.", _id_of(value))
            return Unreadable((wrong,))
    message = 'A request is an object with "jsonrpc": "2.0", an id (text or integer) and a method.'
    return Unreadable((_error(INVALID_REQUEST, message, _id_of(value)),))


def _id_of(value: object) -> RequestId | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _error(code: int, message: str, request_id: RequestId | None) -> JSONRPCError:
    error = protocol_error(message, code=code).error
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)


def _id_at_beginning(text: bytes) -> RequestId | None:
    """The value of `id` in the outermost object of a text that may be no JSON further on."""
    depth, tokens = 0, [b"", b""]
    for match in islice(_TOKEN.finditer(text), MAX_TOKENS):
        token = match[0]
        if depth == 1 and tokens == [b'"id"', b":"]:
            return _read_id(token)
        depth += (token in b"{[") - (token in b"}]")
        tokens = [tokens[1], token]
    return None


def _id_at_end(text: bytes) -> RequestId | None:
    match = _ID_AT_END.search(text)
    return _read_id(match[1]) if match else None


def _read_id(token: bytes) -> RequestId | None:
    try:
        return _id_of({"id": json.loads(token)})
    except ValueError:
        return None
