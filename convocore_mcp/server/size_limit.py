"""Fitting an answer into the limit of characters, by leaving out whole rows or whole fields."""

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import accumulate

from convocore_mcp.server.rendering import compact
from convocore_mcp.server.sanitize import JsonObject

MAX_CHARACTERS = 30_000
"""Characters of one answer. Promised by docs/contract.md, "Rules for every answer"."""
_character_limit: ContextVar[int] = ContextVar("character_limit", default=MAX_CHARACTERS)
"""Characters that the present answer may take, as `character_limit` has set it."""
Entries = list[object] | JsonObject
"""A list in an answer, or an object with any number of keys."""


@contextmanager
def character_limit(characters: int) -> Iterator[None]:
    """Within the block, an answer has at most this many characters.

    Fewer than usual where masking makes the answer longer afterwards; more for an export to a file.
    """
    token = _character_limit.set(characters)
    try:
        yield
    finally:
        _character_limit.reset(token)


def excess(answer: JsonObject, *, reserve: int) -> int:
    """Characters by which `answer` is too long if `reserve` more are still to come."""
    return len(compact(answer)) + reserve - _character_limit.get()


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


def shorten_lists(
    answer: JsonObject,
    lists: Mapping[str, Entries],
    *,
    reserve: int,
    from_start: Container[str] = (),
) -> None:
    """Shorten `lists`, which are parts of `answer`, until it fits: the longest first.

    Each loses its last entries, those named in `from_start` their first ones. Changes the lists.
    """
    sizes = {name: _entry_sizes(entries) for name, entries in lists.items()}
    room = -excess(answer, reserve=reserve) + sum(map(sum, sizes.values()))
    allowed = _equal_share(room, sorted(map(sum, sizes.values())))
    for name, entries in lists.items():
        if sum(sizes[name]) <= allowed:
            continue
        first = name in from_start
        ordered = sizes[name][::-1] if first else sizes[name]
        kept = sum(total <= allowed for total in accumulate(ordered))
        if isinstance(entries, dict):
            for key in list(entries)[kept:]:
                del entries[key]
        elif first:
            del entries[: len(entries) - kept]
        else:
            del entries[kept:]


def _entry_sizes(entries: Entries) -> list[int]:
    """The characters of each entry, with the comma."""
    if isinstance(entries, dict):
        return [len(compact({key: value})) - 1 for key, value in entries.items()]
    return [len(compact(entry)) + 1 for entry in entries]


def _equal_share(room: int, sizes: Sequence[int]) -> float:
    """How long each list may be, if they share `room`; what short lists leave goes to others."""
    for index, size in enumerate(sizes):
        share = max(0.0, room / (len(sizes) - index))
        if size > share:
            return share
        room -= size
    return math.inf


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
