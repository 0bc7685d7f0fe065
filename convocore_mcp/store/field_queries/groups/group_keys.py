"""The keys of groups: what the engine groups by, and what an answer calls it.

Texts are one group in spite of case and accents, under their most frequent spelling. A list counts
in the group of each of its items. A time belongs to a day, week, month, weekday or hour of the
time zone.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import product

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.table import Kind
from convocore_mcp.store.database.parsed_records import stored_list
from convocore_mcp.store.field_queries.groups.group_columns import MISSING, GroupColumn
from convocore_mcp.store.field_queries.groups.local_times import day_of
from convocore_mcp.store.fields.text_keys import ITEM_MARK, WORD_MARK, stored_text

KeyPart = str | bool | None
GroupKey = tuple[str, ...]
"""A key that compares and sorts: missing values are `MISSING`, texts their keys."""
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
"""How a sortable key is written in an answer, where the two differ."""
_Read = Callable[[Sequence[object]], Sequence[str]]
_Spell = Callable[[Sequence[object], Sequence[str]], Sequence[str]]
"""Spells parts of keys that rows with certain values have."""


class GroupKeys:
    """The groupings of one question, each with the columns that the engine groups by.

    A question selects `columns`, then `stored_keys`; the values of both are what `of` reads.
    """

    def __init__(self, group_by: Sequence[Grouping], columns: Sequence[GroupColumn]) -> None:
        self.group_by = group_by
        self.columns = [column.value for column in columns]
        self.stored_keys = [column.key for column in columns if column.key is not None]
        self._spellings: list[dict[str, dict[str, int]]] = [{} for _ in group_by]
        self._reads: list[_Read] = []
        self._spells: list[_Spell | None] = []
        at_key = len(columns)
        for place, (grouping, column) in enumerate(zip(group_by, columns, strict=True)):
            stored = column.key is not None
            read, spell = _reader(grouping, place, at_key if stored else None)
            self._reads.append(read)
            self._spells.append(spell)
            at_key += stored

    @property
    def overlapping(self) -> bool:
        """Whether a row may be in several groups."""
        return any(getattr(grouping, "kind", None) is Kind.LIST for grouping in self.group_by)

    def of(self, values: Sequence[object]) -> Sequence[GroupKey]:
        """The groups of rows with these values."""
        if len(self._reads) == 1:  # without the work of combining
            return [(part,) for part in self._reads[0](values)]
        return list(product(*(read(values) for read in self._reads)))

    def note_spellings(
        self, keys: Sequence[GroupKey], values: Sequence[object], count: int
    ) -> None:
        """Count the spellings of these groups' values: `count` rows of each have `values`."""
        for place, spell in enumerate(self._spells):
            parts = [key[place] for key in keys]
            if spell is not None and parts[0] != MISSING:
                for part, text in zip(parts, spell(values, parts), strict=True):
                    self.note_spelling(place, part, text, count)

    def shown(self, key: GroupKey) -> tuple[KeyPart, ...]:
        """The key as an answer has it."""
        return tuple(self._shown(place, part) for place, part in enumerate(key))

    def time_order(self, key: GroupKey) -> tuple[GroupKey, GroupKey]:
        """Sorts groups by time, oldest first; a row without the time is older than all."""
        times = tuple(
            "" if part == MISSING else part
            for part, grouping in zip(key, self.group_by, strict=True)
            if isinstance(grouping, TimeUnit)
        )
        return (times, key)

    def note_spelling(self, place: int, key: str, text: str, count: int) -> None:
        """Count a spelling: `count` rows have `text`, whose key in grouping `place` is `key`."""
        spellings = self._spellings[place].setdefault(key, {})
        spellings[text] = spellings.get(text, 0) + count

    def _shown(self, place: int, part: str) -> KeyPart:
        grouping = self.group_by[place]
        if part == MISSING:
            return None
        if isinstance(grouping, TimeUnit):
            return _NAMES.get(grouping.unit, str)(part)
        if not isinstance(grouping, DataField) and grouping.kind is Kind.FLAG:
            return part == "true"
        spellings = self._spellings[place][part]
        return min(spellings, key=lambda text: (-spellings[text], text))


def _reader(grouping: Grouping, place: int, at_key: int | None) -> tuple[_Read, _Spell | None]:
    """How the values at a place become keys, and how a key is spelled there."""
    if isinstance(grouping, TimeUnit):
        return lambda values: (_time_key(grouping.unit, values[place]),), None
    if isinstance(grouping, DataField):
        return (
            lambda values: (_entry(values[place])[0],),
            lambda values, parts: [_entry(values[place])[1]] * len(parts),
        )
    kind = grouping.kind
    if kind is Kind.FLAG:
        return lambda values: ("true" if values[place] else "false",), None
    if at_key is None:
        key_of = str if kind is Kind.ID else lambda text: stored_text(_text(text))[0]
        return (
            lambda values: (MISSING if values[place] is None else key_of(str(values[place])),),
            lambda values, parts: [_text(values[place])] * len(parts),
        )
    if kind is Kind.LIST:
        return (
            lambda values: tuple(dict.fromkeys(_items(values[at_key]))) or (MISSING,),
            lambda values, parts: _spelled(values[at_key], values[place], parts),
        )
    return (
        lambda values: (MISSING if values[at_key] is None else str(values[at_key]),),
        lambda values, parts: [str(values[place])] * len(parts),
    )


def _text(stored: object) -> str:
    return str(stored).replace(WORD_MARK, "")


def _entry(stored: object) -> tuple[str, str]:
    """The key of a captured value, and the value itself."""
    if stored is None:
        return MISSING, ""
    key, _, text = stored_list(stored)
    return key, key if text is None else text


def _items(key: object) -> list[str]:
    """The keys of the items of a list, from its key."""
    return [] if key is None else str(key)[1:-1].split(ITEM_MARK)


def _spelled(key: object, stored: object, items: Sequence[str]) -> list[str]:
    """How these items of a list are spelled there."""
    spellings = dict(zip(_items(key), stored_list(stored), strict=True))
    return [spellings[item] for item in items]


@lru_cache(maxsize=16384)
def _time_key(unit: str, number: object) -> str:
    if not isinstance(number, int | float):
        return MISSING
    return f"{int(number):02}" if unit == "hour" else _UNITS[unit](day_of(int(number)))
