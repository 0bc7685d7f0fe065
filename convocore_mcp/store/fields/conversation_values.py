"""The row of field values of one version of a conversation.

What to read is decided once, when this module is imported: a full sync makes a row for each of
hundreds of thousands of conversations.
"""

import json
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import NamedTuple

from convocore_mcp.fields.amounts.numbers import read_number
from convocore_mcp.fields.captured_data import MAX_DATA_LENGTH, folded_name
from convocore_mcp.fields.reading import READ_FIELDS
from convocore_mcp.fields.table import Field, Kind, Rows
from convocore_mcp.models import Conversation, DerivedKeys, ReadValue
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import to_milliseconds
from convocore_mcp.store.fields.field_columns import (
    column_names,
    fields_of,
    in_column_order,
    is_long,
)
from convocore_mcp.store.fields.text_keys import list_key, long_text_key, stored_text, text_key
from convocore_mcp.words.visible_text import visible

StoredValue = str | int | float | bool | None
_ESCAPE = "\ufffd"
_ESCAPED = frozenset(f'"\\{_ESCAPE}')
OVERDUE_BY_ALERT_ALONE = 0
"""Stored as the moment from which on something is overdue where only the CRM's alert says so."""


class DueMoments(NamedTuple):
    """When things are due and overdue, in milliseconds (`leads.due_dates`)."""

    due_times: tuple[tuple[int, int], ...] = ()
    activity_overdue_at: int | None = None
    close_overdue_at: int | None = None


def milliseconds(value: ReadValue, zone: tzinfo) -> int | None:
    """A time as it is stored; a day begins in `zone`, and a time without a zone is one there."""
    if type(value) is datetime:
        return to_milliseconds(value if value.tzinfo else value.replace(tzinfo=zone))
    return _midnight(value, zone) if isinstance(value, date) else None


@lru_cache(maxsize=1024)
def _midnight(day: date, zone: tzinfo) -> int | None:
    return to_milliseconds(datetime.combine(day, time(), zone))


_COMPUTED = ("created", "preview", "currency", "value")
"""Fields that are no attribute of a conversation, and no part of its record either."""


def _computed_values(c: Conversation, keys: DerivedKeys) -> tuple[ReadValue, ...]:
    """The values of `_COMPUTED`."""
    created, preview = c.first_message or c.last_activity, c.last_message or c.summary
    return (created, preview, keys.currency, keys.amount)


_RENAMED = {"ai_usd": "usd", "test": "is_test", "blocked": "is_blocked"}
_FIELDS = in_column_order(fields_of(Rows.CONVERSATIONS))
_READ = {field.name: index for index, field in enumerate(READ_FIELDS)}
_ATTRIBUTES = [f for f in _FIELDS if f.name not in _READ and f.name not in _COMPUTED]
_attributes = attrgetter(*(_RENAMED.get(f.name, f.name) for f in _ATTRIBUTES))
_NOTHING_READ = (None,) * len(READ_FIELDS)
COLUMNS: tuple[str, ...] = (
    "valid_from",
    "valid_to",
    "activity_overdue_at",
    "close_overdue_at",
    "first_due_at",
    *(name for field in _FIELDS for name in column_names(field, Rows.CONVERSATIONS)),
    "due_times",
    "data",
    "shares",
)
"""The columns of `conversation_fields`, in the order of a row."""


def _index(field: Field) -> int:
    """Where the value of a field stands among all that are read."""
    if field in _ATTRIBUTES:
        return _ATTRIBUTES.index(field)
    if field.name in _READ:
        return len(_ATTRIBUTES) + _READ[field.name]
    return len(_ATTRIBUTES) + len(READ_FIELDS) + _COMPUTED.index(field.name)


_in_order = itemgetter(*map(_index, _FIELDS))
"""The values in the order of the columns."""


def _slice_of(*kinds: Kind, long: bool = False, aliases: bool = False) -> slice:
    """Where the values stand that are stored in one form; they stand together."""
    indices = [
        index
        for index, field in enumerate(_FIELDS)
        if is_long(field) == long and field.aliases == aliases and (long or field.kind in kinds)
    ]
    return slice(indices[0], indices[-1] + 1)


_NUMBERS, _MOMENTS, _FLAGS = (
    _slice_of(Kind.NUMBER),
    _slice_of(Kind.TIME, Kind.DATE),
    _slice_of(Kind.FLAG),
)
_IDS, _CHOICES, _TEXTS = _slice_of(Kind.ID), _slice_of(Kind.CHOICE), _slice_of(Kind.TEXT)
_ALIASED, _LISTS, _LONG = (
    _slice_of(Kind.TEXT, aliases=True),
    _slice_of(Kind.LIST),
    _slice_of(long=True),
)
_NO_TEXT = (None, None)


def conversation_values(
    c: Conversation, keys: DerivedKeys, due: DueMoments, zone: tzinfo, texts: list[str | None]
) -> list[StoredValue]:
    """The values for `COLUMNS` from `activity_overdue_at` on; `texts` gets the long texts' keys."""
    read = c.facts.values or _NOTHING_READ
    values = _in_order((*_attributes(c), *read, *_computed_values(c, keys)))
    row: list[StoredValue] = [
        due.activity_overdue_at,
        due.close_overdue_at,
        min(at for at, _ in due.due_times) if due.due_times else None,
        *values[_NUMBERS],
        *[None if value is None else milliseconds(value, zone) for value in values[_MOMENTS]],
        *map(bool, values[_FLAGS]),
        *[None if value is None else storable(value) for value in values[_IDS]],
        keys.amount,
        storable(str(c.value)) if keys.unparsed else None,
    ]
    for value in values[_CHOICES]:
        row += _NO_TEXT if value is None else stored_text(value)
    for value in values[_TEXTS]:
        row += _NO_TEXT if value is None else stored_text(value)
    for value in values[_ALIASED]:
        row += _NO_TEXT if value is None else stored_text(value)
        row.append(_alias_key(c.assignees))
    for items in values[_LISTS]:
        row += _NO_TEXT if not items else _stored_list(items)
    for value in values[_LONG]:
        key = None if value is None else text_key(storable(value))
        texts.append(key)
        row += _NO_TEXT if key is None else long_text_key(key)
    row += (
        _json(due.due_times) if due.due_times else None,
        _stored_data(c) if c.facts.data else None,
        _stored_shares(c) if c.facts.shares else None,
    )
    return row


@lru_cache(maxsize=1024)
def _alias_key(names: tuple[str, ...]) -> str | None:
    return list_key(tuple(map(storable, names)))


@lru_cache(maxsize=1024)
def _stored_list(items: tuple[str, ...]) -> tuple[str | None, str]:
    clean = tuple(map(storable, items))
    return list_key(clean), _json(clean)


def data_name(name: str) -> str:
    """A captured variable's name as it is stored: without what a path in JSON can't hold."""
    folded = storable(folded_name(name))
    return folded if folded.isidentifier() else "".join(map(_in_path, folded))


def _in_path(char: str) -> str:
    # Different names stay different: each character has an escape of its own.
    held = char.isprintable() and char not in _ESCAPED
    return char if held else f"{_ESCAPE}{ord(char):x}{_ESCAPE}"


def folded_data_name(stored: str) -> str:
    """The name of a captured variable, from the name that is stored."""
    if _ESCAPE not in stored:
        return stored
    parts = stored.split(_ESCAPE)
    return "".join(chr(int(part, 16)) if i % 2 else part for i, part in enumerate(parts))


def _stored_data(c: Conversation) -> str | None:
    data: dict[str, tuple[str, float | None, str | None]] = {}
    for name, value in c.facts.data.items():
        text = data_text(value)
        if text:
            key, shown = stored_text(text)
            data[data_name(str(name))] = (key, read_number(text), shown)
    return _json(data) if data else None


def data_text(value: object) -> str:
    """A captured value as text; empty if there is none."""
    match value:
        case None:
            return ""
        case str():
            return visible(value)[:MAX_DATA_LENGTH]
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.15g}" if isinstance(value, float) else str(value)[:MAX_DATA_LENGTH]
        case list() if all(isinstance(item, str | int | float) for item in value):
            return ", ".join(filter(None, map(data_text, value)))[:MAX_DATA_LENGTH]
        case _:
            return _json(value)[:MAX_DATA_LENGTH] if value else ""


def _stored_shares(c: Conversation) -> str | None:
    shares = c.facts.shares
    only_last = len(shares) == 1 and shares[0].model == c.model
    if only_last and (shares[0].tokens, shares[0].usd) == (c.tokens, c.usd):
        return None
    return _json([(storable(share.model), share.tokens, share.usd) for share in shares])


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
