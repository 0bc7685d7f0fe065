"""The figures of groups: what the engine adds up, and sums of that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import cast

from sqlalchemy import Integer, case, func, or_
from sqlalchemy import cast as sql_cast

from convocore_mcp.fields.row_query import RowGroup
from convocore_mcp.fields.table import BY_NAME, Rows
from convocore_mcp.models import WAITING
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.field_queries.groups.group_keys import KeyPart
from convocore_mcp.store.field_queries.groups.group_measures import Samples
from convocore_mcp.store.fields.field_columns import SHOWN, UNPARSED_TEXT
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.text_keys import text_key

(ROWS, WAITS, MESSAGES, TOKENS, AI_USD, CALL_USD, RATED, RATINGS, HOT, OVERDUE,
 UNPARSED) = range(11)  # fmt: skip
"""The indexes of the figures of a group. `RATINGS` is the sum of the `RATED` ratings."""
_FIGURES = 11
_SUMMED = {MESSAGES: "messages", TOKENS: "tokens", AI_USD: "ai_usd", CALL_USD: "call_usd"}
Part = Sequence[object]
"""A partial sum: a row that the engine returned for some or all rows of a group. It holds the
values that the engine grouped by, then the currency if amounts are added up, then the aggregates of
`Figures`."""


@dataclass(frozen=True)
class Figures:
    """What is added up of each group."""

    indexes: tuple[int, ...]
    """The indexes of the figures that are added up; the first is `ROWS`."""
    columns: tuple[Sql, ...]
    """Aggregates, in the same order."""
    currency: Sql | None = None
    """What amounts are grouped by, where there are any."""
    amount: Sql | None = None

    @classmethod
    def of(cls, table: RowTable) -> "Figures":
        """The figures of a kind of row."""
        return _of_leads(table) if table.rows is Rows.LEADS else _of_conversations(table)

    @property
    def by_currency(self) -> tuple[Sql, ...]:
        """The currency, if amounts are added up: the engine groups by it."""
        return () if self.currency is None else (self.currency,)

    @property
    def aggregates(self) -> tuple[Sql, ...]:
        """The figures, then the amount if there is one."""
        return self.columns if self.amount is None else (*self.columns, self.amount)

    @cached_property
    def width(self) -> int:
        """How many values of a part are aggregates."""
        return len(self.aggregates)

    @cached_property
    def rows(self) -> Callable[[Part], int]:
        """A function that returns how many rows a part is the sum of."""
        return itemgetter(-self.width)


def _of_conversations(table: RowTable) -> Figures:
    rating = table.column("rating")
    figures = {
        ROWS: func.count(),
        WAITS: count_where(table.column("state") == text_key(WAITING)),
        **{index: func.sum(table.column(name)) for index, name in _SUMMED.items()},
        RATED: func.count(rating),
        RATINGS: func.sum(rating),
    }
    return Figures(tuple(figures), tuple(figures.values()))


def _of_leads(table: RowTable) -> Figures:
    activity, close = BY_NAME["overdue_activity"], BY_NAME["overdue_close"]
    figures = {
        ROWS: func.count(),
        WAITS: count_where(table.column("waiting")),
        HOT: count_where(table.value(BY_NAME["hot"])),
        OVERDUE: count_where(or_(table.value(activity), table.value(close))),
        UNPARSED: count_where(table.column(f"value{UNPARSED_TEXT}").is_not(None)),
    }
    currency = func.coalesce(table.column(f"currency{SHOWN}"), table.column("currency"))
    amount = func.sum(table.column("value"))
    return Figures(tuple(figures), tuple(figures.values()), currency, amount)


def count_where(condition: Sql) -> Sql:
    """How many rows meet the condition."""
    return func.sum(case((condition, 1), else_=sql_cast(0, Integer)))


@dataclass(slots=True)
class Sums:
    """The figures of a group."""

    summed: Figures
    figures: list[float] = field(default_factory=lambda: [0.0] * _FIGURES)
    value: dict[str | None, float] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)

    def add(self, parts: Sequence[Part]) -> None:
        """Add up parts, a figure at a time."""
        width = self.summed.width
        columns = list(zip(*parts))[-width:]  # noqa: B905  # there may be none
        for index, column in zip(self.summed.indexes, columns, strict=False):
            self.figures[index] += float(sum(filter(None, column)))
        if self.summed.amount is not None:
            for part in parts:
                if part[-1] is not None:
                    currency, amount = cast(
                        "tuple[str | None, float]", (part[-width - 1], part[-1])
                    )
                    self.value[currency] = self.value.get(currency, 0.0) + float(amount)

    def add_share(self, tokens: float, usd: float) -> None:
        """Add one AI model's share of conversations that count in another model's group."""
        self.figures[TOKENS] += tokens
        self.figures[AI_USD] += usd

    def group(self, keys: tuple[KeyPart, ...], rows: Rows) -> RowGroup:
        """The group with these keys and the figures that were added up."""
        f = self.figures
        return RowGroup(
            keys=keys,
            rows=int(f[ROWS]),
            waiting_for_human=int(f[WAITS]),
            messages=int(f[MESSAGES]),
            tokens=int(f[TOKENS]),
            ai_usd=f[AI_USD],
            call_usd=f[CALL_USD],
            rated=int(f[RATED]),
            rating_avg=f[RATINGS] / f[RATED] if f[RATED] else None,
            leads=int(f[ROWS]) if rows is Rows.LEADS else 0,
            hot=int(f[HOT]),
            overdue=int(f[OVERDUE]),
            value=self.value,
            unparsed_values=int(f[UNPARSED]),
            measures=self.samples.measures(),
        )
