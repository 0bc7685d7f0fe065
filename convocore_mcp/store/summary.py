"""The hot leads, in numbers."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from convocore_mcp.models import CLOSED_STAGES, WAITING, HotSummary
from convocore_mcp.store.conditions import within
from convocore_mcp.store.schema import CURRENT, UNKNOWN, conversations, leads

_c, _l = conversations.c, leads.c


def hot_summary(
    connection: Connection,
    agent_id: str,
    threshold: float,
    since: datetime | None,
    until: datetime | None,
) -> HotSummary:
    """Counts and sums over the leads active in the window."""
    window = (_l.agent_id == agent_id, *within(_l.last_activity, since, until))
    closed = func.lower(_l.stage).in_(CLOSED_STAGES)
    everybody = select(func.count().label("considered"), _how_many("closed", closed))
    left_out = select(
        _how_many("tests", _c.is_test), _how_many("blocked", and_(_c.is_blocked, ~_c.is_test))
    ).where(
        _c.agent_id == agent_id,
        _c.until == CURRENT,
        *within(_c.by_newest, since, until),
        *([_c.by_newest > UNKNOWN] if until else []),
        or_(_c.is_test, _c.is_blocked),
    )
    counts: Counter[str] = Counter()
    for query in (everybody.where(*window), left_out):
        counts.update(dict(connection.execute(query).mappings().one()))
    groups = (_l.stage, _l.channel, _l.currency)
    of_hot = {
        "unparsed_values": _l.unparsed,
        "waiting_for_human": _l.state == WAITING,
        "unassigned": _l.assignee.is_(None),
        "overdue": _l.overdue,
    }
    hot = select(
        *groups,
        func.count().label("hot"),
        func.sum(_l.amount).label("amount"),
        *(_how_many(name, true) for name, true in of_hot.items()),
    ).where(*window, _l.heat >= threshold)
    by_stage: Counter[str | None] = Counter()
    by_channel: Counter[str | None] = Counter()
    value: defaultdict[str | None, float] = defaultdict(float)
    for row in connection.execute(hot.group_by(*groups)).mappings():
        by_stage[row["stage"]] += row["hot"]
        by_channel[row["channel"]] += row["hot"]
        if row["amount"] is not None:
            value[row["currency"]] += float(row["amount"])
        counts.update({name: row[name] for name in ("hot", *of_hot)})
    names = ("considered", "closed", "tests", "blocked", "hot", *of_hot)
    return HotSummary(
        by_stage=dict(by_stage),
        by_channel=dict(by_channel),
        value=dict(value),
        **{name: counts[name] for name in names},
    )


def _how_many(name: str, which: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0).label(name)
