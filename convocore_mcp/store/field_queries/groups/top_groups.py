"""The largest groups: there may be nearly as many groups as rows.

Where the key of one grouping stands in a column, rows are only counted at first. Then the figures
of the largest groups are added up, and those of all other rows together: that takes less time than
sorting all rows with their figures, as SQLite does.

Else in one statement: the engine groups by spelling (`grouped`), adds up the sizes of each key
(`sizes`), and takes the largest (`top`). It returns the parts of these, and the sums of all others.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlalchemy import CTE, ColumnElement, Connection, func, literal, null, select, tuple_

from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.field_queries.groups.group_columns import GroupColumn
from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey
from convocore_mcp.store.field_queries.groups.row_ranges import read_in_ranges, row_numbers
from convocore_mcp.store.fields.row_tables import RowTable

COUNTED_HERE = 200_000
"""Row numbers of which SQLite's keys are counted here, in half the time that it takes to sort them;
of more rows, the keys take too much memory."""


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
    if len(columns) == 1 and columns[0].cheap and figures.currency is None:
        return _by_size_first(connection, table, columns[0], figures, fitting, limit)
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


def _by_size_first(
    connection: Connection,
    table: RowTable,
    column: GroupColumn,
    figures: Figures,
    fitting: Sequence[ColumnElement[bool]],
    limit: int,
) -> TopGroups:
    """The same for one grouping, where no amounts are added up."""
    stored = column.value if column.key is None else column.key
    key = stored if column.sql_key is None else column.sql_key(stored)
    largest, total = _largest(connection, table, key, fitting, limit)
    found = TopGroups({(of_key,): [] for of_key in largest}, total=total)
    is_top = key.in_(largest)
    shown = select(func.min(key), column.value, *figures.aggregates).select_from(table.table)
    for of_key, value, *row in connection.execute(
        shown.where(*fitting, is_top).group_by(column.value)
    ):
        found.parts[(of_key,)].append(figures.part((value,), row))
    if total > len(largest):
        rest = select(*figures.aggregates).select_from(table.table).where(*fitting, ~is_top)
        found.rest = [figures.part((), row) for row in connection.execute(rest)]
    return found


def _largest(
    connection: Connection,
    table: RowTable,
    key: Sql,
    fitting: Sequence[ColumnElement[bool]],
    limit: int,
) -> tuple[list[str], int]:
    """The keys that most rows have, the most frequent first, and how many keys there are."""
    if table.sqlite:
        first, last = row_numbers(connection, table)
        if last - first < COUNTED_HERE:
            keys = select(key).select_from(table.table).where(*fitting)
            sizes: Counter[str] = Counter()
            for part in read_in_ranges(connection, table, keys):
                sizes.update(chain.from_iterable(part))  # type: ignore[arg-type]  # keys alone
            top = heapq.nsmallest(limit, ((-size, of_key) for of_key, size in sizes.items()))
            return [of_key for _, of_key in top], len(sizes)
    rows = select(key.label("key"), func.count().label("size")).select_from(table.table)
    counted = rows.where(*fitting).group_by(key).cte("sizes")
    total = select(func.count()).select_from(counted).scalar_subquery()
    by_size = select(counted.c.key, total).order_by(counted.c.size.desc(), counted.c.key)
    found = connection.execute(by_size.limit(limit)).all()
    return [row[0] for row in found], found[0][1] if found else 0


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
