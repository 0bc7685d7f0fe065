"""The types of tool arguments: what the schema says, and what is read more kindly than it says."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from convocore_mcp.errors import InvalidArgumentError


def _several(value: object) -> object:
    """One bare value is a list of it."""
    return [value] if isinstance(value, str) else value


def _several_lower(value: object) -> object:
    found = _several(value)
    if not isinstance(found, list):
        return found
    return [item.strip().lower() if isinstance(item, str) else item for item in found]


MANY = 20
"""Values one filter takes."""
Many = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    BeforeValidator(_several),
    Field(
        max_length=MANY,
        json_schema_extra=lambda s: s["items"].clear() or s["items"].update(type="string"),
    ),  # noqa: E501
]
Labels = Annotated[
    list[Literal["hot", "warm", "cold"]], BeforeValidator(_several_lower), Field(max_length=MANY)
]
Attention = Annotated[
    list[Literal["waiting_for_human", "unassigned", "overdue", "stale"]],
    BeforeValidator(_several_lower),
    Field(max_length=MANY),
]
Sort = Literal["newest", "oldest", "score", "value", "waiting"]
Detail = Literal["brief", "full"]
Score = Annotated[float, Field(ge=0, le=100, strict=True)]
Text = Annotated[str, Field(max_length=500)]


def known(name: str, asked: Iterable[str], valid: Iterable[str]) -> tuple[str, ...]:
    """`asked` as they are spelt in `valid`, which holds every value there is.

    Raises:
        InvalidArgumentError: one of them is not among `valid`.
    """
    spelt = {value.casefold(): value for value in valid}
    found = []
    for value in asked:
        if value.strip().casefold() not in spelt:
            raise InvalidArgumentError(
                f"{name}: {value[:60]!r} does not exist.",
                hint=f"Valid {name}: {', '.join(spelt.values())}.",
            )
        found.append(spelt[value.strip().casefold()])
    return tuple(dict.fromkeys(found))
