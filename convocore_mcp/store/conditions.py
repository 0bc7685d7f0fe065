"""Conditions on conversations and leads, as SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, true

from convocore_mcp.models import Filter
from convocore_mcp.store import rows
from convocore_mcp.store.schema import UNKNOWN, conversations
from convocore_mcp.store.search import choices, matches

_c = conversations.c


def as_of(agent_id: str, at: int) -> ColumnElement[bool]:
    """The versions that held at change `at`."""
    # Nearly all hold: as a sum, `until` never leads SQLite to an index that is not in order.
    return and_(_c.agent_id == agent_id, _c.seq <= at, _c.until + 0 > at)


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


def fits(connection: Connection, agent_id: str, wanted: Filter) -> ColumnElement[bool]:
    """The versions that `wanted` asks for, looked up by its words and values if it has any."""
    asked = choices(agent_id, wanted)
    if asked is None:
        return false()
    return and_(true(), *bounds(wanted), *([matches(connection, asked)] if asked else []))


def bounds(wanted: Filter) -> list[ColumnElement[bool]]:
    """What `wanted` asks for in numbers: the window and the score."""
    scored = [] if wanted.min_score is None else [_c.by_score >= wanted.min_score]
    return [*window(_c.by_newest, wanted), *scored]
