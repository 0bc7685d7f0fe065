"""Measures of groups: count, sum, average, median and maximum of a number field."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, or_, select

from convocore_mcp.fields.row_query import Measure
from convocore_mcp.fields.table import Field, Kind
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey, GroupKeys
from convocore_mcp.store.fields.field_columns import SHOWN
from convocore_mcp.store.fields.row_tables import RowTable

Numbers = list[float]
AT_A_TIME = 10_000


@dataclass(slots=True)
class Samples:
    """The values of each measure in a group; money by currency."""

    plain: dict[str, Numbers] = field(default_factory=dict)
    money: dict[str, dict[str | None, Numbers]] = field(default_factory=dict)

    def add(self, measure: Field, value: float, currency: str | None) -> None:
        """Add one value."""
        if measure.kind is not Kind.MONEY:
            self.plain.setdefault(measure.name, []).append(value)
            return
        self.money.setdefault(measure.name, {}).setdefault(currency, []).append(value)

    def measures(self) -> Mapping[str, Measure | Mapping[str | None, Measure]]:
        """By the name of the field."""
        plain = {name: _measure(numbers) for name, numbers in self.plain.items()}
        money = {
            name: {currency: _measure(numbers) for currency, numbers in by_currency.items()}
            for name, by_currency in self.money.items()
        }
        return {**plain, **money}


def _measure(numbers: Numbers) -> Measure:
    total = sum(numbers)
    return Measure(
        n=len(numbers),
        sum=total,
        avg=total / len(numbers),
        median=float(median(numbers)),
        max=max(numbers),
    )


class Sampled(Protocol):
    """What has samples (`group_figures.Sums`)."""

    @property
    def samples(self) -> Samples: ...  # noqa: D102


def add_samples(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    fitting: Sequence[ColumnElement[bool]],
    measures: Sequence[Field],
    totals: Sampled,
    group: Callable[[GroupKey], Sampled],
) -> None:
    """Add the values of the measures to `totals`, and to the groups that their rows belong to."""
    if not measures:
        return
    columns = [table.value(measure) for measure in measures]
    currency = (table.column("currency"), table.column(f"currency{SHOWN}"))
    known = or_(*(column.is_not(None) for column in columns))
    read = [*keys.columns, *keys.stored_keys]
    statement = select(*read, *columns, *currency).where(*fitting, known)
    for row in connection.execute(statement, execution_options={"yield_per": AT_A_TIME}):
        of_row = [totals.samples]
        if keys.group_by:
            of_row += [group(key).samples for key in keys.of(row[: len(read)])]
        for measure, value in zip(measures, row[len(read) :], strict=False):
            if value is None:
                continue
            for samples in of_row:
                samples.add(measure, float(value), row[-1] or row[-2])
