"""What was captured in a conversation, by name, and without secrets.

Convocore gives captured variables no schema. Seen are an object, and a list of objects with `name`
and `value`; anything else has no name of its own and is called `captured_variables`.

Source: docs/contract.md, "Fields"; docs/upstream.md, "The list endpoint".
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from convocore_mcp.words.folding import fold
from convocore_mcp.words.visible_text import visible

CAPTURED = "captured_variables"
"""The name of captured variables that have no names of their own."""
_SECRET = re.compile(
    r"""session_?key|secret|passw|api_?key|private_?key|credential|authoriz|cookie|bearer|jwt
      | (?:access|refresh|auth|id|session)_?token|token$
      | recording|listen_?url|^ip$|ip_?addr""",
    re.VERBOSE | re.IGNORECASE,
)
"""Names of fields that never leave, at any depth: keys, tokens, addresses, recordings."""


def captured_data(captured: object, extracted: Mapping[str, object] | None) -> dict[str, object]:
    """The extracted values, then the captured ones, which win where both have a name.

    What is empty or secret is left out.
    """
    found = {name: value for name, value in (extracted or {}).items() if not _is_empty(value)}
    for name, value in _named(captured):
        if not _is_empty(value):
            found.pop(name, None)
            found[name] = value
    return without_secrets(found) if found else found


def folded_name(name: str) -> str:
    """The name of a captured variable as it is compared: without case, accents and quotes."""
    shown = visible(name)
    if len(shown) > 2 and shown[0] == shown[-1] and shown[0] in "\"'":
        shown = shown[1:-1].strip()  # in conditions, quotes around a name are optional
    return shown.lower() if shown.isascii() else fold(shown)


def without_secrets(record: Mapping[str, object]) -> dict[str, object]:
    """`record` without fields that hold secrets or could be used to watch the visitor."""
    return {
        name: _without_inner_secrets(value) if isinstance(value, dict | list) else value
        for name, value in record.items()
        if not _is_secret(name)
    }


@lru_cache(maxsize=1024)  # the same few names come with every conversation
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def _named(captured: object) -> Iterator[tuple[str, object]]:
    if isinstance(captured, dict):
        yield from captured.items()
        return
    rest = captured
    if isinstance(captured, list):
        yield from ((item["name"], item.get("value")) for item in captured if _is_named(item))
        rest = [item for item in captured if not _is_named(item)]
    yield CAPTURED, rest


def _is_named(item: object) -> bool:
    """Whether it is one variable of a list: an object with its name and its value."""
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def _is_empty(value: object) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _without_inner_secrets(value: object) -> object:
    if isinstance(value, dict):
        return without_secrets(value)
    if isinstance(value, list):
        return [
            _without_inner_secrets(item)
            for item in value
            if not (_is_named(item) and _is_secret(item["name"]))
        ]
    return value
