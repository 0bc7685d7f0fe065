"""The keys of groups: what the engine groups by, and what an answer calls it.

Texts are one group in spite of case and accents, under their most frequent spelling. A list counts
in the group of each of its items. A time belongs to a day, week, month, weekday or hour of the
time zone.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import product

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.table import Kind
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.field_queries.local_times import day_of
from convocore_mcp.store.fields.text_keys import WORD_MARK, stored_text, text_key

KeyPart = str | bool | None
GroupKey = tuple[str, ...]
"""A key that compares and sorts: missing values are `_MISSING`, texts their keys."""
_MISSING = "\U0010ffff"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS: dict[str, Callable[[datetime], str]] = {
    "day": lambda day: f"{day:%Y-%m-%d}",
    "week": lambda day: "{:04}-W{:02}".format(*day.isocalendar()[:2]),
    "month": lambda day: f"{day:%Y-%m}",
    "weekday": lambda day: str(day.weekday()),
}
_NAMES: dict[str, Callable[[str], str]] = {
    "weekday": lambda key: WEEKDAYS[int(key)],
    "hour": lambda key: str(int(key)),
}
"""How a key that sorts is written in an answer, where that is another."""
_Read = Callable[[Sequence[object], int], Sequence[str]]


class GroupKeys:
    """The groupings of one question, each with the columns that the engine groups by."""

    def __init__(self, group_by: Sequence[Grouping], columns: Sequence[Sequence[Sql]]) -> None:
        self.group_by = group_by
        self.columns = [column for of_grouping in columns for column in of_grouping]
        self._spellings: list[dict[str, dict[str, int]]] = [{} for _ in group_by]
        self._parts: list[tuple[int, int, _Read]] = []
        begin = 0
        for place, (grouping, of_grouping) in enumerate(zip(group_by, columns, strict=True)):
            self._parts.append((begin, begin + len(of_grouping), self._reader(grouping, place)))
            begin += len(of_grouping)

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

    def note_spelling(self, place: int, key: str, text: str, count: int) -> None:
        """So many rows have the text, whose key is `key`, in that grouping."""
        spellings = self._spellings[place].setdefault(key, {})
        spellings[text] = spellings.get(text, 0) + count

    def _shown(self, place: int, part: str) -> KeyPart:
        grouping = self.group_by[place]
        if part == _MISSING:
            return None
        if isinstance(grouping, TimeUnit):
            return _NAMES.get(grouping.unit, str)(part)
        if not isinstance(grouping, DataField) and grouping.kind is Kind.FLAG:
            return part == "true"
        spellings = self._spellings[place][part]
        return min(spellings, key=lambda text: (-spellings[text], text))

    def _reader(self, grouping: Grouping, place: int) -> _Read:
        """How the values of a grouping's columns become its keys."""
        if isinstance(grouping, TimeUnit):
            return lambda values, _: (_time_key(grouping.unit, values[0]),)
        kind = None if isinstance(grouping, DataField) else grouping.kind
        if kind is Kind.FLAG:
            return lambda values, _: ("true" if values[0] else "false",)

        def read_text(values: Sequence[object], count: int) -> Sequence[str]:
            if values[0] is None:
                return (_MISSING,)
            text = str(values[0]).replace(WORD_MARK, "")
            key = text if kind is Kind.ID else stored_text(text)[0]
            self.note_spelling(place, key, text, count)
            return (key,)

        def read_list(values: Sequence[object], count: int) -> Sequence[str]:
            keys = dict(_items(values[0]))
            for key, text in keys.items():
                self.note_spelling(place, key, text, count)
            return tuple(keys) or (_MISSING,)

        return read_list if kind is Kind.LIST else read_text


def _items(stored: object) -> tuple[tuple[str, str], ...]:
    """The items of a list, each with its key."""
    return () if stored is None else tuple((text_key(t), t) for t in json.loads(str(stored)))


@lru_cache(maxsize=16384)
def _time_key(unit: str, number: object) -> str:
    if not isinstance(number, int | float):
        return _MISSING
    return f"{int(number):02}" if unit == "hour" else _UNITS[unit](day_of(int(number)))
