"""Reads arguments leniently: in another JSON type, where their meaning is plain.

Models send text for a number, one value for a list, and `null` for what they leave out. A number or
a boolean as text, `10.0` for an integer, one bare value or a JSON-encoded list for a list, blanks
around a text, and the case of enumerated values are read as what they mean. Everything else stays
as it is, and the schema refuses it.

Source: docs/contract.md, "Rules for every answer".
"""

import contextlib
import json

from convocore_mcp.server.sanitize import JsonObject

_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})
_BRACKET = "["
MAX_NUMBER_LENGTH = 20
"""Characters of a text that is read as a number."""


def read_leniently(arguments: JsonObject, schemas: JsonObject) -> JsonObject:
    """`arguments` in the types of `schemas`, which maps each argument's name to its JSON Schema.

    An argument that is `null` or a blank text is left out, and so is such an item of a list.
    """
    found: JsonObject = {}
    for name, value in arguments.items():
        schema = schemas.get(name)
        read = value if schema is None else _read(value, schema)
        if read is not None:
            found[name] = read
    return found


def _read(value: object, schema: JsonObject) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    match schema.get("type"):
        case "array":
            return _read_list(value, schema.get("items", {}))
        case "integer" | "number":
            return _read_number(value)
        case "boolean":
            return _read_flag(value)
        case "string":
            return _read_text(value, schema)
    return value


def _read_list(value: object, items: JsonObject) -> object:
    if isinstance(value, str) and value.lstrip().startswith(_BRACKET):
        # A text that begins with a bracket and is not JSON is one bare value.
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    values = value if isinstance(value, list) else [value]
    return [read for item in values if (read := _read(item, items)) is not None]


def _read_number(value: object) -> object:
    if isinstance(value, str) and len(text := value.strip()) <= MAX_NUMBER_LENGTH:
        try:
            value = float(text)
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _read_flag(value: object) -> object:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    return value


def _read_text(value: object, schema: JsonObject) -> object:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = str(_read_number(value))
    if not isinstance(value, str):
        return value
    text = value.strip()
    word = text.casefold()
    return next((choice for choice in schema.get("enum", ()) if choice.casefold() == word), text)
