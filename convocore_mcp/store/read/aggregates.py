"""Counts and sums over conversations and their leads, by group."""

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
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.schema import conversations, leads
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.read import conversation_search
from convocore_mcp.store.read.hot_leads import is_hot
from convocore_mcp.store.read.sql_conditions import meets, without_index

_c, _l = conversations.c, leads.c
_DAY = 86_400_000
_COLUMNS: dict[str, Sql] = {
    name: _c[name]
    for name in (
        "channel", "stage", "state", "label", "country", "language", "assignee", "source", "model",
    )
} | {
    "tag": literal_column("tags.value", Text),
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


_FORMATS: dict[str, Callable[[int], str]] = {"day": _day, "week": _week}


def stats(
    connection: Connection,
    agent_id: str,
    criteria: Filter,
    group_by: Sequence[str],
    *,
    hot_from: float,
) -> list[Group]:
    """One `Group` for each combination of values of `group_by` that occurs.

    A lead is counted, and its value added, in each group in which it has a conversation. By tag, a
    conversation is counted in the group of each of its tags.
    """
    condition = _condition(connection, agent_id, criteria)
    table: FromClause = conversations
    if "tag" in group_by:
        table = table.outerjoin(_tags(connection), true())
    keys = [_column(connection, name).label(f"key{i}") for i, name in enumerate(group_by)]
    lead_keys = select(*keys, _c.lead_id).select_from(table)
    lead_keys = lead_keys.where(condition, _c.lead_id.is_not(None))
    # Without criteria and groups, every lead counts: no join is needed.
    all_leads = criteria == Filter() and not keys
    groups = _sum_leads(
        connection, agent_id, None if all_leads else lead_keys.distinct().subquery(), hot_from
    )
    for key, group in _sum_conversations(connection, keys, table, condition).items():
        of_leads = groups[key]
        groups[key] = replace(
            group,
            leads=of_leads.leads,
            hot=of_leads.hot,
            value=of_leads.value,
            unparsed_values=of_leads.unparsed_values,
        )
    return [replace(group, keys=_format_keys(group_by, key)) for key, group in groups.items()]


def _condition(connection: Connection, agent_id: str, criteria: Filter) -> ColumnElement[bool]:
    """The current versions that meet `criteria`: by the text index where they are few.

    Otherwise all conversations are scanned.
    """
    at = sequence_number(connection)
    matching = conversation_search.count(
        connection, agent_id, conversation_search.without_bounds(criteria), at=at
    )
    by_index = matching <= conversation_search.INDEX_LOOKUP_LIMIT
    return meets(connection, agent_id, criteria, at=at, by_index=by_index)


def _tags(connection: Connection) -> FromClause:
    """The tags of a conversation as a table, one tag in a row."""
    if connection.dialect.name == "sqlite":
        return func.json_each(_c.tag_keys).table_valued("value", name="tags")
    tags = func.jsonb_array_elements_text(cast(_c.tag_keys, JSONB))
    return tags.table_valued("value").lateral("tags")


def _column(connection: Connection, name: str) -> Sql:
    if name != "month":
        return _COLUMNS[name]
    seconds = _c.last_activity // 1000
    if connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m", seconds, "unixepoch")
    return func.to_char(func.timezone("UTC", func.to_timestamp(seconds)), "YYYY-MM")


def _format_keys(group_by: Sequence[str], key: Sequence[Any]) -> tuple[str | None, ...]:
    return tuple(
        None if value is None else _FORMATS.get(name, str)(value)
        for name, value in zip(group_by, key, strict=True)
    )


def _sum_conversations(
    connection: Connection,
    keys: Sequence[Sql],
    table: FromClause,
    condition: ColumnElement[bool],
) -> dict[tuple[Any, ...], Group]:
    """The counts and sums over conversations, by group."""
    query = select(
        *keys,
        func.count().label("conversations"),
        func.sum(_c.messages).label("messages"),
        func.sum(_c.tokens).label("tokens"),
        func.sum(_c.usd).label("usd"),
        func.avg(_c.rating).label("rating"),
        func.sum(case((func.lower(_c.state) == WAITING, 1), else_=0)).label("waiting"),
    )
    query = query.select_from(table).where(condition)
    result = connection.execute(query.group_by(*keys) if keys else query).mappings()
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
        for row in result
    }


def _sum_leads(
    connection: Connection, agent_id: str, lead_keys: Subquery | None, hot_from: float
) -> dict[tuple[Any, ...], Group]:
    """The counts and sums over leads, by group; a lead counts once in each of its groups.

    `lead_keys` has a row for each lead and group; `None` stands for all leads in one group.
    """
    keys = [] if lead_keys is None else [c for c in lead_keys.c if c.name != "lead_id"]
    query = select(
        *keys,
        _l.currency.label("currency"),
        func.count().label("leads"),
        func.sum(case((is_hot(hot_from), 1), else_=0)).label("hot"),
        func.sum(case((_l.unparsed, 1), else_=0)).label("unparsed"),
        func.sum(_l.amount).label("amount"),
    ).group_by(*keys, _l.currency)
    if lead_keys is None:
        query = query.where(_l.agent_id == agent_id)
    else:
        # In SQLite, an index on the agent would find every lead, one by one.
        sqlite = connection.dialect.name == "sqlite"
        of_agent = (without_index(_l.agent_id) if sqlite else _l.agent_id) == agent_id
        same_lead = _l.lead_id == lead_keys.c.lead_id
        query = query.select_from(lead_keys.join(leads, and_(of_agent, same_lead)))
    groups: dict[tuple[Any, ...], Group] = defaultdict(lambda: Group(()))
    for row in connection.execute(query).mappings():
        key = tuple(row[column.name] for column in keys)
        group, amount = groups[key], row["amount"]
        groups[key] = replace(
            group,
            leads=group.leads + row["leads"],
            hot=group.hot + row["hot"],
            unparsed_values=group.unparsed_values + row["unparsed"],
            value=group.value | ({} if amount is None else {row["currency"]: float(amount)}),
        )
    return groups
