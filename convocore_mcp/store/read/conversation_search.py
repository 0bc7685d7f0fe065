"""Finding and counting conversations as they were at a given change.

Where the words and values of a filter match few conversations, the full-text index finds those, and
they are sorted. Where they match many, an index in the order of the answer is read until there are
enough. Either way few rows are read, however large the mirror is.
"""

from dataclasses import replace
from enum import Enum, auto
from typing import Self

from sqlalchemy import ColumnElement, Connection, and_, false, func, select, true, tuple_

from convocore_mcp.fields.row_query import SortKey
from convocore_mcp.models import Conversation, Filter
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, agents, conversations
from convocore_mcp.store.database.search_tokens import count_in_index
from convocore_mcp.store.read.sql_conditions import (
    bounds,
    end_millisecond,
    first_millisecond,
    in_window,
    meets,
    valid_at,
    without_index,
)
from convocore_mcp.store.read.word_search import filter_search

INDEX_LOOKUP_LIMIT = 1_000
"""Above this many matches, scan the sort index instead of the text index."""
_c = conversations.c
_ORDERS: dict[str, tuple[Sql, ...]] = {
    "newest": (_c.by_newest, _c.id),
    "oldest": (_c.by_oldest, _c.id),
    "score": (_c.by_score, _c.by_newest, _c.id),
    "value": (_c.by_value, _c.by_newest, _c.id),
    "waiting": (_c.by_waiting, _c.by_newest, _c.id),
}
"""The columns of each sort: all descending, each sort with an index of its own."""


class Plan(Enum):
    """How the conversations of a page are found."""

    INDEX_LOOKUP = auto()
    """Find the few conversations with the words and values; then sort them."""
    RANGE_SCAN = auto()
    """Test every conversation inside the bounds; then sort the few that are left."""
    ORDERED_SCAN = auto()
    """Scan the sort index in the order of the answer until the page is full."""

    @classmethod
    def choose(cls, criteria: Filter, *, matching: int, fitting: int) -> Self:
        """The plan for `matching` conversations with the words and values, `fitting` in all."""
        if fitting > INDEX_LOOKUP_LIMIT or criteria == Filter():
            return cls.ORDERED_SCAN
        return cls.INDEX_LOOKUP if matching <= INDEX_LOOKUP_LIMIT else cls.RANGE_SCAN


def count(connection: Connection, agent_id: str, criteria: Filter, *, at: int) -> int:
    """How many conversations met `criteria` as of sequence number `at`."""
    search, limits = filter_search(connection, agent_id, criteria), bounds(criteria)
    if search is None:
        return 0
    if search.is_empty and not limits:
        return _count_all(connection, agent_id, at)
    in_index = None
    tokens = search.tokens if search.versions is None else None
    if tokens is not None and connection.dialect.name == "sqlite":
        in_index = connection.scalar(count_in_index(tokens, at=at)) or 0
        if not in_index or not limits:
            return in_index
    by_index = in_index is None or in_index <= INDEX_LOOKUP_LIMIT
    condition = meets(connection, agent_id, criteria, at=at, by_index=by_index)
    return connection.scalar(select(func.count()).select_from(conversations).where(condition)) or 0


def without_bounds(criteria: Filter) -> Filter:
    """`criteria` reduced to words and values."""
    return replace(criteria, since=None, until=None, min_score=None)


def _count_all(connection: Connection, agent_id: str, at: int) -> int:
    """How many conversations there were: as many as now, less the changes since."""
    # Not by an index on the agent, which would find every row.
    of_agent = without_index(_c.agent_id) == agent_id
    versions = select(func.count()).select_from(conversations).where(of_agent)
    added = versions.where(_c.valid_from > at, _c.valid_to == CURRENT)
    ended = versions.where(
        _c.ended_at.is_not(None), _c.valid_to > at, _c.valid_from <= at, _c.valid_to < CURRENT
    )
    a = agents.c
    now = connection.scalar(select(a.conversation_count).where(a.agent_id == agent_id)) or 0
    return now - (connection.scalar(added) or 0) + (connection.scalar(ended) or 0)


def find(
    connection: Connection,
    agent_id: str,
    criteria: Filter,
    *,
    sort: str,
    limit: int,
    at: int,
    after: SortKey | None,
    plan: Plan,
) -> list[tuple[Conversation, SortKey]]:
    """The conversations that met `criteria` as of sequence number `at`, after sort key `after`.

    Each comes with its sort key. Records are not read.
    """
    order = _ORDERS[sort]
    query = select(*rows.COLUMNS, *(column.label(f"key{i}") for i, column in enumerate(order)))
    if plan is Plan.ORDERED_SCAN:
        scan = _ordered_scan(connection, agent_id, criteria, sort)
        query = query.where(valid_at(agent_id, at), scan)
    else:
        by_index = plan is Plan.INDEX_LOOKUP
        query = query.where(meets(connection, agent_id, criteria, at=at, by_index=by_index))
        order = tuple(map(without_index, order))
    if after is not None:
        query = query.where(tuple_(*order) < after)
    query = query.order_by(*(column.desc() for column in order)).limit(limit)
    keys = [f"key{i}" for i in range(len(order))]
    return [
        (rows.to_conversation(row), tuple(row[key] for key in keys))
        for row in connection.execute(query).mappings().all()
    ]


def _ordered_scan(
    connection: Connection, agent_id: str, criteria: Filter, sort: str
) -> ColumnElement[bool]:
    """Like `meets`, but in a form for which only the index of the sort can be used."""
    search = filter_search(connection, agent_id, criteria)
    if search is None:
        return false()
    if sort == "oldest":  # the same window, with signs changed
        conditions = [_c.by_oldest > UNKNOWN] if criteria.since or criteria.until else []
        if criteria.since is not None:
            conditions.append(_c.by_oldest <= -first_millisecond(criteria.since))
        if criteria.until is not None:
            conditions.append(_c.by_oldest > -end_millisecond(criteria.until))
    else:
        newest = _c.by_newest if sort == "newest" else without_index(_c.by_newest)
        conditions = in_window(newest, criteria)
    if criteria.min_score is not None:
        score = _c.by_score if sort == "score" else without_index(_c.by_score)
        conditions.append(score >= criteria.min_score)
    conditions.append(search.condition(connection, by_index=False))
    return and_(true(), *conditions)
