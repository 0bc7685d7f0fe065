"""What a list request may ask for, and the envelope its answer comes in."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,300}\Z")
_DEFAULT_LIMIT: Final = 20


class Refusal(Exception):  # noqa: N818 - it is what the caller gets, not what went wrong
    """A parameter the API does not accept."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter

    def issues(self, *, with_path: bool) -> list[dict[str, Any]]:
        """The documented `issues`; live answers also name the `path`."""
        issue: dict[str, Any] = {"message": str(self)}
        return [issue | ({"path": [self.parameter]} if with_path else {})]


@dataclass(frozen=True, slots=True)
class Query:
    """A list request that made sense."""

    page: int
    limit: int
    cursor: str | None


def query_of(pairs: list[tuple[str, str]], *, max_limit: int, with_cursor: bool) -> Query:
    """Read the query string.

    Raises:
        Refusal: a parameter is unknown, given twice, no whole number or out of range.
    """
    known = {"page", "limit", "cursor"} if with_cursor else {"page", "limit"}
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in known:
            raise Refusal(f"Unknown parameter: {name}", name)
        if times > 1:
            raise Refusal(f"{name} was given {times} times", name)
    given = dict(pairs)
    page = _whole(given, "page", 1)
    limit = min(_whole(given, "limit", _DEFAULT_LIMIT), max_limit)
    cursor = given.get("cursor")
    if with_cursor and page > 1 and cursor is None:
        raise Refusal("page > 1 is not supported without a cursor, use nextCursor", "cursor")
    return Query(page, limit, cursor)


def envelope(data: list[Any]) -> dict[str, Any]:
    """What every page has, in either dialect."""
    message = "Conversations retrieved successfully"
    return {"success": True, "message": message, "data": data}


def _whole(given: dict[str, str], name: str, default: int) -> int:
    if name not in given:
        return default
    if not _NUMBER.match(given[name]):
        raise Refusal(f"Expected a whole number for {name}", name)
    number = int(given[name])
    if number < 1:
        raise Refusal(f"{name} must be at least 1", name)
    return number
