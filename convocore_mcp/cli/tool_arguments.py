"""Arguments of a tool as they are typed in a shell: `key=value`, a repeated key makes a list."""

from collections.abc import Iterable
from typing import Annotated

import typer

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.tools import TOOLS

Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Arguments of the tool; of an export, the filters, sort and fields of its list. "
        "E.g. since=30d where='value>10000' fields=name. A key that is given several times "
        "makes a list.",
    ),
]


def read_pairs(pairs: Iterable[str] | None, *, also: str = "") -> JsonObject:
    """The arguments that `pairs` of `key=value` make; each value stays a text.

    `also` is what else the command's caller may have meant.

    Raises:
        InvalidArgumentError: one of them has no `=`.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidArgumentError(
                f"{pair[:60]!r} is no argument.",
                hint="Write key=value, e.g. stage=proposal or where='value>10000'; a key that is "
                f"given several times makes a list.{also}",
            )
        found.setdefault(name.strip(), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def repeat_hint(given: JsonObject, complaint: str) -> str:
    """How to give several values, where `complaint` is about one that holds them all."""
    for name, value in given.items():
        if isinstance(value, str) and "," in value and complaint.startswith(f"{name}: "):
            repeated = " ".join(f"{name}={part.strip()}" for part in value.split(",")[:3])
            return f"\nSeveral values make a list when the key is repeated: {repeated[:200]}"
    return ""


def tool_names(incomplete: str) -> list[str]:
    """The tools whose name begins with `incomplete`, for shell completion."""
    return [fn.__name__ for fn, _ in TOOLS if fn.__name__.startswith(incomplete)]
