"""Conditions on conversations and leads, as SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false

from convocore_mcp.models import Filter
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import UNKNOWN, conversations
from convocore_mcp.store.database.search_tokens import choices, matches

_c = conversations.c


def as_of(agent_id: str, at: int) -> ColumnElement[bool]:
    """The versions that held at change `at`."""
    # Nearly all hold: as a sum, `until` never leads SQLite to an index that is not in order.
    return and_(_c.agent_id == agent_id, _c.valid_from <= at, _c.valid_to + 0 > at)


def fits(
    connection: Connection, agent_id: str, wanted: Filter, *, at: int, few: bool
) -> ColumnElement[bool]:
    """The versions that `wanted` asks for and that held at change `at`.

    `few` says that its words and values find few: then those are looked up. Otherwise what is
    inside its bounds is tried.
    """
    asked = choices(agent_id, wanted)
    if asked is None:
        return false()
    if not asked:
        return and_(as_of(agent_id, at), *bounds(wanted))
    found = matches(connection, asked, by_index=few)
    if not few:
        return and_(as_of(agent_id, at), *bounds(wanted), found)
    # As sums and texts: all but the words and values lead to more rows.
    here = and_(
        unordered(_c.agent_id) == agent_id, unordered(_c.valid_from) <= at, _c.valid_to + 0 > at
    )
    return and_(here, *bounds(wanted), found)


def unordered(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value, but no engine knows an index in whose order it stands."""
    return column.concat("") if isinstance(column.type, Text) else column + 0


def start(since: datetime) -> int:
    """The first millisecond that belongs to a window."""
    return rows.milliseconds(since) or 0


def end(until: datetime) -> int:
    """The first that no longer does: bounds are whole seconds, and all of the last one belongs."""
    return (rows.milliseconds(until) or 0) + 1000


def within(
    column: ColumnElement[Any], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """What holds of `column` inside the window."""
    bounds = []
    if since is not None:
        bounds.append(column >= start(since))
    if until is not None:
        bounds.append(column < end(until))
    return bounds


def window(newest: ColumnElement[Any], wanted: Filter) -> list[ColumnElement[bool]]:
    """What `wanted` asks of a conversation's last activity, in which `UNKNOWN` stands for none."""
    known = [] if wanted.until is None else [newest > UNKNOWN]
    return [*within(newest, wanted.since, wanted.until), *known]


def occurs(column: ColumnElement[Any], term: str) -> ColumnElement[bool]:
    """Whether `term` is somewhere in `column`, taken literally."""
    return column.contains(term, autoescape=True)


def bounds(wanted: Filter) -> list[ColumnElement[bool]]:
    """What `wanted` asks for in numbers: the window and the score."""
    scored = [] if wanted.min_score is None else [_c.by_score >= wanted.min_score]
    return [*window(_c.by_newest, wanted), *scored]
