"""The hot leads: who they are, who is nearly one, and all of them in numbers."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, or_, select

from convocore_mcp.models import CLOSED_STAGES, WAITING, HotQuery, HotSummary, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, conversations, leads
from convocore_mcp.store.read.conditions import within

NEAR = 10
"""Points of score by which a near miss may miss."""
_c, _l = conversations.c, leads.c


def active(heat: HotQuery) -> Sequence[ColumnElement[bool]]:
    """The agent's leads that were active in the window."""
    return (_l.agent_id == heat.agent_id, *within(_l.last_activity, heat.since, heat.until))


def met(heat: HotQuery) -> Sequence[ColumnElement[bool]]:
    """Those of them that are hot."""
    return (*active(heat), _l.hot_score >= heat.threshold)


def count(connection: Connection, *which: ColumnElement[bool]) -> int:
    """How many leads there are like that."""
    return connection.scalar(select(func.count()).select_from(leads).where(*which)) or 0


def first(connection: Connection, *which: ColumnElement[bool], limit: int) -> list[Lead]:
    """The first of the leads like that, in the order of `leads.heat.rank`."""
    # PostgreSQL would put what is unknown first.
    order = (_l.score.desc().nulls_last(), _l.last_activity.desc().nulls_last(), _l.lead_id)
    # They are found in a narrow copy of the leads, where there is one.
    ids = select(_l.agent_id, _l.lead_id).where(*which).order_by(*order).limit(limit).subquery()
    same = and_(_l.agent_id == ids.c.agent_id, _l.lead_id == ids.c.lead_id)
    query = select(*rows.LEAD_COLUMNS).join(ids, same).order_by(*order)
    return [rows.lead(row) for row in connection.execute(query).mappings()]


def near(heat: HotQuery) -> Sequence[ColumnElement[bool]]:
    """Leads that would be hot but for their label or ten points of score."""
    closed = func.lower(_l.stage).in_(CLOSED_STAGES)
    return (
        *active(heat),
        ~func.coalesce(closed, false()),
        or_(
            _l.hot_score.between(heat.threshold - NEAR, heat.threshold)
            & (_l.hot_score < heat.threshold),
            _l.hot_score.is_(None) & (_l.score >= heat.threshold),
        ),
    )


def summary(connection: Connection, heat: HotQuery) -> HotSummary:
    """Counts and sums over the leads active in the window."""
    closed = func.lower(_l.stage).in_(CLOSED_STAGES)
    everybody = select(func.count().label("considered"), _how_many("closed", closed))
    counts: Counter[str] = Counter()
    for query in (everybody.where(*active(heat)), _left_out(heat)):
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
    ).where(*met(heat))
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


def _left_out(heat: HotQuery) -> Select[int, int]:
    """Conversations in the window that take no part, by why they don't."""
    return select(
        _how_many("tests", _c.is_test), _how_many("blocked", and_(_c.is_blocked, ~_c.is_test))
    ).where(
        _c.agent_id == heat.agent_id,
        _c.valid_to == CURRENT,
        *within(_c.by_newest, heat.since, heat.until),
        *([_c.by_newest > UNKNOWN] if heat.until else []),
        or_(_c.is_test, _c.is_blocked),
    )


def _how_many(name: str, which: ColumnElement[Any]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0).label(name)
