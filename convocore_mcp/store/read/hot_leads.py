"""The hot leads: which leads they are, which are nearly hot, and counts and sums over them.

The rules are those of `leads.hotness`. `Lead.hot_score` and `Lead.closed` come from there ready to
compare; what has to be repeated as SQL is `is_hot`, `is_near_miss` and `BY_RANK`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from convocore_mcp.models import HotQuery, HotSummary, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, conversations, leads
from convocore_mcp.store.read.sql_conditions import within
from convocore_mcp.vocabulary import NEAR_MISS_POINTS

_c, _l = conversations.c, leads.c
# PostgreSQL would put unknown values first.
BY_RANK = (_l.score.desc().nulls_last(), _l.last_activity.desc().nulls_last(), _l.lead_id)
"""The order of `leads.hotness.rank`."""


def is_hot(threshold: float) -> ColumnElement[bool]:
    """As `leads.hotness.is_hot`."""
    return _l.hot_score >= threshold


def is_near_miss(threshold: float) -> ColumnElement[bool]:
    """As `leads.hotness.is_near_miss`."""
    nearly = (_l.hot_score >= threshold - NEAR_MISS_POINTS) & (_l.hot_score < threshold)
    return ~_l.closed & or_(nearly, _l.hot_score.is_(None) & (_l.score >= threshold))


def hot(query: HotQuery) -> Sequence[ColumnElement[bool]]:
    """The conditions for the hot leads of `query`."""
    return (*_active(query), is_hot(query.threshold))


def near_misses(query: HotQuery) -> Sequence[ColumnElement[bool]]:
    """The conditions for the near misses of `query`."""
    return (*_active(query), is_near_miss(query.threshold))


def overdue(by: datetime | None) -> Sequence[ColumnElement[bool]]:
    """The condition for leads that are overdue at a moment; none without one."""
    return () if by is None else (_l.overdue_at <= rows.to_milliseconds(by),)


def _active(query: HotQuery) -> Sequence[ColumnElement[bool]]:
    """The conditions for the agent's leads that were active in the window."""
    return (_l.agent_id == query.agent_id, *within(_l.last_activity, query.since, query.until))


def count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """How many leads fulfil `conditions`."""
    return connection.scalar(select(func.count()).select_from(leads).where(*conditions)) or 0


def top(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[Lead]:
    """The first `limit` leads that fulfil `conditions`, by rank."""
    # The inner query can be answered from a covering index alone.
    ids = select(_l.agent_id, _l.lead_id).where(*conditions)
    ids_of_top = ids.order_by(*BY_RANK).limit(limit).subquery()
    same = and_(_l.agent_id == ids_of_top.c.agent_id, _l.lead_id == ids_of_top.c.lead_id)
    statement = select(*rows.LEAD_COLUMNS).join(ids_of_top, same).order_by(*BY_RANK)
    return [rows.to_lead(row) for row in connection.execute(statement).mappings()]


def summary(connection: Connection, query: HotQuery) -> HotSummary:
    """Counts and sums over the leads active in the window."""
    active = select(func.count().label("considered"), _count_where("closed", _l.closed))
    counts: Counter[str] = Counter()
    counts.update(dict(connection.execute(active.where(*_active(query))).mappings().one()))
    counts.update(excluded(connection, [query.agent_id], query.since, query.until))
    groups = (_l.stage, _l.channel, _l.currency)
    conditions = {
        "unparsed_values": _l.unparsed,
        "waiting_for_human": _l.waiting,
        "unassigned": _l.assignee.is_(None),
    }
    by_group = select(
        *groups,
        func.count().label("hot"),
        func.sum(_l.amount).label("amount"),
        *(_count_where(name, condition) for name, condition in conditions.items()),
    ).where(*hot(query))
    by_stage: Counter[str | None] = Counter()
    by_channel: Counter[str | None] = Counter()
    value: defaultdict[str | None, float] = defaultdict(float)
    for row in connection.execute(by_group.group_by(*groups)).mappings():
        by_stage[row["stage"]] += row["hot"]
        by_channel[row["channel"]] += row["hot"]
        if row["amount"] is not None:
            value[row["currency"]] += float(row["amount"])
        counts.update({name: row[name] for name in ("hot", *conditions)})
    names = ("considered", "closed", "tests", "blocked", "hot", *conditions)
    return HotSummary(
        by_stage=dict(by_stage),
        by_channel=dict(by_channel),
        value=dict(value),
        **{name: counts[name] for name in names},
    )


def excluded(
    connection: Connection,
    agents: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> dict[str, int]:
    """Counts the conversations in the window that belong to no lead, by the reason."""
    statement = select(
        _count_where("tests", _c.is_test),
        _count_where("blocked", and_(_c.is_blocked, ~_c.is_test)),
    ).where(
        _c.agent_id.in_(agents),
        _c.valid_to == CURRENT,
        *within(_c.by_newest, since, until),
        *([_c.by_newest > UNKNOWN] if until else []),
        or_(_c.is_test, _c.is_blocked),
    )
    return dict(connection.execute(statement).mappings().one())


def _count_where(name: str, condition: Sql) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)
