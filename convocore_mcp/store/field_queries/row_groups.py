"""Rows counted and added up by group.

The engine groups by what is stored; `group_keys` turns that into the keys of an answer, and what
has one key after that is added up here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, Connection, Integer, and_, case, cast, func, or_, select

from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import MOST_GROUPS, Groups, RowGroup, RowQuery
from convocore_mcp.fields.table import BY_NAME, Field, Rows
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
    """The figures of a group while they are added up."""

    figures: list[float] = field(default_factory=lambda: [0.0] * _FIGURES)
    value: dict[str | None, float] | None = None
    samples: Samples | None = None

    def add(self, figures: Sequence[float | None]) -> None:
        """Add figures in their order."""
        own = self.figures
        for place, figure in enumerate(figures):
            if figure:
                own[place] += figure

    def add_value(self, currency: str | None, amount: float) -> None:
        """Add an amount."""
        if self.value is None:
            self.value = {}
        self.value[currency] = self.value.get(currency, 0.0) + amount

    def add_samples(self, samples: Samples) -> None:
        """Add the values of measures."""
        if self.samples is None:
            self.samples = Samples()
        self.samples.merge(samples)

    def merge(self, other: "Sums") -> None:
        """Add another group."""
        self.add(other.figures)
        for currency, amount in (other.value or {}).items():
            self.add_value(currency, amount)
        if other.samples is not None:
            self.add_samples(other.samples)

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
            value=self.value or {},
            unparsed_values=int(f[_UNPARSED]),
            measures=self.samples.measures() if self.samples else {},
        )


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
    keys = GroupKeys(group_by, columns)
    totals, by_key = Sums(), defaultdict[GroupKey, Sums](Sums)
    for values, sums in _figures(connection, table, keys.columns, fitting):
        totals.merge(sums)
        in_groups = list(keys.of(values, int(sums.figures[_ROWS])))
        for key in in_groups:
            if len(in_groups) == 1 and key not in by_key:
                by_key[key] = sums  # as nearly always where there are very many groups
            else:
                by_key[key].merge(sums)
    for values, samples in samples_by_group(connection, table, keys.columns, fitting, measures):
        totals.add_samples(samples)
        for key in keys.of(values, 0):
            by_key[key].add_samples(samples)
    if table.rows is Rows.LEADS:
        total = totals.group((), Rows.LEADS)
    else:
        conversations = totals.group((), Rows.CONVERSATIONS)
        total = _with_leads(connection, table, query, fitting, conversations)
        _share_out(connection, table, keys, fitting, by_key)
    return _answer(keys, by_key, total, table.rows) if group_by else Groups(total)


def _columns(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    grouping: Grouping,
) -> Sequence[Sql]:
    """What the engine groups by."""
    if isinstance(grouping, TimeUnit):
        column, zone = table.value(grouping.of), query.clock.zone
        return [local_unit(connection, table, column, list(fitting), unit=grouping.unit, zone=zone)]
    shown = shown_fields(table, [grouping])[0]
    if shown.long:  # the beginning of a long text stands for it
        return [table.column(grouping.name)]
    # As one expression: sorting rows by two columns takes an engine twice as long.
    key, *spelling = shown.columns
    return [func.coalesce(spelling[0], key)] if spelling else [key]


def _share_out(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
    by_key: dict[GroupKey, Sums],
) -> None:
    """By model, tokens and their cost are those of each model itself."""
    if BY_NAME["model"] in keys.group_by:
        for key, tokens, usd in model_shares.shares(connection, table, keys, fitting):
            by_key[key].figures[_TOKENS] += tokens
            by_key[key].figures[_AI_USD] += usd


def _answer(keys: GroupKeys, by_key: dict[GroupKey, Sums], totals: RowGroup, rows: Rows) -> Groups:
    """The largest groups, or of times the newest, and all others together."""
    if any(isinstance(grouping, TimeUnit) for grouping in keys.group_by):
        ordered = sorted(by_key, key=keys.time_order)
        kept, rest = ordered[-MOST_GROUPS:], ordered[:-MOST_GROUPS]
    else:
        ordered = sorted(by_key, key=lambda key: (-by_key[key].figures[_ROWS], key))
        kept, rest = ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]
    other = Sums()
    for key in rest:
        other.merge(by_key[key])
    return Groups(
        totals=totals,
        groups=tuple(by_key[key].group(keys.shown(key), rows) for key in kept),
        total=len(by_key),
        other=other.group((), rows) if rest else None,
        overlapping=keys.overlapping,
    )


def _figures(
    connection: Connection,
    table: RowTable,
    keys: Sequence[Sql],
    fitting: Sequence[ColumnElement[bool]],
) -> Iterator[tuple[Values, Sums]]:
    """The figures of rows with the same values in `keys`; of leads, by currency too."""
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
    grouped = [*keys, *currency]
    statement = select(*grouped, *figures).select_from(table.table).where(*fitting)
    width = len(grouped)
    for row in map(tuple, connection.execute(statement.group_by(*grouped) if width else statement)):
        group = Sums()
        group.add(row[width : width + _FIGURES])
        if currency and row[-1] is not None:
            group.add_value(row[len(keys)], float(row[-1]))
        yield row[: len(keys)], group


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
    sums = Sums()
    for _, part in _figures(connection, leads, (), conditions):
        sums.merge(part)
    of_leads = sums.group((), Rows.LEADS)
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
