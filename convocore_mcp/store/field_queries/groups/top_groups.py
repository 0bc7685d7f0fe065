"""The largest groups, found by the engine: there may be nearly as many groups as rows.

Where a key may have several spellings, in one statement: the engine groups by spelling
(`grouped`), adds up the sizes of each key (`sizes`), and takes the largest (`top`). It returns the
parts of these, and the sums of all others. Where each value is a key, the engine finds the largest
by size alone: it sorts rows in half the time without their figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import CTE, ColumnElement, Connection, func, literal, null, select, tuple_

from convocore_mcp.store.field_queries.groups.group_columns import GroupColumn
from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey
from convocore_mcp.store.fields.row_tables import RowTable


@dataclass(slots=True)
class TopGroups:
    """The parts of the largest groups, the largest first, and what there is beside them."""

    parts: dict[GroupKey, list[Part]] = field(default_factory=dict)
    rest: list[Part] = field(default_factory=list)
    total: int = 0
    """How many groups there are."""


def has_top(columns: Sequence[GroupColumn]) -> bool:
    """Whether the engine can tell which groups are the largest."""
    return bool(columns) and all(column.sql_key is not None for column in columns)


def top_groups(
    connection: Connection,
    table: RowTable,
    columns: Sequence[GroupColumn],
    figures: Figures,
    fitting: Sequence[ColumnElement[bool]],
    limit: int,
) -> TopGroups:
    """The groups of rows; the larger comes first, of equally large ones the smaller key."""
    if len(columns) == 1 and columns[0].distinct and figures.currency is None:
        return _by_size_alone(connection, table, columns[0], figures, fitting, limit)
    grouped = _grouped(table, columns, figures, fitting)
    keys = [
        column.sql_key(grouped.c[f"v{i}" if column.key is None else f"k{i}"]).label(f"key{i}")
        for i, column in enumerate(columns)
        if column.sql_key is not None
    ]
    rows = grouped.c.f0
    sizes = select(*keys, func.sum(rows).label("size")).group_by(*keys).cte("sizes")
    names = [key.name for key in keys]
    by_size = select(*(sizes.c[name] for name in names))
    by_size = by_size.order_by(sizes.c.size.desc(), *(sizes.c[name] for name in names))
    top = select(by_size.limit(limit).cte("top"))
    is_top = keys[0].in_(top) if len(keys) == 1 else tuple_(*keys).in_(top)
    total = select(func.count()).select_from(sizes).scalar_subquery()
    aggregates = [grouped.c[f"f{place}"] for place in range(len(figures.aggregates))]
    currency = [grouped.c.currency] if figures.by_currency else []
    values = [grouped.c[f"v{place}"] for place in range(len(columns))]
    shown = select(total, literal(1), *values, *keys, *currency, *aggregates).where(is_top)
    unknown = [null()] * 2 * len(columns)
    sums = (func.sum(column) for column in aggregates)
    rest = select(total, literal(0), *unknown, *currency, *sums).where(~is_top)
    both = shown.union_all(rest.group_by(*currency))
    return _read(connection.execute(both).all(), len(columns), figures)


def _by_size_alone(
    connection: Connection,
    table: RowTable,
    column: GroupColumn,
    figures: Figures,
    fitting: Sequence[ColumnElement[bool]],
    limit: int,
) -> TopGroups:
    """The same, where each value is a key and no amounts are added up."""
    key = column.value if column.sql_key is None else column.sql_key(column.value)
    rows = select(key.label("key"), func.count().label("size")).select_from(table.table)
    sizes = rows.where(*fitting).group_by(key).cte("sizes")
    total = select(func.count()).select_from(sizes).scalar_subquery()
    by_size = select(sizes.c.key, total).order_by(sizes.c.size.desc(), sizes.c.key)
    top = connection.execute(by_size.limit(limit)).all()
    found = TopGroups({(row[0],): [] for row in top}, total=top[0][1] if top else 0)
    is_top = key.in_([row[0] for row in top])
    shown = select(func.min(key), column.value, *figures.aggregates).select_from(table.table)
    for of_key, value, *row in connection.execute(
        shown.where(*fitting, is_top).group_by(column.value)
    ):
        found.parts[(of_key,)].append(figures.part((value,), row))
    if found.total > len(top):
        rest = select(*figures.aggregates).select_from(table.table).where(*fitting, ~is_top)
        found.rest = [figures.part((), row) for row in connection.execute(rest)]
    return found


def _grouped(
    table: RowTable,
    columns: Sequence[GroupColumn],
    figures: Figures,
    fitting: Sequence[ColumnElement[bool]],
) -> CTE:
    """The figures by value, with the key of each value."""
    values = [column.value.label(f"v{i}") for i, column in enumerate(columns)]
    stored = [
        func.min(column.key).label(f"k{i}")
        for i, column in enumerate(columns)
        if column.key is not None
    ]
    currency = [column.label("currency") for column in figures.by_currency]
    aggregates = [column.label(f"f{i}") for i, column in enumerate(figures.aggregates)]
    statement = select(*values, *stored, *currency, *aggregates).select_from(table.table)
    return statement.where(*fitting).group_by(*values, *currency).cte("grouped")


def _read(rows: Sequence[Sequence[object]], width: int, figures: Figures) -> TopGroups:
    found = TopGroups()
    for total, is_top, *row in rows:
        values, key, figured = row[:width], row[width : 2 * width], row[2 * width :]
        part = figures.part(tuple(values), figured)
        found.total = int(str(total))
        if is_top:
            found.parts.setdefault(tuple(map(str, key)), []).append(part)
        elif part.rows:  # without rows, there are sums of nothing
            found.rest.append(part)
    by_size = sorted(found.parts, key=lambda key: (-sum(p.rows for p in found.parts[key]), key))
    found.parts = {key: found.parts[key] for key in by_size}
    return found
