"""Conditions on conversations and leads, as SQL."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, false

from convocore_mcp.models import Filter
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.columns import Sql, Text
from convocore_mcp.store.database.schema import UNKNOWN, conversations
from convocore_mcp.store.read.word_search import filter_search

LAST_CHARACTER = "\U0010ffff"
"""Sorts after every character: `prefix` to `prefix + LAST_CHARACTER` is the range of a prefix."""
_c = conversations.c


def valid_at(agent_id: str, at: int) -> ColumnElement[bool]:
    """The agent's versions that were valid at change `at`."""
    # Nearly all versions are valid, so an index on `valid_to` would not help; and SQLite would lose
    # the order of the answer if it chose one.
    valid_to = without_index(_c.valid_to)
    return and_(_c.agent_id == agent_id, _c.valid_from <= at, valid_to > at)


def meets(
    connection: Connection, agent_id: str, criteria: Filter, *, at: int, by_index: bool
) -> ColumnElement[bool]:
    """The versions that meet `criteria` and were valid at change `at`.

    `by_index` finds them by words and values, for criteria that few conversations have. Otherwise
    the versions inside the bounds are tested.
    """
    search = filter_search(connection, agent_id, criteria)
    if search is None:
        return false()
    found = search.condition(connection, by_index=by_index)
    if search.is_empty or not by_index:
        return and_(valid_at(agent_id, at), *bounds(criteria), found)
    # No index but the full-text index may serve here: every other one would find more rows.
    valid = and_(
        without_index(_c.agent_id) == agent_id,
        without_index(_c.valid_from) <= at,
        without_index(_c.valid_to) > at,
    )
    return and_(valid, *bounds(criteria), found)


def without_index(column: Sql) -> Sql:
    """The value of `column`, as an expression for which no engine uses an index."""
    return column.concat("") if isinstance(column.type, Text) else column + 0


def starts_with(column: Sql, prefix: str) -> ColumnElement[bool]:
    """Whether `column` starts with `prefix`, as a range that an index can serve."""
    return and_(column >= prefix, column < prefix + LAST_CHARACTER)


def first_millisecond(since: datetime) -> int:
    """The first millisecond that belongs to a window that starts at `since`."""
    return rows.to_milliseconds(since) or 0


def end_millisecond(until: datetime) -> int:
    """The first millisecond after a window: its end is a second, and that second belongs to it."""
    return (rows.to_milliseconds(until) or 0) + 1000


def within(
    column: Sql, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """The conditions that `column` lies in the window."""
    conditions = []
    if since is not None:
        conditions.append(column >= first_millisecond(since))
    if until is not None:
        conditions.append(column < end_millisecond(until))
    return conditions


def in_window(by_newest: Sql, criteria: Filter) -> list[ColumnElement[bool]]:
    """The conditions on the last activity; in `by_newest`, `UNKNOWN` stands for none."""
    known = [] if criteria.until is None else [by_newest > UNKNOWN]
    return [*within(by_newest, criteria.since, criteria.until), *known]


def has_text(column: Sql, text: str) -> ColumnElement[bool]:
    """Whether `text` occurs in `column`; no character in it is a wildcard."""
    return column.contains(text, autoescape=True)


def bounds(criteria: Filter) -> list[ColumnElement[bool]]:
    """The conditions of `criteria` on numbers: the window and the score."""
    score = [] if criteria.min_score is None else [_c.by_score >= criteria.min_score]
    return [*in_window(_c.by_newest, criteria), *score]
