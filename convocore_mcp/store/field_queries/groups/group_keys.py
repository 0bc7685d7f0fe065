"""The keys of groups: what the engine groups by, and what an answer calls it.

Texts are one group in spite of case and accents, under their most frequent spelling. A list counts
in the group of each of its items. A time belongs to a day, week, month, weekday or hour of the
time zone.
"""

from collections.abc import Callable, Iterable, Sequence
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
_Spell = Callable[[Sequence[Sequence[object]], Sequence[Sequence[str]]], Iterable[Sequence[str]]]
"""Receives rows of values and the keys of each row; returns how each row spells its keys."""
GroupedValues = tuple[Sequence[GroupKey], Sequence[object], int]
"""The groups that rows with equal values belong to, these values, and the number of rows."""


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
        key_index = len(columns)
        for index, (grouping, column) in enumerate(zip(group_by, columns, strict=True)):
            stored = column.key is not None
            read, spell = _reader(grouping, index, key_index if stored else None)
            self._reads.append(read)
            self._spells.append(spell)
            key_index += stored

    @property
    def overlapping(self) -> bool:
        """Whether a row may be in several groups."""
        return any(getattr(grouping, "kind", None) is Kind.LIST for grouping in self.group_by)

    def of(self, values: Sequence[object]) -> Sequence[GroupKey]:
        """The groups of rows with these values."""
        if len(self._reads) == 1:  # without the work of combining
            return [(part,) for part in self._reads[0](values)]
        return list(product(*(read(values) for read in self._reads)))

    def note_spellings(self, noted: Sequence[GroupedValues]) -> None:
        """Count the spellings of what rows with these values have in common."""
        for index, spell in enumerate(self._spells):
            if spell is None:
                continue
            known = [each for each in noted if each[0][0][index] != MISSING]
            parts = [[key[index] for key in keys] for keys, _, _ in known]
            texts = spell([values for _, values, _ in known], parts)
            for (_, _, count), of_row, spelled in zip(known, parts, texts, strict=True):
                for part, text in zip(of_row, spelled, strict=True):
                    self.note_spelling(index, part, text, count)

    def shown(self, key: GroupKey) -> tuple[KeyPart, ...]:
        """The key as an answer has it."""
        return tuple(self._shown(index, part) for index, part in enumerate(key))

    def time_order(self, key: GroupKey) -> tuple[GroupKey, GroupKey]:
        """Sorts groups by time, oldest first; a row without the time is older than all."""
        times = tuple(
            "" if part == MISSING else part
            for part, grouping in zip(key, self.group_by, strict=True)
            if isinstance(grouping, TimeUnit)
        )
        return (times, key)

    def note_spelling(self, index: int, key: str, text: str, count: int) -> None:
        """Count a spelling: `count` rows have `text`, whose key in grouping `index` is `key`."""
        spellings = self._spellings[index].setdefault(key, {})
        spellings[text] = spellings.get(text, 0) + count

    def _shown(self, index: int, part: str) -> KeyPart:
        grouping = self.group_by[index]
        if part == MISSING:
            return None
        if isinstance(grouping, TimeUnit):
            return _NAMES.get(grouping.unit, str)(part)
        if not isinstance(grouping, DataField) and grouping.kind is Kind.FLAG:
            return part == "true"
        spellings = self._spellings[index][part]
        return min(spellings, key=lambda text: (-spellings[text], text))


def _reader(grouping: Grouping, index: int, key_index: int | None) -> tuple[_Read, _Spell | None]:
    """Two functions: one makes keys of the value at `index`, the other says how it spells them.

    `key_index` is where a stored key is, if there is one.
    """
    if isinstance(grouping, TimeUnit):
        return lambda values: (_time_key(grouping.unit, values[index]),), None
    if isinstance(grouping, DataField):
        return (
            lambda values: (_entry(values[index])[0],),
            _one_text(lambda values: _entry(values[index])[1]),
        )
    kind = grouping.kind
    if kind is Kind.FLAG:
        return lambda values: ("true" if values[index] else "false",), None
    if key_index is None:
        spelling = str if kind is Kind.ID else _text
        key_of = str if kind is Kind.ID else lambda text: stored_text(_text(text))[0]
        return (
            lambda values: (MISSING if values[index] is None else key_of(str(values[index])),),
            _one_text(lambda values: spelling(str(values[index]))),
        )
    if kind is Kind.LIST:
        return (
            lambda values: tuple(dict.fromkeys(_items(values[key_index]))) or (MISSING,),
            lambda rows, keys: _spelled([(v[key_index], v[index]) for v in rows], keys),
        )
    return (
        lambda values: (MISSING if values[key_index] is None else str(values[key_index]),),
        _one_text(lambda values: _text(values[index])),
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


def _one_text(text_of: Callable[[Sequence[object]], str]) -> _Spell:
    """Spells where each row has one key."""
    return lambda rows, keys: [
        [text_of(values)] * len(of_row) for values, of_row in zip(rows, keys, strict=True)
    ]


def _spelled(
    lists: Sequence[tuple[object, object]], keys: Sequence[Sequence[str]]
) -> Iterable[Sequence[str]]:
    """How some items of each of these lists are spelled, from their keys and what is stored."""
    # Parsed as one text: parsing each list alone takes four times as long.
    stored = stored_list(f"[{','.join(str(items) for _, items in lists)}]")
    for (key, _), items, wanted in zip(lists, stored, keys, strict=True):
        spellings = dict(zip(_items(key), items, strict=True))
        yield [spellings[part] for part in wanted]


@lru_cache(maxsize=16384)
def _time_key(unit: str, number: object) -> str:
    if not isinstance(number, int | float):
        return MISSING
    return f"{int(number):02}" if unit == "hour" else _UNITS[unit](day_of(int(number)))
