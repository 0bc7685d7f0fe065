"""Fitting an answer into the limit of characters, by leaving out whole rows or whole fields."""

from collections.abc import Sequence

from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject

MAX_CHARACTERS = 30_000
"""Characters of one answer. Promised by docs/contract.md, "Rules for every answer"."""


def excess(answer: JsonObject, *, reserve: int) -> int:
    """Characters by which `answer` is too long if `reserve` more are still to come."""
    return len(compact(answer)) + reserve - MAX_CHARACTERS


def fitting_rows(rows: Sequence[JsonObject], *, room: int) -> int:
    """How many of `rows`, from the first on, fit into `room` characters; at least one does."""
    used = 0
    for count, row in enumerate(rows):
        used += len(compact(row)) + 1
        if used > room:
            return max(count, 1)
    return len(rows)


def rows_within_limit(answer: JsonObject, field: str, *, reserve: int) -> int:
    """How many rows of the list `field` the answer may keep, with `reserve` characters to come."""
    rows = answer[field]
    if excess(answer, reserve=reserve) <= 0:
        return len(rows)
    return fitting_rows(rows, room=-excess(answer | {field: []}, reserve=reserve))


def shorten_rows(answer: JsonObject, field: str, *, reserve: int) -> JsonObject:
    """`answer` with the last rows of the list `field` dropped where it is too long.

    A note in its `freshness` tells how many rows are left.
    """
    rows = answer[field]
    count = rows_within_limit(answer, field, reserve=reserve)
    if count == len(rows):
        return answer
    note = (
        f"{count} of {len(rows)} {field} are shown: an answer has at most "
        f"{MAX_CHARACTERS:,} characters."
    )
    freshness = answer["freshness"]
    noted = freshness | {"notes": [*freshness.get("notes", []), note]}
    return answer | {field: rows[:count], "freshness": noted}


def shorten_fields(
    answer: JsonObject, part: str, order: Sequence[str], *, reserve: int
) -> list[str]:
    """Shorten fields of the object `part` of `answer`, in this order, until it fits.

    A list keeps its first rows, any other field is dropped. Changes `answer`; returns the fields
    that were shortened.
    """
    fields, shortened = answer[part], []
    for name in order:
        over = excess(answer, reserve=reserve)
        if over <= 0:
            break
        if name not in fields:
            continue
        if isinstance(rows := fields[name], list):
            room = max(0, len(compact(rows)) - over)
            fields[name] = rows[: fitting_rows(rows, room=room)]
        else:
            del fields[name]
        shortened.append(name)
    return shortened


def drop_largest_fields(answer: JsonObject, *, reserve: int) -> dict[str, int]:
    """Drop whole fields, the largest first, until `answer` fits.

    Changes `answer`; returns how many characters each dropped field had.
    """
    sizes = {name: len(compact(value)) for name, value in answer.items()}
    dropped: dict[str, int] = {}
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if excess(answer, reserve=reserve) <= 0:
            break
        del answer[name]
        dropped[name] = sizes[name]
    return dropped
