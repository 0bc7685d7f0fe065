"""JSON as Convocore sends it, read without trusting it.

What leaves this module is safe to store and to send on: no U+0000, no lone surrogates, no numbers
that are not finite, no integers beyond 64 bits, no nesting deeper than `MAX_DEPTH`.
"""

import json
import math
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pydantic_core

from convocore_mcp.errors import ContractError, GarbledError

MAX_REPAIRED_BYTES = 4 * 1024 * 1024
"""A larger body that is not JSON is not repaired, because that needs several copies of it."""
MAX_DEPTH = 100
"""Levels of nesting that a repaired body keeps; the fast parser refuses more than 200."""
MAX_VALUE_BYTES = 250 * 1024 * 1024
"""Memory that the values of one body may take, estimated generously."""
LARGE_BODY_BYTES = 1024 * 1024
"""Bytes from which a body is large: its values are counted, because they may fill the memory."""
MAX_FIELD_VALUES = 20_000
"""Most values in one field of a row of a large body: each may fail when the row is validated."""
TOO_MANY = "[too many values]"
"""Takes the place of a field that has more values."""
TOO_DEEP = b'"[nested too deeply]"'
"""Takes the place of a value that is nested too deeply."""
MAX_INTEGER = 2**63 - 1

_ESCAPED_SURROGATES = re.compile(
    rb"\\u[dD](?:[89abAB]..\\u[dD][c-fC-F]..|(?P<lone>[89a-fA-F][0-9a-fA-F]{2}))"
)
"""A pair that makes one character, or a lone surrogate. The common beginning makes it fast."""
_ESCAPED_NUL = re.compile(rb"\\u0000")
_SURROGATES = re.compile("[\ud800-\udfff]")
_GARBLED = object()
_BACKSLASH = ord("\\")
_CONTROL_CHARACTERS = bytes(range(32)), b" " * 32
_TOKENS = re.compile(
    rb'(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<open>[\[{])|(?P<close>[\]}])'
    rb"|(?P<digits>-?[0-9]{4000,})(?![0-9.eE])",
    re.DOTALL,
)
"""What decides the depth, and integers with more digits than Python converts."""
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19
"""Every integer beyond 64 bits has at least 19 digits."""
_NUL = rb"\u0000"


def parse_json(body: bytes) -> Any:
    """The JSON in `body`, repaired where only some of its values are damaged.

    JavaScript can cut a string between two surrogates. A lone surrogate is valid JSON, but not
    valid text, so it becomes U+FFFD. U+0000 is removed. An integer beyond 64 bits becomes the text
    of its digits, a number that is not finite `null`.

    Raises:
        GarbledError: `body` is not JSON, or was cut off.
        ContractError: its values would take more than `MAX_VALUE_BYTES`.
    """
    if len(body) >= LARGE_BODY_BYTES and _estimated_memory(body) > MAX_VALUE_BYTES:
        raise ContractError(
            "Convocore's answer holds more values than a page of conversations can.",
            hint="Check CONVOCORE_BASE_URL and try again.",
        )
    value: object = _GARBLED
    for repair in (_without_unstorable_escapes, _repaired):
        body = repair(body)
        with suppress(ValueError):
            value = pydantic_core.from_json(body)
            break
    if value is _GARBLED:
        raise _garbled()
    # Both checks are searches in bytes: they cost a hundredth of the parsing.
    has_unstorable_values = _NUL in body or _LONG_NUMBER in body.translate(_DIGITS_AS_ZEROS)
    return storable_values(value) if has_unstorable_values else value


def storable_values(value: object) -> object:
    """`value` without U+0000, with integers beyond 64 bits as text."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [storable_values(item) for item in value]
    if isinstance(value, dict):
        return {name.replace("\0", ""): storable_values(item) for name, item in value.items()}
    if type(value) is int and abs(value) > MAX_INTEGER:
        return str(value)
    if type(value) is float and not math.isfinite(value):
        return None
    return value


def without_oversized_fields(row: object) -> object:
    """`row` with `TOO_MANY` in place of each field that has more than `MAX_FIELD_VALUES` values."""
    if not isinstance(row, dict):
        return row
    return {name: TOO_MANY if _has_too_many(value) else value for name, value in row.items()}


def _has_too_many(value: object) -> bool:
    count, containers = 0, [value]
    while containers and count <= MAX_FIELD_VALUES:
        container = containers.pop()
        items = container.values() if isinstance(container, dict) else container
        if isinstance(items, str) or not isinstance(items, Collection):
            continue
        count += len(items)
        if count <= MAX_FIELD_VALUES:
            containers += items
    return count > MAX_FIELD_VALUES


def _estimated_memory(body: bytes) -> int:
    """Bytes that the values in `body` take at most, judging by their delimiters."""
    return (
        len(body)
        + 32 * body.count(b",")
        + 60 * body.count(b":")
        + 200 * body.count(b"{")
        + 80 * body.count(b"[")
        + 25 * body.count(b'"')
    )


def _without_unstorable_escapes(body: bytes) -> bytes:
    """`body` without escaped lone surrogates and U+0000: the usual damage, and cheap to repair.

    A body that is too large to be repaired is returned as it is.
    """
    if len(body) > MAX_REPAIRED_BYTES:
        return body
    if rb"\ud" in body or rb"\uD" in body:
        body = _without_lone_surrogates(body)
    return _ESCAPED_NUL.sub(_remove_nul, body) if _NUL in body else body


def _without_lone_surrogates(body: bytes) -> bytes:
    """`body` with U+FFFD in place of escaped lone surrogates."""
    return _ESCAPED_SURROGATES.sub(_replace_lone_surrogate, body)


def _repaired(body: bytes) -> bytes:
    """`body` as UTF-8, without lone surrogates, too deep nesting and integers that are too long.

    Raises:
        GarbledError: it is too large to be repaired.
    """
    if len(body) > MAX_REPAIRED_BYTES:
        raise _garbled()
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode(errors="replace")
    body = _SURROGATES.sub("\ufffd", text).removeprefix("\ufeff").encode()
    body = body.translate(bytes.maketrans(*_CONTROL_CHARACTERS))  # not allowed inside of text
    return b"".join(_within_bounds(_without_lone_surrogates(body)))


def _replace_lone_surrogate(match: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if match["lone"] and not _is_text(match) else match[0]


def _remove_nul(match: re.Match[bytes]) -> bytes:
    return match[0] if _is_text(match) else b""


def _is_text(match: re.Match[bytes]) -> bool:
    """Whether the backslash of `\\u` is escaped itself."""
    backslashes = match.start()
    while backslashes and match.string[backslashes - 1] == _BACKSLASH:
        backslashes -= 1
    return (match.start() - backslashes) % 2 == 1


def _within_bounds(body: bytes) -> list[bytes]:
    """The pieces of `body` without what is nested too deeply; long integers become text."""
    pieces, kept_until, depth = [], 0, 0
    for token in _TOKENS.finditer(body):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
            if depth == MAX_DEPTH + 1:
                pieces += [body[kept_until : token.start()], TOO_DEEP]
        elif kind == "close":
            if depth == MAX_DEPTH + 1:
                kept_until = token.end()
            depth -= 1
        elif kind == "digits" and depth <= MAX_DEPTH:
            pieces += [body[kept_until : token.start()], b'"', token[0], b'"']
            kept_until = token.end()
    if depth == 0:
        pieces.append(body[kept_until:])
    return pieces


def _garbled() -> GarbledError:
    return GarbledError(
        "Convocore's answer is not JSON, or was cut off.",
        hint="Try again in a minute. If it persists, check CONVOCORE_BASE_URL.",
    )
