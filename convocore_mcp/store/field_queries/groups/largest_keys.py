"""The largest groups by one field, of which there may be nearly as many as rows.

First, only the keys are counted. Then the figures of the largest groups are added up, and those of
all other rows together: that takes less time than sorting all rows with their figures, as SQLite
does. Rows without the field are a group of their own. It is added up in the statement of the other
rows, because there are often very many.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlalchemy import ColumnElement, Connection, func, literal, null, or_, select

from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.parsed_records import stored_list
from convocore_mcp.store.field_queries.groups.group_columns import MISSING, GroupColumn
from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey
from convocore_mcp.store.field_queries.groups.row_ranges import read_in_ranges
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.text_keys import ITEM_MARK

MAX_KEY_BYTES, BYTES_PER_KEY = 150_000_000, 100
"""Up to this many bytes of keys, Python counts SQLite's keys, in half the time that SQLite takes to
sort them; and the bytes that each key takes beside its text."""
MAX_NUMBERS = 1_000
"""Up to this many rows of the largest groups are selected by their numbers, which needs no look at
the other rows."""
Conditions = Sequence[ColumnElement[bool]]


@dataclass(slots=True)
class TopGroups:
    """The parts of the largest groups, the largest first, and those of all other rows."""

    parts: dict[GroupKey, list[Part]] = field(default_factory=dict)
    rest: list[Part] = field(default_factory=list)
    total: int = 0
    """How many groups there are."""

    def sort(self, figures: Figures, limit: int) -> None:
        """Order by size, the largest first, then by key; groups after `limit` go to the rest."""
        size = {key: sum(map(figures.rows, parts)) for key, parts in self.parts.items()}
        by_size = sorted(self.parts, key=lambda key: (-size[key], key))
        for key in by_size[limit:]:
            self.rest += self.parts[key]
        self.parts = {key: self.parts[key] for key in by_size[:limit]}


@dataclass(frozen=True, slots=True)
class _Largest:
    """The keys that most rows have."""

    keys: list[str]
    total: int
    """How many keys there are."""
    numbers: list[int] | None = None
    """The numbers of the rows that have these keys, where they are known and not too many."""
    may_have_missing: bool = True
    """Whether there may be rows without a key."""


def by_size_first(
    connection: Connection,
    table: RowTable,
    column: GroupColumn,
    figures: Figures,
    conditions: Conditions,
    limit: int,
) -> TopGroups:
    """The groups of rows; the larger comes first, of equally large ones the smaller key."""
    key = column.stored_key
    largest = _largest(connection, table, column, conditions, limit)
    found = TopGroups(total=largest.total)
    read = (*figures.by_currency, *figures.aggregates)
    of_group = [*conditions, key.in_(largest.keys)]
    others = or_(key.is_(None), key.not_in(largest.keys))
    if largest.numbers is not None:
        of_group = [table.row_number.in_(largest.numbers)]
        others = table.row_number.not_in(largest.numbers)
    shown = select(column.value, func.min(key), *read).select_from(table.table).where(*of_group)
    by_value = shown.group_by(column.value, *figures.by_currency)
    for row in connection.execute(by_value):
        found.parts.setdefault((row[1],), []).append(row)
    missing = key.is_(None)
    grouped = [*([missing] if largest.may_have_missing else []), *figures.by_currency]
    # As many columns as `by_value` has: parts of both may be added up together.
    first = missing if largest.may_have_missing else null()
    rest = select(first, null(), *read).select_from(table.table).where(*conditions, others)
    rest = rest.group_by(*grouped) if grouped else rest
    for part in chain.from_iterable(read_in_ranges(connection, table, rest)):
        if part[0]:
            found.parts.setdefault((MISSING,), []).append(part)
        elif figures.rows(part):  # a sum over no rows is a row of `NULL`s
            found.rest.append(part)
    found.total += (MISSING,) in found.parts
    found.sort(figures, limit)
    return found


def _largest(
    connection: Connection,
    table: RowTable,
    column: GroupColumn,
    conditions: Conditions,
    limit: int,
) -> _Largest:
    """The keys that most rows have, the most frequent first."""
    if table.sqlite:
        counted = _largest_counted_in_python(connection, table, column, conditions, limit)
        if counted is not None:
            return counted
    key, number = column.stored_key, table.row_number
    ends = (func.min(number).label("first"), func.max(number).label("last"))
    rows = select(key.label("key"), func.count().label("size"), *ends).select_from(table.table)
    sizes_of = rows.where(*conditions, key.is_not(None)).group_by(key).cte("sizes")
    total = select(func.count()).select_from(sizes_of).scalar_subquery()
    by_size = select(sizes_of, total).order_by(sizes_of.c.size.desc(), sizes_of.c.key)
    found = connection.execute(by_size.limit(limit)).all()
    if not found:
        return _Largest([], 0)
    keys, sizes, *numbers, totals = zip(*found, strict=True)
    # The first and the last row number are all numbers of a group of one or two rows.
    known = sorted({number for ends in numbers for number in ends}) if max(sizes) <= 2 else None
    return _Largest([*keys], totals[0], known)


def _largest_counted_in_python(
    connection: Connection,
    table: RowTable,
    column: GroupColumn,
    conditions: Conditions,
    limit: int,
) -> _Largest | None:
    """The same, counted in Python; `None` if the keys take more than `MAX_KEY_BYTES`.

    SQLite returns all keys of a range of rows as one text, and their row numbers as another:
    reading one row after another would take longer than SQLite takes to find them.
    """
    key, mark = column.stored_key, literal(ITEM_MARK, Text)
    known = key.is_not(None)
    joined = func.group_concat(key, mark) if column.no_item_marks else func.json_group_array(key)
    read = (joined.filter(known), func.group_concat(table.row_number).filter(known))
    rows_without_key = func.count() - func.count(key)
    statement = select(*read, rows_without_key).select_from(table.table).where(*conditions)
    sizes: Counter[str] = Counter()
    ranges: list[tuple[list[str], str]] = []
    bytes_held, may_have_missing = 0, False
    for ((keys_together, numbers, without),) in read_in_ranges(connection, table, statement):
        may_have_missing |= bool(without)
        if numbers is not None:
            text = str(keys_together)
            keys: list[str] = text.split(ITEM_MARK) if column.no_item_marks else stored_list(text)
            bytes_held += len(text) + BYTES_PER_KEY * len(keys)
            if bytes_held > MAX_KEY_BYTES:
                return None
            sizes.update(keys)
            ranges.append((keys, str(numbers)))
    top = heapq.nsmallest(limit, ((-size, key) for key, size in sizes.items()))
    largest = [key for _, key in top]
    few = -sum(size for size, _ in top) <= MAX_NUMBERS
    return _Largest(
        largest, len(sizes), [*_numbers(ranges, set(largest))] if few else None, may_have_missing
    )


def _numbers(ranges: Iterable[tuple[list[str], str]], wanted: set[str]) -> Iterator[int]:
    """The numbers of the rows with these keys."""
    for keys, numbers in ranges:
        indexes = [index for index, key in enumerate(keys) if key in wanted]
        if indexes:
            number_at = numbers.split(",")
            yield from (int(number_at[index]) for index in indexes)
