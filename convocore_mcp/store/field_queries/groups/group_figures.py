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
"""The places of the figures of a group."""
_FIGURES = 11
_SUMMED = {MESSAGES: "messages", TOKENS: "tokens", AI_USD: "ai_usd", CALL_USD: "call_usd"}
Part = Sequence[object]
"""What the engine has added up: a row that ends in the currency, if amounts are added up, and the
aggregates of `Figures`. Before them stands what its rows have in common."""


@dataclass(frozen=True)
class Figures:
    """What is added up of each group."""

    places: tuple[int, ...]
    """Which figures; the first is `ROWS`."""
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
        """The currency, if amounts are added up."""
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
        """Says how many rows were added up in a part."""
        return itemgetter(-self.width)


def _of_conversations(table: RowTable) -> Figures:
    rating = table.column("rating")
    figures = {
        ROWS: func.count(),
        WAITS: count_where(table.column("state") == text_key(WAITING)),
        **{place: func.sum(table.column(name)) for place, name in _SUMMED.items()},
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

    added: Figures
    figures: list[float] = field(default_factory=lambda: [0.0] * _FIGURES)
    value: dict[str | None, float] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)

    def add(self, parts: Sequence[Part]) -> None:
        """Add up parts, a figure at a time."""
        width = self.added.width
        columns = list(zip(*parts))[-width:]  # noqa: B905  # there may be none
        for place, column in zip(self.added.places, columns, strict=False):
            self.figures[place] += float(sum(filter(None, column)))
        if self.added.amount is not None:
            for part in parts:
                if part[-1] is not None:
                    currency, amount = cast(
                        "tuple[str | None, float]", (part[-width - 1], part[-1])
                    )
                    self.value[currency] = self.value.get(currency, 0.0) + float(amount)

    def add_share(self, tokens: float, usd: float) -> None:
        """Add what an AI model had of conversations that belong to another group."""
        self.figures[TOKENS] += tokens
        self.figures[AI_USD] += usd

    def group(self, keys: tuple[KeyPart, ...], rows: Rows) -> RowGroup:
        """As it is answered."""
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
