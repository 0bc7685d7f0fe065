"""Arguments of a tool as they are typed in a shell: `key=value`, a repeated key makes a list."""

from collections.abc import Iterable

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.tools import TOOLS


def read_pairs(pairs: Iterable[str]) -> JsonObject:
    """The arguments that `pairs` of `key=value` make; each value stays a text.

    Raises:
        InvalidArgumentError: one of them has no `=`.
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidArgumentError(
                f"{pair[:60]!r} is no argument.",
                hint="Write key=value, e.g. stage=proposal or where='value>10000'; "
                "a key may be given several times.",
            )
        found.setdefault(name.strip(), []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def tool_names(incomplete: str) -> list[str]:
    """The tools whose name begins with `incomplete`, for shell completion."""
    return [fn.__name__ for fn, _ in TOOLS if fn.__name__.startswith(incomplete)]
