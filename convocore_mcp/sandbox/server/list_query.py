"""The query of a list request, and the body of its answer."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,300}\Z")
_DEFAULT_LIMIT: Final = 20


class BadRequestError(Exception):
    """A parameter that the API does not accept."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter

    def issues(self, *, with_path: bool) -> list[dict[str, Any]]:
        """The documented `issues`; live answers also name the `path`."""
        issue: dict[str, Any] = {"message": str(self)}
        return [issue | ({"path": [self.parameter]} if with_path else {})]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The valid query of a list request."""

    page: int
    limit: int
    cursor: str | None


def parse_query(pairs: list[tuple[str, str]], *, max_limit: int, with_cursor: bool) -> ListQuery:
    """Read the query string.

    Raises:
        BadRequestError: a parameter is unknown, repeated, not a whole number or out of range.
    """
    known = {"page", "limit", "cursor"} if with_cursor else {"page", "limit"}
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in known:
            raise BadRequestError(f"Unknown parameter: {name}", name)
        if times > 1:
            raise BadRequestError(f"{name} was given {times} times", name)
    parameters = dict(pairs)
    page = _positive_number(parameters, "page", 1)
    limit = min(_positive_number(parameters, "limit", _DEFAULT_LIMIT), max_limit)
    cursor = parameters.get("cursor")
    if with_cursor and page > 1 and cursor is None:
        raise BadRequestError(
            "page > 1 is not supported without a cursor, use nextCursor", "cursor"
        )
    return ListQuery(page, limit, cursor)


def page_body(data: list[Any]) -> dict[str, Any]:
    """The part of a page's body that both dialects have."""
    message = "Conversations retrieved successfully"
    return {"success": True, "message": message, "data": data}


def _positive_number(parameters: dict[str, str], name: str, default: int) -> int:
    if name not in parameters:
        return default
    if not _NUMBER.match(parameters[name]):
        raise BadRequestError(f"Expected a whole number for {name}", name)
    number = int(parameters[name])
    if number < 1:
        raise BadRequestError(f"{name} must be at least 1", name)
    return number
