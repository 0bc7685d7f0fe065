"""The largest groups: there may be nearly as many groups as rows.

By one field, the keys are counted first (`largest_keys`). Otherwise one statement does all: the
engine groups by spelling (`grouped`), adds up the sizes of each key (`sizes`), and takes the
largest (`top`). It returns the parts of these, and the sums of all others.
"""

from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, Connection, func, literal, null, select, tuple_

from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.field_queries.groups.group_columns import MISSING, GroupColumn
from convocore_mcp.store.field_queries.groups.group_figures import Figures
from convocore_mcp.store.field_queries.groups.largest_keys import TopGroups, by_size_first
from convocore_mcp.store.fields.row_tables import RowTable


def engine_can_rank(columns: Sequence[GroupColumn]) -> bool:
    """Whether the engine can tell which groups are the largest."""
    return bool(columns) and all(column.sql_key is not None for column in columns)


def top_groups(
    connection: Connection,
    table: RowTable,
    columns: Sequence[GroupColumn],
    figures: Figures,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
) -> TopGroups:
    """The groups of rows; the larger comes first, of equally large ones the smaller key."""
    if len(columns) == 1 and (table.sqlite or (columns[0].cheap_key and figures.currency is None)):
        return by_size_first(connection, table, columns[0], figures, conditions, limit)
    grouped = _grouped(table, columns, figures, conditions)
    keys = [
        func.coalesce(
            column.key_of(grouped.c[f"v{i}" if column.key is None else f"k{i}"]),
            literal(MISSING, Text),
        ).label(f"key{i}")
        for i, column in enumerate(columns)
    ]
    rows = grouped.c.f0
    sizes = select(*keys, func.sum(rows).label("size")).group_by(*keys).cte("sizes")
    names = [key.name for key in keys]
    by_size = select(*(sizes.c[name] for name in names))
    by_size = by_size.order_by(sizes.c.size.desc(), *(sizes.c[name] for name in names))
    top = select(by_size.limit(limit).cte("top"))
    is_top = keys[0].in_(top) if len(keys) == 1 else tuple_(*keys).in_(top)
    total = select(func.count()).select_from(sizes).scalar_subquery()
    aggregates = [grouped.c[f"f{index}"] for index in range(len(figures.aggregates))]
    currency = [grouped.c.currency] if figures.by_currency else []
    values = [grouped.c[f"v{index}"] for index in range(len(columns))]
    shown = select(total, literal(1), *values, *keys, *currency, *aggregates).where(is_top)
    unknown = [null()] * 2 * len(columns)
    sums = (func.sum(column) for column in aggregates)
    rest = select(total, literal(0), *unknown, *currency, *sums).where(~is_top)
    both = shown.union_all(rest.group_by(*currency))
    return _read(connection.execute(both).all(), len(columns), figures, limit)


def _grouped(
    table: RowTable,
    columns: Sequence[GroupColumn],
    figures: Figures,
    conditions: Sequence[ColumnElement[bool]],
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
    return statement.where(*conditions).group_by(*values, *currency).cte("grouped")


def _read(rows: Sequence[Sequence[object]], width: int, figures: Figures, limit: int) -> TopGroups:
    found = TopGroups()
    for total, is_top, *row in rows:
        key = tuple(map(str, row[width : 2 * width]))
        found.total = int(str(total))
        if is_top:
            found.parts.setdefault(key, []).append(row)
        elif figures.rows(row):  # a sum over no rows is a row of `NULL`s
            found.rest.append(row)
    found.sort(figures, limit)
    return found
