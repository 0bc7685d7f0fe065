"""The keys of groups: what the engine groups by, and what an answer calls it.

Texts are one group in spite of case and accents, under their most frequent spelling. A list counts
in the group of each of its items. A time belongs to a day, week, month, weekday or hour of the
time zone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import product

from sqlalchemy import BigInteger, cast

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.table import Kind
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.field_queries.row_tables import RowTable
from convocore_mcp.store.field_queries.row_values import usual_spelling
from convocore_mcp.store.field_queries.shown_values import shown_fields
from convocore_mcp.store.fields.text_keys import WORD_MARK, text_key

KeyPart = str | bool | None
GroupKey = tuple[str, ...]
"""A key that compares and sorts: missing values are `_MISSING`, texts their keys."""
_MISSING = "\U0010ffff"
_QUARTER = 900_000
"""Milliseconds; all time zones differ from UTC by whole quarters of an hour."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS: dict[str, Callable[[datetime], str]] = {
    "day": lambda t: f"{t.year:04}-{t.month:02}-{t.day:02}",
    "week": lambda t: "{:04}-W{:02}".format(*t.isocalendar()[:2]),
    "month": lambda t: f"{t.year:04}-{t.month:02}",
    "weekday": lambda t: str(t.weekday()),
    "hour": lambda t: f"{t.hour:02}",
}
_NAMES: dict[str, Callable[[str], str]] = {
    "weekday": lambda key: WEEKDAYS[int(key)],
    "hour": lambda key: str(int(key)),
}
"""How a key that sorts is written in an answer, where that is another."""


class GroupKeys:
    """The groupings of one question."""

    def __init__(self, table: RowTable, group_by: Sequence[Grouping], zone: tzinfo) -> None:
        self.group_by = group_by
        self.columns: list[Sql] = []
        self._parts: list[tuple[int, int, Callable[[Sequence[object], int], list[str]]]] = []
        self._spellings: list[dict[str, Counter[str]]] = []
        for place, grouping in enumerate(group_by):
            columns, read = self._grouping(table, grouping, place, zone)
            begin = len(self.columns)
            self.columns += columns
            self._parts.append((begin, begin + len(columns), read))
            self._spellings.append(defaultdict(Counter))

    @property
    def overlapping(self) -> bool:
        """Whether a row may be in several groups."""
        return any(getattr(grouping, "kind", None) is Kind.LIST for grouping in self.group_by)

    def of(self, values: Sequence[object], count: int) -> Iterable[GroupKey]:
        """The groups of rows with these values in `columns`; there are `count` of them."""
        return product(*(read(values[begin:end], count) for begin, end, read in self._parts))

    def shown(self, key: GroupKey) -> tuple[KeyPart, ...]:
        """The key as an answer has it."""
        return tuple(self._shown(place, part) for place, part in enumerate(key))

    def time_order(self, key: GroupKey) -> tuple[GroupKey, GroupKey]:
        """Sorts groups by time, oldest first; a row without the time is older than all."""
        times = tuple(
            "" if part == _MISSING else part
            for part, grouping in zip(key, self.group_by, strict=True)
            if isinstance(grouping, TimeUnit)
        )
        return (times, key)

    def note_spelling(self, place: int, text: str) -> None:
        """A text that is a key of that grouping, though no row may have it."""
        self._spellings[place][text_key(text)][text] += 0

    def _shown(self, place: int, part: str) -> KeyPart:
        grouping = self.group_by[place]
        if part == _MISSING:
            return None
        if isinstance(grouping, TimeUnit):
            return _NAMES.get(grouping.unit, str)(part)
        if not isinstance(grouping, DataField) and grouping.kind is Kind.FLAG:
            return part == "true"
        return usual_spelling(self._spellings[place][part])

    def _grouping(
        self, table: RowTable, grouping: Grouping, place: int, zone: tzinfo
    ) -> tuple[Sequence[Sql], Callable[[Sequence[object], int], list[str]]]:
        """The columns of a grouping, and how their values become keys."""
        if isinstance(grouping, TimeUnit):
            quarter = cast(table.value(grouping.of), BigInteger) // _QUARTER
            return [quarter], lambda values, _: [_time_key(grouping.unit, zone, values[0])]
        shown = shown_fields(table, [grouping])[0]
        if shown.long:  # the beginning of a long text stands for it
            columns: Sequence[Sql] = [table.column(grouping.name)]
        else:
            columns = shown.columns
        exact = not isinstance(grouping, DataField) and grouping.kind is Kind.ID

        def read(values: Sequence[object], count: int) -> list[str]:
            value = _beginning(values[0]) if shown.long else shown.read(values)
            if isinstance(value, bool):
                return ["true" if value else "false"]
            items = value if isinstance(value, tuple) else (value,)
            keys = {}
            for item in items:
                if item is not None:
                    text = str(item)
                    key = text if exact else text_key(text)
                    keys[key] = text
                    self._spellings[place][key][text] += count
            return list(keys) or [_MISSING]

        return columns, read


def _time_key(unit: str, zone: tzinfo, quarter: object) -> str:
    return _MISSING if not isinstance(quarter, int) else _unit_key(unit, zone, quarter)


@lru_cache(maxsize=200_000)
def _unit_key(unit: str, zone: tzinfo, quarter: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=quarter * _QUARTER)
    try:
        return _UNITS[unit](moment.astimezone(zone))
    except OverflowError:  # at the ends of the calendar
        return _UNITS[unit](moment)


def _beginning(key: object) -> str | None:
    """The beginning of a long text, without the marks of its key."""
    return None if key is None else str(key).replace(WORD_MARK, "")
