"""Rows counted and added up by group.

The engine groups by what is stored; `group_keys` turns that into the keys of an answer, and what
has one key after that is added up here.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, and_, case, cast, func, or_, select

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import MOST_GROUPS, Groups, RowGroup, RowQuery
from convocore_mcp.fields.table import BY_NAME, Field, Kind, Rows
from convocore_mcp.models import WAITING
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.schema import CURRENT
from convocore_mcp.store.field_queries import model_shares
from convocore_mcp.store.field_queries.group_keys import GroupKey, GroupKeys, KeyPart
from convocore_mcp.store.field_queries.group_measures import Samples, samples_by_group
from convocore_mcp.store.field_queries.local_times import local_unit
from convocore_mcp.store.fields.field_columns import SHOWN, UNREAD
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import shown_fields
from convocore_mcp.store.fields.text_keys import text_key

CHANGING = (BY_NAME["overdue_activity"], BY_NAME["hot"])
"""Fields whose values change with time, which every count of leads depends on."""
(_ROWS, _WAITING, _MESSAGES, _TOKENS, _AI_USD, _CALL_USD, _RATED, _RATINGS, _HOT, _OVERDUE,
 _UNPARSED) = range(11)  # fmt: skip
"""The places of the figures of a group."""
_FIGURES = 11
Values = Sequence[object]


@dataclass(slots=True)
class Sums:
    """The figures of a group."""

    figures: list[float] = field(default_factory=lambda: [0.0] * _FIGURES)
    value: dict[str | None, float] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)

    def group(self, keys: tuple[KeyPart, ...], rows: Rows) -> RowGroup:
        """As it is answered."""
        f = self.figures
        return RowGroup(
            keys=keys,
            rows=int(f[_ROWS]),
            waiting_for_human=int(f[_WAITING]),
            messages=int(f[_MESSAGES]),
            tokens=int(f[_TOKENS]),
            ai_usd=f[_AI_USD],
            call_usd=f[_CALL_USD],
            rated=int(f[_RATED]),
            rating_avg=f[_RATINGS] / f[_RATED] if f[_RATED] else None,
            leads=int(f[_ROWS]) if rows is Rows.LEADS else 0,
            hot=int(f[_HOT]),
            overdue=int(f[_OVERDUE]),
            value=self.value,
            unparsed_values=int(f[_UNPARSED]),
            measures=self.samples.measures(),
        )


class _Part(NamedTuple):
    """What the engine has added up: the figures of rows with the same values."""

    values: Values
    figures: Sequence[float | None]
    currency: str | None
    amount: float | None


class _Found:
    """All that was added up, and by group: which groups are shown is decided before more is done.

    There may be a group for each row.
    """

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.by_key = defaultdict[GroupKey, list[_Part]](list)
        self.samples = defaultdict[GroupKey, Samples](Samples)
        """By group; those of all rows are under `()`."""

    def sums(self, parts: Sequence[_Part], keys: Iterable[GroupKey]) -> Sums:
        """The sums of `parts`, with the values of the measures in these groups."""
        sums = _sums(parts)
        for key in keys:
            if key in self.samples:
                sums.samples.merge(self.samples[key])
        return sums


def _sums(parts: Sequence[_Part]) -> Sums:
    """The sums of `parts`; figures that a part lacks are the last ones."""
    sums = Sums()
    for place, column in enumerate(zip_longest(*[part.figures for part in parts])):
        sums.figures[place] = float(sum(filter(None, column)))
    for part in parts:
        if part.amount is not None:
            value = sums.value.get(part.currency, 0.0)
            sums.value[part.currency] = value + float(part.amount)
    return sums


def groups(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    group_by: Sequence[Grouping],
    measures: Sequence[Field],
) -> Groups:
    """The rows that meet the conditions, by group."""
    columns = [_columns(connection, table, query, fitting, grouping) for grouping in group_by]
    keys, found = GroupKeys(group_by, columns), _Found()
    found.parts += _figures(connection, table, keys, fitting)
    for part in found.parts:
        for key in keys.of(part.values):
            found.by_key[key].append(part)
    read = (*keys.columns, *keys.stored_keys)
    for values, samples in samples_by_group(connection, table, read, fitting, measures):
        found.samples[()].merge(samples)
        for key in keys.of(values) if group_by else ():
            found.samples[key].merge(samples)
    totals = found.sums(found.parts, [()])
    if table.rows is Rows.LEADS:
        total = totals.group((), Rows.LEADS)
    else:
        conversations = totals.group((), Rows.CONVERSATIONS)
        total = _with_leads(connection, table, query, fitting, conversations)
        _share_out(connection, table, keys, fitting, found)
    return _answer(keys, found, total, table.rows) if group_by else Groups(total)


def _columns(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    grouping: Grouping,
) -> tuple[Sql, Sql | None]:
    """What the engine groups by, and the column of its key, if that is another."""
    if isinstance(grouping, TimeUnit):
        column, zone = table.value(grouping.of), query.clock.zone
        unit = grouping.unit
        return local_unit(connection, table, column, list(fitting), unit=unit, zone=zone), None
    shown = shown_fields(table, [grouping])[0]
    if shown.long:  # the beginning of a long text stands for it
        return table.column(grouping.name), None
    if getattr(grouping, "kind", None) is Kind.LIST:
        return shown.columns[0], table.column(grouping.name)
    # As one expression: sorting rows by two columns takes an engine twice as long.
    key, *spelling = shown.columns
    if not spelling:
        return key, None
    # Of a captured variable, finding the key once more costs more than making it.
    return func.coalesce(spelling[0], key), None if isinstance(grouping, DataField) else key


def _share_out(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
    found: _Found,
) -> None:
    """By model, tokens and their cost are those of each model itself."""
    if BY_NAME["model"] in keys.group_by:
        for key, tokens, usd in model_shares.shares(connection, table, keys, fitting):
            found.by_key[key].append(_Part((), (0, 0, 0, tokens, usd), None, None))


def _answer(keys: GroupKeys, found: _Found, totals: RowGroup, rows: Rows) -> Groups:
    """The largest groups, or of times the newest, and all others together."""
    by_key = found.by_key
    if any(isinstance(grouping, TimeUnit) for grouping in keys.group_by):
        kept = sorted(by_key, key=keys.time_order)[-MOST_GROUPS:]
    else:
        sizes = ((-sum(int(part.figures[_ROWS] or 0) for part in parts), key)
                 for key, parts in by_key.items())  # fmt: skip
        kept = [key for _, key in heapq.nsmallest(MOST_GROUPS, sizes)]
    groups = []
    for key in kept:
        for part in by_key[key]:
            if part.values:
                keys.note_spellings(key, part.values, int(part.figures[_ROWS] or 0))
        groups.append(found.sums(by_key[key], [key]).group(keys.shown(key), rows))
    other = None
    if len(kept) < len(by_key):
        rest = by_key.keys() - set(kept)
        parts = list(chain.from_iterable(by_key[key] for key in rest))
        other = found.sums(parts, rest & found.samples.keys()).group((), rows)
    return Groups(totals, tuple(groups), len(by_key), other, keys.overlapping)


def _figures(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
) -> Iterator[_Part]:
    """The figures of rows with the same values in `keys.columns`; of leads, by currency too."""
    figures: list[Sql] = [func.count()]
    currency: list[Sql] = []
    if table.rows is Rows.LEADS:
        overdue = or_(
            table.value(BY_NAME["overdue_activity"]), table.value(BY_NAME["overdue_close"])
        )
        figures += [_count_where(table.column("waiting")), *_NO_SUMS]
        figures += [_count_where(table.value(BY_NAME["hot"])), _count_where(overdue)]
        figures.append(_count_where(table.column(f"value{UNREAD}").is_not(None)))
        figures.append(func.sum(table.column("value")))
        currency = [func.coalesce(table.column(f"currency{SHOWN}"), table.column("currency"))]
    else:
        sums = ("messages", "tokens", "ai_usd", "call_usd")
        figures.append(_count_where(table.column("state") == text_key(WAITING)))
        figures += [func.sum(table.column(name)) for name in sums]
        figures += [func.count(table.column("rating")), func.sum(table.column("rating"))]
    grouped = [*keys.columns, *currency]
    read = [*keys.columns, *map(func.min, keys.stored_keys), *currency]
    statement = select(*read, *figures).select_from(table.table).where(*fitting)
    begin, width = len(keys.columns) + len(keys.stored_keys), len(read)
    if not currency:
        for row in connection.execute(statement.group_by(*grouped) if grouped else statement):
            yield _Part(row[:begin], row[width:], None, None)
        return
    for row in connection.execute(statement.group_by(*grouped)):
        yield _Part(row[:begin], row[width:-1], row[begin], row[-1])


_NO_SUMS: list[Sql] = [cast(0, Integer)] * 6


def _count_where(condition: Sql) -> Sql:
    return func.sum(case((condition, 1), else_=0))


def _with_leads(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    total: RowGroup,
) -> RowGroup:
    """With the figures of the leads that have one of the conversations."""
    leads = replace(table, rows=Rows.LEADS)
    conditions = [leads.valid_at(query.agents, CURRENT - 1)]
    if query.requirements or query.search.strip():
        conditions.append(or_(*(_has_one(table, leads, fitting, a) for a in query.agents)))
    parts = list(_figures(connection, leads, GroupKeys((), ()), conditions))
    of_leads = _sums(parts).group((), Rows.LEADS)
    return replace(
        total,
        leads=of_leads.leads,
        hot=of_leads.hot,
        value=of_leads.value,
        unparsed_values=of_leads.unparsed_values,
    )


def _has_one(
    table: RowTable, leads: RowTable, fitting: Sequence[ColumnElement[bool]], agent: str
) -> ColumnElement[bool]:
    """The leads of an agent that have one of the conversations."""
    lead_id = table.column("lead_id")
    having = select(lead_id).where(
        *fitting, table.column("agent_id") == agent, lead_id.is_not(None)
    )
    of_agent = leads.column("agent_id") == agent
    return and_(of_agent, leads.column("lead_id").in_(having))
