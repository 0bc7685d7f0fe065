"""Measures of groups: count, sum, average, median and maximum of a number field."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from sqlalchemy import ColumnElement, Connection, or_, select

from convocore_mcp.fields.row_query import Measure
from convocore_mcp.fields.table import Field, Kind
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.fields.field_columns import SHOWN
from convocore_mcp.store.fields.row_tables import RowTable

Numbers = list[float]


@dataclass(slots=True)
class Samples:
    """The values of each measure in a group; money by currency."""

    plain: dict[str, Numbers] = field(default_factory=dict)
    money: dict[str, dict[str | None, Numbers]] = field(default_factory=dict)

    def merge(self, other: "Samples") -> None:
        """Add the values of another group."""
        for name, numbers in other.plain.items():
            self.plain.setdefault(name, []).extend(numbers)
        for name, by_currency in other.money.items():
            mine = self.money.setdefault(name, {})
            for currency, numbers in by_currency.items():
                mine.setdefault(currency, []).extend(numbers)

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


def samples_by_group(
    connection: Connection,
    table: RowTable,
    keys: Sequence[Sql],
    fitting: Sequence[ColumnElement[bool]],
    measures: Sequence[Field],
) -> Iterator[tuple[tuple[object, ...], Samples]]:
    """The values of the measures, by what the engine groups by."""
    if not measures:
        return
    columns = [table.value(measure) for measure in measures]
    currency = (table.column("currency"), table.column(f"currency{SHOWN}"))
    known = or_(*(column.is_not(None) for column in columns))
    statement = select(*keys, *columns, *currency).where(*fitting, known)
    width = len(keys)
    groups: dict[tuple[object, ...], Samples] = defaultdict(Samples)
    for row in connection.execute(statement):
        samples = groups[tuple(row[:width])]
        for place, measure in enumerate(measures, start=width):
            value = row[place]
            if value is None:
                continue
            if measure.kind is Kind.MONEY:
                by_currency = samples.money.setdefault(measure.name, {})
                by_currency.setdefault(row[-1] or row[-2], []).append(float(value))
            else:
                samples.plain.setdefault(measure.name, []).append(float(value))
    yield from groups.items()
