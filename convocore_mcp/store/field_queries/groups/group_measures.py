"""Measures of groups: count, sum, average, median and maximum of a number field.

The engine counts how often each value occurs in a group: there are far fewer values than rows, and
the median needs no more than that.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import Protocol, cast

from sqlalchemy import ColumnElement, Connection, Select, func, null, select

from convocore_mcp.fields.row_query import Measure
from convocore_mcp.fields.table import Field, Kind
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey, GroupKeys
from convocore_mcp.store.field_queries.groups.row_ranges import read_in_ranges
from convocore_mcp.store.fields.field_columns import SHOWN
from convocore_mcp.store.fields.row_tables import RowTable

Numbers = dict[float, int]
"""How often each value occurs."""
_COMMON = itemgetter(slice(-2))
"""Takes from a row of `_values` all but the value and how often it occurs."""


@dataclass(slots=True)
class Samples:
    """The values of each measure in a group; money by currency."""

    plain: dict[str, Numbers] = field(default_factory=dict)
    money: dict[str, dict[str | None, Numbers]] = field(default_factory=dict)

    def add(
        self, measure: Field, currency: str | None, counted: Iterable[tuple[float, int]]
    ) -> None:
        """Add values, each with the number of rows that have it."""
        if measure.kind is Kind.MONEY:
            numbers = self.money.setdefault(measure.name, {}).setdefault(currency, {})
        else:
            numbers = self.plain.setdefault(measure.name, {})
        for value, rows in counted:
            numbers[float(value)] = numbers.get(float(value), 0) + rows

    def measures(self) -> Mapping[str, Measure | Mapping[str | None, Measure]]:
        """By the name of the field."""
        plain = {name: _measure(numbers) for name, numbers in self.plain.items()}
        money = {
            name: {currency: _measure(numbers) for currency, numbers in by_currency.items()}
            for name, by_currency in self.money.items()
        }
        return {**plain, **money}


def _measure(numbers: Numbers) -> Measure:
    values = sorted(numbers)
    ranks = list(accumulate(numbers[value] for value in values))
    n, total = ranks[-1], math.fsum(value * rows for value, rows in numbers.items())
    # The value in the middle, or the average of the two values there.
    middle = [values[bisect_right(ranks, rank)] for rank in ((n - 1) // 2, n // 2)]
    return Measure(n=n, sum=total, avg=total / n, median=sum(middle) / 2, max=values[-1])


class Sampled(Protocol):
    """Anything that has samples, as `group_figures.Sums`."""

    @property
    def samples(self) -> Samples: ...  # noqa: D102


def add_samples(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    conditions: Sequence[ColumnElement[bool]],
    measures: Sequence[Field],
    totals: Sampled,
    group: Callable[[GroupKey], Sampled],
) -> None:
    """Add the values of the measures to `totals`, and to the groups that their rows belong to."""
    for measure in measures:
        statement = _values(table, keys, conditions, measure)
        found = chain.from_iterable(read_in_ranges(connection, table, statement))
        # There may be as many values as rows, so the groups of equal rows are looked up once.
        for common, rows in groupby(found, key=_COMMON):
            *values, currency = cast("Sequence[str | None]", common)
            counted = [cast("tuple[float, int]", row[-2:]) for row in rows]  # the engine's numbers
            samples = [totals.samples]
            if keys.group_by:
                samples += [group(key).samples for key in keys.of(values)]
            for each in samples:
                each.add(measure, currency, counted)


def _values(
    table: RowTable, keys: GroupKeys, conditions: Sequence[ColumnElement[bool]], measure: Field
) -> Select[*tuple[object, ...]]:
    """By group, the currency of an amount, each value of a measure, and how many rows have it."""
    value = table.value(measure)
    shown = func.coalesce(table.column(f"currency{SHOWN}"), table.column("currency"))
    currency = shown if measure.kind is Kind.MONEY else null()
    conditions = [*conditions, value.is_not(None)]
    if table.sqlite:  # a range of rows is a condition on the table itself
        stored = map(func.min, keys.stored_keys)
        read = select(*keys.columns, *stored, currency, value, func.count()).where(*conditions)
        return read.group_by(*keys.columns, currency, value)
    # In a subquery: PostgreSQL doesn't see that two expressions with parameters are the same.
    rows = (
        select(
            *(column.label(f"v{index}") for index, column in enumerate(keys.columns)),
            *(column.label(f"k{index}") for index, column in enumerate(keys.stored_keys)),
            currency.label("currency"),
            value.label("value"),
        )
        .where(*conditions)
        .subquery()
    )
    values = [rows.c[f"v{index}"] for index in range(len(keys.columns))]
    smallest = [func.min(rows.c[f"k{index}"]) for index in range(len(keys.stored_keys))]
    grouped = select(*values, *smallest, rows.c.currency, rows.c.value, func.count())
    return grouped.group_by(*values, rows.c.currency, rows.c.value)
