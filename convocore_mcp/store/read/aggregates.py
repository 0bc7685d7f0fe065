"""Counting and adding up conversations and their leads, by group."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import FromClause, Subquery

from convocore_mcp.models import WAITING, Filter, Group
from convocore_mcp.store.database.schema import conversations, counter, leads
from convocore_mcp.store.read import conversation_search
from convocore_mcp.store.read.conditions import fits, unordered

_c, _l = conversations.c, leads.c
_DAY = 86_400_000
_COLUMNS: dict[str, ColumnElement[Any]] = {
    name: _c[name]
    for name in (
        "channel", "stage", "state", "label", "country", "language", "assignee", "source", "model",
    )
} | {
    "tag": literal_column("one_tag.value", Text),
    # Whole days since 1970; weeks begin on Monday, and 1970 began on a Thursday.
    "day": _c.last_activity // _DAY,
    "week": (_c.last_activity // _DAY + 3) // 7,
}  # fmt: skip


def _day(number: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number):%Y-%m-%d}"


def _week(number: int) -> str:
    monday = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=7 * number - 3)
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


_NAMES: dict[str, Callable[[int], str]] = {"day": _day, "week": _week}


def stats(
    connection: Connection,
    agent_id: str,
    wanted: Filter,
    group_by: Sequence[str],
    *,
    hot_from: float,
) -> list[Group]:
    """One `Group` for each combination of values of `group_by` that occurs.

    A lead is counted, and its value added, in each group in which it has a conversation; so is a
    conversation with several tags in the group of each.
    """
    here = _here(connection, agent_id, wanted)
    table: FromClause = conversations
    if "tag" in group_by:
        table = table.outerjoin(_tags(connection), true())
    keys = [_column(connection, name).label(f"key{i}") for i, name in enumerate(group_by)]
    people = select(*keys, _c.lead_id).select_from(table).where(here, _c.lead_id.is_not(None))
    # Without a question, each lead has a conversation that fits.
    everybody = wanted == Filter() and not keys
    of = None if everybody else people.distinct().subquery()
    groups = _people(connection, agent_id, of, hot_from)
    for key, group in _talks(connection, keys, table, here).items():
        of_people = groups[key]
        groups[key] = replace(
            group,
            leads=of_people.leads,
            hot=of_people.hot,
            value=of_people.value,
            unparsed_values=of_people.unparsed_values,
        )
    return [replace(group, keys=_named(group_by, key)) for key, group in groups.items()]


def _here(connection: Connection, agent_id: str, wanted: Filter) -> ColumnElement[bool]:
    """What fits now: the few that are looked up, else a narrow copy of everything is tried."""
    at = connection.execute(select(counter.c.sequence_number)).scalar_one()
    matching = conversation_search.count(
        connection, agent_id, conversation_search.unbounded(wanted), at=at
    )
    return fits(
        connection, agent_id, wanted, at=at, few=matching <= conversation_search.INDEX_LOOKUP_LIMIT
    )


def _tags(connection: Connection) -> FromClause:
    """The tags of each conversation, one in a row."""
    if connection.dialect.name == "sqlite":
        return func.json_each(_c.tag_keys).table_valued("value", name="one_tag")
    unfolded = func.jsonb_array_elements_text(cast(_c.tag_keys, JSONB))
    return unfolded.table_valued("value").lateral("one_tag")


def _column(connection: Connection, name: str) -> ColumnElement[Any]:
    if name != "month":
        return _COLUMNS[name]
    seconds = _c.last_activity // 1000
    if connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m", seconds, "unixepoch")
    return func.to_char(func.timezone("UTC", func.to_timestamp(seconds)), "YYYY-MM")


def _named(group_by: Sequence[str], key: Sequence[Any]) -> tuple[str | None, ...]:
    return tuple(
        None if value is None else _NAMES.get(name, str)(value)
        for name, value in zip(group_by, key, strict=True)
    )


def _talks(
    connection: Connection,
    keys: Sequence[ColumnElement[Any]],
    table: FromClause,
    here: ColumnElement[bool],
) -> dict[tuple[Any, ...], Group]:
    """What adds up over conversations."""
    query = select(
        *keys,
        func.count().label("conversations"),
        func.sum(_c.messages).label("messages"),
        func.sum(_c.tokens).label("tokens"),
        func.sum(_c.usd).label("usd"),
        func.avg(_c.rating).label("rating"),
        func.sum(case((_c.state == WAITING, 1), else_=0)).label("waiting"),
    )
    query = query.select_from(table).where(here)
    found = connection.execute(query.group_by(*keys) if keys else query).mappings()
    return {
        tuple(row[key.name] for key in keys): Group(
            keys=(),
            conversations=row["conversations"],
            messages=int(row["messages"] or 0),
            tokens=int(row["tokens"] or 0),
            usd=float(row["usd"] or 0),
            rating_avg=None if row["rating"] is None else float(row["rating"]),
            waiting_for_human=row["waiting"] or 0,
        )
        for row in found
    }


def _people(
    connection: Connection, agent_id: str, of: Subquery | None, hot_from: float
) -> dict[tuple[Any, ...], Group]:
    """What adds up over leads, each once in a group: all of them, or those of the rows `of`."""
    by = [] if of is None else [column for column in of.c if column.name != "lead_id"]
    query = select(
        *by,
        _l.currency.label("currency"),
        func.count().label("leads"),
        func.sum(case((_l.hot_score >= hot_from, 1), else_=0)).label("hot"),
        func.sum(case((_l.unparsed, 1), else_=0)).label("unparsed"),
        func.sum(_l.amount).label("amount"),
    ).group_by(*by, _l.currency)
    if of is None:
        query = query.where(_l.agent_id == agent_id)
    else:
        # In SQLite the narrow copy of the leads is meant, which begins with the lead.
        copied = connection.dialect.name == "sqlite"
        its = (unordered(_l.agent_id) if copied else _l.agent_id) == agent_id
        query = query.select_from(of.join(leads, and_(its, _l.lead_id == of.c.lead_id)))
    groups: dict[tuple[Any, ...], Group] = defaultdict(lambda: Group(()))
    for row in connection.execute(query).mappings():
        key = tuple(row[column.name] for column in by)
        group, amount = groups[key], row["amount"]
        groups[key] = replace(
            group,
            leads=group.leads + row["leads"],
            hot=group.hot + row["hot"],
            unparsed_values=group.unparsed_values + row["unparsed"],
            value=group.value | ({} if amount is None else {row["currency"]: float(amount)}),
        )
    return groups
