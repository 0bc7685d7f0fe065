"""Rows counted and added up by group.

The engine groups by what is stored; `group_keys` turns that into the keys of an answer, and what
has one key after that is added up here.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, or_, select

from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import MOST_GROUPS, Groups, RowGroup, RowQuery
from convocore_mcp.fields.table import BY_NAME, Field, Rows
from convocore_mcp.models import WAITING
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.schema import CURRENT
from convocore_mcp.store.field_queries import model_shares
from convocore_mcp.store.field_queries.group_keys import GroupKey, GroupKeys, KeyPart
from convocore_mcp.store.field_queries.group_measures import Samples, samples_by_group
from convocore_mcp.store.field_queries.row_tables import RowTable
from convocore_mcp.store.fields.field_columns import SHOWN, UNREAD
from convocore_mcp.store.fields.text_keys import text_key

CHANGING = (BY_NAME["overdue_activity"], BY_NAME["hot"])
"""Fields whose values change with time, which every count of leads depends on."""
_FIGURES = (
    "rows", "waiting_for_human", "messages", "tokens", "ai_usd", "call_usd", "rated", "rating_sum",
    "hot", "overdue", "unparsed_values",
)  # fmt: skip
Values = Sequence[object]


@dataclass(slots=True)
class Sums:
    """The figures of a group while they are added up."""

    figures: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    value: dict[str | None, float] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)

    def add(self, figures: Values) -> None:
        """Add a row of `_FIGURES`."""
        for name, figure in zip(_FIGURES, figures, strict=True):
            if isinstance(figure, int | float) and figure:
                self.figures[name] += figure

    def merge(self, other: "Sums") -> None:
        """Add another group."""
        for name, figure in other.figures.items():
            self.figures[name] += figure
        for currency, amount in other.value.items():
            self.value[currency] = self.value.get(currency, 0.0) + amount
        self.samples.merge(other.samples)

    def group(self, keys: tuple[KeyPart, ...], rows: Rows) -> RowGroup:
        """As it is answered."""
        f = self.figures
        whole = {name: int(f[name]) for name in ("waiting_for_human", "messages", "tokens")}
        count = int(f["rows"])
        return RowGroup(
            keys=keys,
            rows=count,
            ai_usd=f["ai_usd"],
            call_usd=f["call_usd"],
            rated=int(f["rated"]),
            rating_avg=f["rating_sum"] / f["rated"] if f["rated"] else None,
            leads=count if rows is Rows.LEADS else 0,
            hot=int(f["hot"]),
            overdue=int(f["overdue"]),
            value=dict(self.value),
            unparsed_values=int(f["unparsed_values"]),
            measures=self.samples.measures(),
            **whole,
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
    keys = GroupKeys(table, group_by, query.clock.zone)
    totals, by_key = Sums(), defaultdict[GroupKey, Sums](Sums)
    for values, part, count in _parts(connection, table, keys, fitting, measures):
        totals.merge(part)
        for key in keys.of(values, count):
            by_key[key].merge(part)
    if table.rows is Rows.LEADS:
        total = totals.group((), Rows.LEADS)
    else:
        conversations = totals.group((), Rows.CONVERSATIONS)
        total = _with_leads(connection, table, query, fitting, conversations)
        if BY_NAME["model"] in group_by:
            for key, tokens, usd in model_shares.shares(connection, table, keys, fitting):
                by_key[key].figures["tokens"] += tokens
                by_key[key].figures["ai_usd"] += usd
    return _answer(keys, by_key, total, table.rows) if group_by else Groups(total)


def _parts(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
    measures: Sequence[Field],
) -> Iterator[tuple[Values, Sums, int]]:
    """What is known of rows with the same stored values, and how many rows it counts."""
    for values, figures in _figures(connection, table, keys, fitting):
        part = Sums()
        part.add(figures)
        yield values, part, int(part.figures["rows"])
    if table.rows is Rows.LEADS:
        for values, currency, amount in _amounts(connection, table, keys.columns, fitting):
            yield values, Sums(value={currency: amount}), 0
    for values, samples in samples_by_group(connection, table, keys.columns, fitting, measures):
        yield values, Sums(samples=samples), 0


def _answer(keys: GroupKeys, by_key: dict[GroupKey, Sums], totals: RowGroup, rows: Rows) -> Groups:
    """The largest groups, or of times the newest, and all others together."""
    by_time = any(isinstance(grouping, TimeUnit) for grouping in keys.group_by)

    def size(key: GroupKey) -> tuple[float, GroupKey]:
        return (-by_key[key].figures["rows"], key)

    if by_time:
        ordered = sorted(by_key, key=keys.time_order)
        kept, rest = ordered[-MOST_GROUPS:], ordered[:-MOST_GROUPS]
    else:
        ordered = sorted(by_key, key=size)
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
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
) -> list[tuple[Values, Values]]:
    figures: list[Sql] = [func.count()]
    if table.rows is Rows.LEADS:
        overdue = or_(
            table.value(BY_NAME["overdue_activity"]), table.value(BY_NAME["overdue_close"])
        )
        figures += [_count_where(table.column("waiting")), *_NO_SUMS]
        figures += [_count_where(table.value(BY_NAME["hot"])), _count_where(overdue)]
        figures.append(_count_where(table.column(f"value{UNREAD}").is_not(None)))
    else:
        sums = ("messages", "tokens", "ai_usd", "call_usd")
        figures.append(_count_where(table.column("state") == text_key(WAITING)))
        figures += [func.sum(table.column(name)) for name in sums]
        figures += [func.count(table.column("rating")), func.sum(table.column("rating"))]
        figures += _NO_SUMS[:3]
    statement = select(*keys.columns, *figures).select_from(table.table).where(*fitting)
    width = len(keys.columns)
    found = connection.execute(statement.group_by(*keys.columns) if width else statement)
    return [(row[:width], row[width:]) for row in found.all()]


_NO_SUMS: list[Sql] = [cast(0, Integer)] * 6


def _count_where(condition: Sql) -> Sql:
    return func.sum(case((condition, 1), else_=0))


def _amounts(
    connection: Connection,
    table: RowTable,
    keys: Sequence[Sql],
    fitting: Sequence[ColumnElement[bool]],
) -> list[tuple[Values, str | None, float]]:
    """Sums of values by currency."""
    currency = (table.column("currency"), table.column(f"currency{SHOWN}"))
    value = table.column("value")
    statement = select(*keys, *currency, func.sum(value)).where(*fitting, value.is_not(None))
    found = connection.execute(statement.group_by(*keys, *currency))
    width = len(keys)
    return [(row[:width], row[width + 1] or row[width], float(row[width + 2])) for row in found]


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
        having = select(table.column("agent_id"), table.column("lead_id")).where(*fitting)
        pairs = having.where(table.column("lead_id").is_not(None)).distinct().subquery()
        conditions.append(
            select(pairs.c.lead_id)
            .where(
                pairs.c.agent_id == leads.column("agent_id"),
                pairs.c.lead_id == leads.column("lead_id"),
            )
            .exists()
        )
    none = GroupKeys(leads, (), query.clock.zone)
    sums = Sums()
    for _, figures in _figures(connection, leads, none, conditions):
        sums.add(figures)
    for _, currency, amount in _amounts(connection, leads, (), conditions):
        sums.merge(Sums(value={currency: amount}))
    of_leads = sums.group((), Rows.LEADS)
    return replace(
        total,
        leads=of_leads.leads,
        hot=of_leads.hot,
        value=of_leads.value,
        unparsed_values=of_leads.unparsed_values,
    )
