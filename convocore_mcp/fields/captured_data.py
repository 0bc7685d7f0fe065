"""What was captured in a conversation, by name, and without secrets.

Convocore gives captured variables no schema. Two shapes have been seen: an object, and a list of
objects with `name` and `value`. Anything else has no name and is called `captured_variables`.

Source: docs/contract.md, "Fields"; docs/upstream.md, "The list endpoint".
"""

from collections.abc import Iterator, Mapping

from convocore_mcp.fields.secrets.secret_names import without_secrets
from convocore_mcp.words.folding import fold
from convocore_mcp.words.visible_text import visible

CAPTURED = "captured_variables"
"""The name of captured variables that have no names of their own."""

MAX_DATA_LENGTH = 20_000
"""Characters of a captured value that are compared."""


def captured_data(captured: object, extracted: Mapping[str, object] | None) -> dict[str, object]:
    """The extracted values, then the captured ones, which win where both have a name.

    What is empty or secret is left out.
    """
    found = named_data(captured, extracted)
    return without_secrets(found, inside=CAPTURED) if found else found


def named_data(captured: object, extracted: Mapping[str, object] | None) -> dict[str, object]:
    """The same of values from which secrets have been taken out already."""
    found = {name: value for name, value in (extracted or {}).items() if not _is_empty(value)}
    for name, value in _named(captured):
        if not _is_empty(value):
            found.pop(name, None)
            found[name] = value
    return found


def folded_name(name: str) -> str:
    """The name of a captured variable as it is compared: without case, accents and quotes."""
    shown = visible(name)
    if len(shown) > 2 and shown[0] == shown[-1] and shown[0] in "\"'":
        shown = shown[1:-1].strip()  # in conditions, quotes around a name are optional
    return shown.lower() if shown.isascii() else fold(shown)


def is_cut(value: object) -> bool:
    """Whether a captured value is longer than what is compared of it."""
    if isinstance(value, list | dict):
        value = str(value)
    return isinstance(value, str) and len(value) > MAX_DATA_LENGTH


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
