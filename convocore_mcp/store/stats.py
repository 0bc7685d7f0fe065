"""Counting and adding up conversations and their leads, by group."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select

from convocore_mcp.models import WAITING, Filter, Group
from convocore_mcp.store.engine import Database
from convocore_mcp.store.queries import as_of, fits
from convocore_mcp.store.schema import conversations, counter, leads

_c, _l = conversations.c, leads.c
COLUMNS: dict[str, ColumnElement[Any]] = {
    name: _c[name]
    for name in (
        "stage", "channel", "state", "label", "country", "language", "assignee", "source", "model",
    )
}  # fmt: skip
"""What conversations can be grouped by."""


def stats(
    database: Database, agent_id: str, wanted: Filter, group_by: Sequence[str], *, hot_from: float
) -> list[Group]:
    """One `Group` for each combination of values of `group_by` that occurs.

    A lead is counted, and its value added, in each group in which it has a conversation.
    """
    with database.reading() as connection:
        at = connection.execute(select(counter.c.seq)).scalar_one()
        here = and_(as_of(agent_id, at), fits(agent_id, wanted))
        keys = [COLUMNS[name].label(f"key{i}") for i, name in enumerate(group_by)]
        names = [f"key{i}" for i in range(len(keys))]
        groups: dict[tuple[Any, ...], Group] = defaultdict(lambda: Group(()))

        talks = select(
            *keys,
            func.count().label("conversations"),
            func.sum(_c.messages).label("messages"),
            func.sum(_c.tokens).label("tokens"),
            func.sum(_c.usd).label("usd"),
            func.avg(_c.rating).label("rating_avg"),
            func.sum(case((_c.state == WAITING, 1), else_=0)).label("waiting_for_human"),
        ).where(here)
        for row in connection.execute(talks.group_by(*keys) if keys else talks).mappings():
            key = tuple(row[name] for name in names)
            groups[key] = Group(
                keys=key,
                conversations=row["conversations"],
                messages=row["messages"] or 0,
                tokens=row["tokens"] or 0,
                usd=float(row["usd"] or 0),
                rating_avg=None if row["rating_avg"] is None else float(row["rating_avg"]),
                waiting_for_human=row["waiting_for_human"] or 0,
            )

        people = select(*keys, _c.lead_id).where(here, _c.lead_id.is_not(None)).distinct()
        of = people.subquery()
        by = [of.c[name] for name in names]
        joined = of.join(leads, and_(_l.agent_id == agent_id, _l.lead_id == of.c.lead_id))
        hot = case((_l.heat >= hot_from, 1), else_=0)
        unparsed = case((_l.unparsed, 1), else_=0)
        sums = select(
            *by,
            _l.currency.label("currency"),
            func.count().label("leads"),
            func.sum(hot).label("hot"),
            func.sum(unparsed).label("unparsed"),
            func.sum(_l.amount).label("amount"),
        ).select_from(joined)
        for row in connection.execute(sums.group_by(*by, _l.currency)).mappings():
            key = tuple(row[name] for name in names)
            group, amount = groups[key], row["amount"]
            money = {} if amount is None else {row["currency"]: float(amount)}
            groups[key] = replace(
                group,
                leads=group.leads + row["leads"],
                hot=group.hot + row["hot"],
                unparsed_values=group.unparsed_values + row["unparsed"],
                value=group.value | money,
            )
    return list(groups.values())
