"""Finding and counting conversations as they were at a given change.

Few are looked up by what they are found by, and sorted. Of many, the first are soon come across in
the order that is asked for. Either way few rows are read, however large the mirror is; only the
full-text index lists all that match.
"""

from dataclasses import replace
from enum import Enum, auto
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, and_, false, func, select, true, tuple_

from convocore_mcp.models import Conversation, Filter
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, agents, conversations
from convocore_mcp.store.database.search_tokens import choices, counting, matches
from convocore_mcp.store.read.conditions import as_of, bounds, end, fits, start, unordered, window

INDEX_LOOKUP_LIMIT = 1_000
"""So many are looked up; of more, one in every so many rows fits, and rows are small."""
Key = tuple[float | str, ...]
"""Where a row stands in an order: what the next page begins behind."""
_c = conversations.c
_ORDERS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "newest": (_c.by_newest, _c.id),
    "oldest": (_c.by_oldest, _c.id),
    "score": (_c.by_score, _c.by_newest, _c.id),
    "value": (_c.by_value, _c.by_newest, _c.id),
    "waiting": (_c.by_waiting, _c.by_newest, _c.id),
}
"""All descending, each by an index of its own."""


class Plan(Enum):
    """How what fits is found."""

    INDEX_LOOKUP = auto()
    """By its words and values, which few have; then it is sorted."""
    RANGE_SCAN = auto()
    """Inside the bounds; then it is sorted, as few are left."""
    ORDERED_SCAN = auto()
    """In the order that is asked for, until there are enough."""

    @classmethod
    def of(cls, wanted: Filter, *, matching: int, fitting: int) -> Self:
        """For so many that have the words and values of `wanted`, of which so many fit."""
        if fitting > INDEX_LOOKUP_LIMIT or wanted == Filter():
            return cls.ORDERED_SCAN
        return cls.INDEX_LOOKUP if matching <= INDEX_LOOKUP_LIMIT else cls.RANGE_SCAN


def count(connection: Connection, agent_id: str, wanted: Filter, *, at: int) -> int:
    """How many conversations fit, as they were at change `at`."""
    asked, limits = choices(agent_id, wanted), bounds(wanted)
    if asked is None:
        return 0
    if not asked and not limits:
        return _all(connection, agent_id, at)
    found = None
    if asked and connection.dialect.name == "sqlite":
        found = connection.scalar(counting(asked, at=at)) or 0
        if not found or not limits:
            return found
    few = found is None or found <= INDEX_LOOKUP_LIMIT
    here = fits(connection, agent_id, wanted, at=at, few=few)
    return connection.scalar(select(func.count()).select_from(conversations).where(here)) or 0


def unbounded(wanted: Filter) -> Filter:
    """`wanted` for its words and values alone."""
    return replace(wanted, since=None, until=None, min_score=None)


def _all(connection: Connection, agent_id: str, at: int) -> int:
    """How many there were: as many as now, but for what has happened since."""
    its = _c.agent_id.concat("") == agent_id  # not by the agent's index, which has everything
    number = select(func.count()).select_from(conversations).where(its)
    begun = number.where(_c.valid_from > at, _c.valid_to == CURRENT)
    ended = number.where(
        _c.ended_at.is_not(None), _c.valid_to > at, _c.valid_from <= at, _c.valid_to < CURRENT
    )
    held = connection.scalar(select(agents.c.held).where(agents.c.agent_id == agent_id)) or 0
    return held - (connection.scalar(begun) or 0) + (connection.scalar(ended) or 0)


def find(
    connection: Connection,
    agent_id: str,
    wanted: Filter,
    *,
    sort: str,
    limit: int,
    at: int,
    after: Key | None,
    plan: Plan,
) -> list[tuple[Conversation, Key]]:
    """The conversations that fit, as they were at change `at`, from behind `after` on.

    Each comes with its place in the order. Records are not read.
    """
    order = _ORDERS[sort]
    query = select(*rows.COLUMNS, *(column.label(f"key{i}") for i, column in enumerate(order)))
    if plan is Plan.ORDERED_SCAN:
        query = query.where(as_of(agent_id, at), _ordered_scan(connection, agent_id, wanted, sort))
    else:
        few = plan is Plan.INDEX_LOOKUP
        query = query.where(fits(connection, agent_id, wanted, at=at, few=few))
        order = tuple(map(unordered, order))
    if after is not None:
        query = query.where(tuple_(*order) < after)
    query = query.order_by(*(column.desc() for column in order)).limit(limit)
    found = connection.execute(query).mappings().all()
    return [
        (rows.conversation(row), tuple(row[f"key{i}"] for i in range(len(order)))) for row in found
    ]


def _ordered_scan(
    connection: Connection, agent_id: str, wanted: Filter, sort: str
) -> ColumnElement[bool]:
    """As `fits`, but no condition leads to another index than that of the order."""
    asked = choices(agent_id, wanted)
    if asked is None:
        return false()
    if sort == "oldest":  # the same window, from the other end
        conditions = [_c.by_oldest > UNKNOWN] if wanted.since or wanted.until else []
        if wanted.since is not None:
            conditions.append(_c.by_oldest <= -start(wanted.since))
        if wanted.until is not None:
            conditions.append(_c.by_oldest > -end(wanted.until))
    else:
        newest = _c.by_newest if sort == "newest" else unordered(_c.by_newest)
        conditions = window(newest, wanted)
    if wanted.min_score is not None:
        score = _c.by_score if sort == "score" else unordered(_c.by_score)
        conditions.append(score >= wanted.min_score)
    if asked:
        conditions.append(matches(connection, asked, by_index=False))
    return and_(true(), *conditions)
