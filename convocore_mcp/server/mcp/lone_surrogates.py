"""Lone surrogates in JSON: halves of characters, which JavaScript writes when it cuts a text."""

import re

_ESCAPES = re.compile(
    rb"\\\\"  # an escaped backslash: what follows is no escape
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def without_lone_surrogates(json_text: bytes) -> bytes:
    """A JSON text with U+FFFD in place of each escaped surrogate that is no half of a pair."""
    if b"\\u" not in json_text:
        return json_text
    return _ESCAPES.sub(lambda match: rb"\ufffd" if match[1] else match[0], json_text)
