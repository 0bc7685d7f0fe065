"""Groups that Python puts together: those that are few, and those whose keys only Python can make.

The engine groups by what is stored, and a group may come in several parts. They are read twice,
first to count and then to add up, so that only the groups which are shown are ever held in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import cast

from sqlalchemy import ColumnElement, Connection, func, null, select

from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part
from convocore_mcp.store.field_queries.groups.group_keys import GroupKeys
from convocore_mcp.store.field_queries.groups.row_ranges import (
    FETCHED_ROWS,
    AnyRow,
    AnySelect,
    read_in_ranges,
)
from convocore_mcp.store.fields.row_tables import RowTable

MAX_KEPT = 300_000
"""Parts that are kept between the two readings, some 100 MB; where there are more, the engine is
asked twice."""
MAX_PARTS_PER_ROW, MAX_COSTLY_PARTS_PER_ROW = 1 / 4, 1 / 2
"""Groups are few if the first range of rows has at most this many parts for each row; the second is
for keys that the engine would compute several times to find the largest groups."""
MOSTLY_DISTINCT = 0.75
"""Above this share of different values, adding up equal ones here takes longer than it saves."""
MIN_PARTS_JUDGED = 2_000
"""Up to this number of parts, that share is not judged."""


class SplitParts:
    """The parts of all groups; they can be read several times."""

    def __init__(
        self,
        connection: Connection,
        table: RowTable,
        keys: GroupKeys,
        figures: Figures,
        conditions: Sequence[ColumnElement[bool]],
        *,
        cheap_keys: bool = True,
        max_kept: int = MAX_KEPT,
    ) -> None:
        grouped = [*keys.columns, *figures.by_currency]
        read = [*keys.columns, *map(func.min, keys.stored_keys), *figures.by_currency]
        statement = select(*read, *figures.aggregates).select_from(table.table).where(*conditions)
        self._statement = statement.group_by(*grouped) if grouped else statement
        self._missing: AnySelect | None = None
        if table.sqlite and keys.overlapping and len(keys.group_by) == 1:
            # Most rows have an empty list. They need not be sorted to be one group.
            (key,) = keys.stored_keys
            self._statement = self._statement.where(key.is_not(None))
            missing = select(null(), null(), *figures.by_currency, *figures.aggregates)
            self._missing = missing.where(*conditions, key.is_(None)).group_by(*figures.by_currency)
        self._connection, self._table, self._keys = connection, table, keys
        self._figures, self._max_kept = figures, max_kept
        self._max_per_row = MAX_PARTS_PER_ROW if cheap_keys else MAX_COSTLY_PARTS_PER_ROW
        self._ranges = self._read()
        self._first: Sequence[AnyRow] | None = None
        self._kept: list[Part] | None = None

    @property
    def are_few(self) -> bool:
        """Whether the groups are few, as far as the first range of rows shows."""
        if self._first is None:
            self._first = next(self._ranges, ())
        return len(self._first) <= self._max_per_row * sum(map(self._figures.rows, self._first))

    def __iter__(self) -> Iterator[Part]:
        if self._kept is not None:
            return iter(self._kept)
        combine = self._table.sqlite and self.are_few
        ranges = chain([self._first or ()], self._ranges)
        parts = chain.from_iterable(self._combined(ranges) if combine else ranges)
        reading = filter(self._figures.rows, parts)  # a sum over no rows is a row of `NULL`s
        self._ranges, self._first = self._read(), None
        kept = list(islice(reading, self._max_kept + 1))
        if len(kept) > self._max_kept:
            return chain(kept, reading)
        self._kept = kept
        return iter(kept)

    def chunks(self) -> Iterator[list[Part]]:
        """The parts, many at a time."""
        parts = iter(self)
        while chunk := list(islice(parts, FETCHED_ROWS)):
            yield chunk

    def _read(self) -> Iterator[Sequence[AnyRow]]:
        ranges = read_in_ranges(self._connection, self._table, self._statement)
        # Not a generator method: it would hold a reference to `self`, and `self` to it. Such a
        # cycle is freed late, and the open result with it.
        return chain(ranges, _rows(self._connection, self._missing))

    def _combined(self, ranges: Iterable[Sequence[AnyRow]]) -> Iterator[Iterable[Part]]:
        """The parts of these ranges; those with equal values are added up, many at a time."""
        width = self._figures.width
        found: defaultdict[AnyRow, list[Part]] = defaultdict(list)
        held, distinct = 0, False
        for rows in ranges:
            if distinct:
                yield rows
                continue
            for row in rows:
                found[row[:-width]].append(row)
            held += len(rows)
            distinct = held > MIN_PARTS_JUDGED and len(found) > MOSTLY_DISTINCT * held
            if distinct or held > self._max_kept:
                yield _added_up(found, width)
                found.clear()
                held = 0
        yield _added_up(found, width)


def _added_up(found: Mapping[AnyRow, Sequence[Part]], width: int) -> list[Part]:
    """One part for each combination of values."""
    return [
        (*values, *map(_sum, list(zip(*parts, strict=True))[-width:]))
        if len(parts) > 1
        else parts[0]
        for values, parts in found.items()
    ]


def _sum(column: AnyRow) -> float | None:
    known = cast("list[float]", [figure for figure in column if figure is not None])
    return sum(known) if known else None


def _rows(connection: Connection, statement: AnySelect | None) -> Iterator[Sequence[AnyRow]]:
    if statement is not None:
        yield connection.execute(statement).all()
