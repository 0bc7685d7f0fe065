"""The row of field values of a lead: those of its conversations, merged as the table says.

Pure: rows in, a row out.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from functools import lru_cache
from operator import itemgetter

from convocore_mcp.fields.table import Field, Merge, Rows, Storage
from convocore_mcp.models import WAITING, Lead
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.parsed_records import stored_list, stored_object
from convocore_mcp.store.fields.conversation_values import (
    COLUMNS,
    StoredValue,
    milliseconds,
)
from convocore_mcp.store.fields.field_columns import (
    ITEMS,
    SOURCE,
    column_names,
    fields_of,
    in_column_order,
)
from convocore_mcp.store.fields.text_keys import ITEM_MARK, list_key, stored_text, text_key

Values = Sequence[StoredValue]
"""The stored values of a conversation, in the order of `COLUMNS`."""
_FIELDS = in_column_order(fields_of(Rows.LEADS))
LEAD_COLUMNS: tuple[str, ...] = (
    "activity_overdue_at",
    "close_overdue_at",
    "first_due_at",
    "hot_score",
    *(name for field in _FIELDS for name in column_names(field, Rows.LEADS)),
    "due_times",
    "data",
)
"""The columns of `lead_fields` that hold values, in the order of a row."""
_AT = {name: index for index, name in enumerate(COLUMNS)}
_STATE, _STALE, _CHANNEL, _DUE_TIMES, _DATA = (
    _AT[name] for name in ("state", "stale", "channel", "due_times", "data")
)
_CHANNEL_SHOWN = _CHANNEL + 1
_MOMENTS = tuple(_AT[name] for name in LEAD_COLUMNS[:3])
WAITING_KEY = text_key(WAITING)
"""The state of a conversation whose visitor waits, as it is stored."""
MARKS_OF_ONE_ITEM = 2
"""The marks in the key of a list with one item."""


def lead_values(lead: Lead, conversations: Sequence[Values]) -> tuple[StoredValue, ...]:
    """The merged values of a lead; its conversations come newest first."""
    if len(conversations) == 1:  # as most leads have
        return _values_of_one(lead, conversations)
    row = _newest(conversations)
    for at, index in enumerate(_MOMENTS):
        row[at] = _earliest(conversations, index)
    row[_HOT_SCORE] = lead.hot_score
    for at, merge in _MERGED:
        values = tuple(merge(lead, conversations))
        row[at : at + len(values)] = values
    row[_DUE_TIMES_AT], row[_DATA_AT] = _all_due_times(conversations), _data(conversations)
    return tuple(row)


def _newest(conversations: Sequence[Values]) -> list[StoredValue]:
    """The values of the newest conversation, and of the next newest what it lacks."""
    row = list(_copied(conversations[0]))
    missing = [columns for columns in _NEWEST if row[columns[0]] is None]
    for older in conversations[1:]:
        if not missing:
            break
        values = _copied(older)
        for columns in missing:
            if values[columns[0]] is not None:
                for at in columns:
                    row[at] = values[at]
        missing = [columns for columns in missing if row[columns[0]] is None]
    for text, source in _LONG_TEXTS:
        if row[text] is None:
            row[source] = None
    return row


def _values_of_one(lead: Lead, conversations: Sequence[Values]) -> tuple[StoredValue, ...]:
    """The same of a lead with one conversation: nearly everything is copied."""
    row = _newest(conversations)
    row[_HOT_SCORE] = lead.hot_score
    for at, merge in _NOT_COPIED:
        values = tuple(merge(lead, conversations))
        row[at : at + len(values)] = values
    for at in map(LEAD_COLUMNS.index, UNIONS):
        key = row[at]
        if key is not None and str(key).count(ITEM_MARK) > MARKS_OF_ONE_ITEM:
            row[at : at + 2] = stored_items(tuple(stored_list(row[at + 1])))
    return tuple(row)


_Merge = Callable[[Lead, Sequence[Values]], Iterable[StoredValue]]


def _earliest(conversations: Sequence[Values], index: int) -> StoredValue:
    known = [v for row in conversations if isinstance(v := row[index], int | float)]
    return min(known) if known else None


def _first(field: Field) -> _Merge:
    index = _AT[field.name]
    return lambda _, conversations: (_earliest(conversations, index),)


def _sum(field: Field) -> _Merge:
    index = _AT[field.name]

    def merge(_: Lead, conversations: Sequence[Values]) -> Iterable[StoredValue]:
        if len(conversations) == 1:
            return (conversations[0][index],)
        known = [v for row in conversations if isinstance(v := row[index], int | float)]
        return (sum(known) if known else None,)

    return merge


def _union(field: Field) -> _Merge:
    key, items = _AT[field.name], _AT[field.name + ITEMS]

    def merge(_: Lead, conversations: Sequence[Values]) -> Iterable[StoredValue]:
        having = [row for row in conversations if row[key] is not None]
        if not having:
            return (None, None)
        if len(having) == 1 and str(having[0][key]).count(ITEM_MARK) == MARKS_OF_ONE_ITEM:
            return having[0][key : items + 1]
        return stored_items(tuple(i for row in having for i in stored_list(row[items])))

    return merge


@lru_cache(maxsize=1024)
def stored_items(items: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The items without those that are equal but for case and accents."""
    by_key: dict[str, str] = {}
    for item in items:
        by_key.setdefault(text_key(item), item)
    distinct = tuple(by_key.values())
    return (list_key(distinct), _json(distinct)) if distinct else (None, None)


def _channels(_: Lead, conversations: Sequence[Values]) -> Iterable[StoredValue]:
    shown = (row[_CHANNEL_SHOWN] or row[_CHANNEL] for row in conversations)
    return stored_items(tuple(str(channel) for channel in shown if channel is not None))


def _value(lead: Lead, _: Sequence[Values]) -> Iterable[StoredValue]:
    return (lead.amount, storable(str(lead.value)) if lead.unparsed else None)


def _currency(lead: Lead, _: Sequence[Values]) -> Iterable[StoredValue]:
    return (None, None) if lead.currency is None else stored_text(lead.currency)


def _waiting(_: Lead, conversations: Sequence[Values]) -> Iterable[StoredValue]:
    return (any(row[_STATE] == WAITING_KEY for row in conversations),)


def _stale(_: Lead, conversations: Sequence[Values]) -> Iterable[StoredValue]:
    return (any(row[_STALE] for row in conversations),)


def _all_due_times(conversations: Sequence[Values]) -> str | None:
    having = [str(row[_DUE_TIMES]) for row in conversations if row[_DUE_TIMES] is not None]
    if len(having) <= 1:
        return having[0] if having else None
    return _json([pair for due_times in having for pair in stored_list(due_times)])


def _data(conversations: Sequence[Values]) -> str | None:
    """By name, the captured value of the newest conversation that has it."""
    having = [str(row[_DATA]) for row in conversations if row[_DATA] is not None]
    if len(having) <= 1:
        return having[0] if having else None
    data: dict[str, object] = {}
    for older in reversed(having):
        data |= stored_object(older)
    return _json(data)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_SPECIAL: dict[str, _Merge] = {
    "lead_id": lambda lead, _: (storable(lead.lead_id),),
    "agent_id": lambda lead, _: (lead.agent_id,),
    "last_activity": lambda lead, _: (milliseconds(lead.last_activity, UTC),),
    "value": _value,
    "currency": _currency,
    "stale": _stale,
    "waiting": _waiting,
    "channels": _channels,
    "conversations": lambda lead, _: (len(lead.conversation_ids),),
}
"""How fields with `Merge.SPECIAL` are computed."""


def _merge_of(field: Field) -> _Merge:
    match field.merge:
        case Merge.SUM:
            return _sum(field)
        case Merge.FIRST:
            return _first(field)
        case Merge.UNION:
            return _union(field)
        case _:
            return _SPECIAL[field.name]


_INDICES = {field: LEAD_COLUMNS.index(field.name) for field in _FIELDS}
_NEWEST = [
    tuple(range(_INDICES[field], _INDICES[field] + len(column_names(field, Rows.LEADS))))
    for field in _FIELDS
    if field.merge is Merge.NEWEST
]
"""The columns of each field of which the newest conversation that has it decides."""
_MERGED = [(_INDICES[f], _merge_of(f)) for f in _FIELDS if f.merge is not Merge.NEWEST]
"""All other merges, each with the index of its first column."""
_DUE_TIMES_AT, _DATA_AT = LEAD_COLUMNS.index("due_times"), LEAD_COLUMNS.index("data")


def _sources() -> Iterator[int]:
    """Where each column of a lead stands in the values of its only conversation.

    For a column that is not copied, any index will do: its value is replaced later.
    """
    for name in LEAD_COLUMNS:
        yield _AT["valid_from" if name.endswith(SOURCE) else name] if _is_copied(name) else 0


def _is_copied(name: str) -> bool:
    return name in _AT or name.endswith(SOURCE)


_copied = itemgetter(*_sources())
_HOT_SCORE = LEAD_COLUMNS.index("hot_score")
UNIONS = tuple(field.name for field in _FIELDS if field.merge is Merge.UNION)
"""Lists, which may name the same item twice in a conversation; a lead has it once."""
_LONG_TEXTS = [
    (LEAD_COLUMNS.index(field.name), LEAD_COLUMNS.index(field.name + SOURCE))
    for field in _FIELDS
    if field.storage is Storage.TEXT
]
"""The columns of long texts, each with that of the version which has it."""
_NOT_COPIED = [
    (_INDICES[field], _SPECIAL[field.name])
    for field in _FIELDS
    if field.merge is Merge.SPECIAL and field.name != "stale"
]
"""Merges that do more than copy, each with the index of its first column.

Not that of `stale`: the flag of a lead's only conversation is copied.
"""
