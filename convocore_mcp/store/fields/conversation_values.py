"""The row of field values of one version of a conversation.

What to read is decided once, when this module is imported: a full sync makes a row for each of
hundreds of thousands of conversations.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from convocore_mcp.fields.numbers import read_number
from convocore_mcp.fields.reading import READ_FIELDS
from convocore_mcp.fields.table import Field, Kind, Rows
from convocore_mcp.models import Conversation, DerivedKeys, ReadValue
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.fields.field_columns import (
    column_names,
    fields_of,
    in_column_order,
    is_long,
)
from convocore_mcp.store.fields.text_keys import BEGINNING, list_key, stored_text, text_key
from convocore_mcp.words.folding import fold
from convocore_mcp.words.visible_text import visible

StoredValue = str | int | float | bool | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
LONGEST_DATA = 2_000
"""Characters of a captured value that are compared."""
MOST_DATA = 100
"""Captured values of a conversation that can be asked for."""
OVERDUE_BY_ALERT_ALONE = 0
"""Stored as the moment from which on something is overdue where only the CRM's alert says so."""


class DueMoments(NamedTuple):
    """When things are due and overdue, in milliseconds (`leads.due_dates`)."""

    dues: tuple[tuple[int, int], ...] = ()
    activity_overdue_at: int | None = None
    close_overdue_at: int | None = None


def milliseconds(value: ReadValue, zone: tzinfo) -> int | None:
    """A time as it is stored; a day begins in `zone`, and a time without a zone is one there."""
    if type(value) is datetime:
        aware = value if value.tzinfo else value.replace(tzinfo=zone)
        return (aware - _EPOCH) // _MILLISECOND
    return _midnight(value, zone) if isinstance(value, date) else None


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: tzinfo) -> int:
    return (datetime.combine(day, time(), zone) - _EPOCH) // _MILLISECOND


def _preview(c: Conversation) -> str | None:
    return c.last_message or c.summary


_WORKED_OUT: dict[str, Callable[[Conversation, DerivedKeys], ReadValue]] = {
    "created": lambda c, _: c.first_message or c.last_activity,
    "preview": lambda c, _: _preview(c),
    "currency": lambda _, keys: keys.currency,
    "value": lambda _, keys: keys.amount,
}
"""Fields that are no attribute of a conversation, and no part of its record either."""
_RENAMED = {"ai_usd": "usd", "test": "is_test", "blocked": "is_blocked"}
_FIELDS = in_column_order(fields_of(Rows.CONVERSATIONS))
_READ = {field.name: place for place, field in enumerate(READ_FIELDS)}
_ATTRIBUTES = [f for f in _FIELDS if f.name not in _READ and f.name not in _WORKED_OUT]
_attributes = attrgetter(*(_RENAMED.get(f.name, f.name) for f in _ATTRIBUTES))
_NOTHING_READ = (None,) * len(READ_FIELDS)
COLUMNS: tuple[str, ...] = (
    "valid_from",
    "valid_to",
    "activity_overdue_at",
    "close_overdue_at",
    "first_due_at",
    *(name for field in _FIELDS for name in column_names(field, Rows.CONVERSATIONS)),
    "dues",
    "data",
    "shares",
)
"""The columns of `conversation_fields`, in the order of a row."""


def _place(field: Field) -> int:
    """Where the value of a field stands among all that are read."""
    if field in _ATTRIBUTES:
        return _ATTRIBUTES.index(field)
    if field.name in _READ:
        return len(_ATTRIBUTES) + _READ[field.name]
    return len(_ATTRIBUTES) + len(READ_FIELDS) + list(_WORKED_OUT).index(field.name)


_PLAIN, _MOMENT, _FLAG, _SHORT, _ALIASED, _LIST, _MONEY, _LONG = range(8)
_FORMS = {
    Kind.NUMBER: _PLAIN,
    Kind.ID: _PLAIN,
    Kind.TIME: _MOMENT,
    Kind.DATE: _MOMENT,
    Kind.FLAG: _FLAG,
    Kind.TEXT: _SHORT,
    Kind.CHOICE: _SHORT,
    Kind.LIST: _LIST,
    Kind.MONEY: _MONEY,
}


def _form(field: Field) -> int:
    if is_long(field):
        return _LONG
    return _ALIASED if field.aliases else _FORMS[field.kind]


_STEPS = [(_form(field), _place(field)) for field in _FIELDS]
"""For each field in the order of the columns: how it is stored, and where its value stands."""


def conversation_values(
    c: Conversation, keys: DerivedKeys, due: DueMoments, zone: tzinfo, texts: list[str | None]
) -> list[StoredValue]:
    """The values for `COLUMNS` from `activity_overdue_at` on; `texts` gets the long texts' keys."""
    worked_out = (of(c, keys) for of in _WORKED_OUT.values())
    values = (*_attributes(c), *(c.facts.values or _NOTHING_READ), *worked_out)
    row: list[StoredValue] = [
        due.activity_overdue_at,
        due.close_overdue_at,
        min(at for at, _ in due.dues) if due.dues else None,
    ]
    for form, place in _STEPS:
        value = values[place]
        if form == _PLAIN:
            row.append(storable(value) if type(value) is str else value)
        elif form == _SHORT:
            row += _NO_TEXT if value is None else stored_text(value)
        elif form == _MOMENT:
            row.append(None if value is None else milliseconds(value, zone))
        elif form == _FLAG:
            row.append(bool(value))
        elif form == _LIST:
            row += _NO_TEXT if not value else _stored_list(value)
        elif form == _LONG:
            key = None if value is None else text_key(storable(value))
            texts.append(key)
            row.append(key and key[:BEGINNING])
        elif form == _MONEY:
            row += (value, storable(str(c.value)) if keys.unparsed else None)
        else:
            row += _NO_TEXT if value is None else stored_text(value)
            row.append(list_key(tuple(map(storable, c.assignees))))
    row += (
        _json(due.dues) if due.dues else None,
        _stored_data(c) if c.facts.data else None,
        _stored_shares(c) if c.facts.shares else None,
    )
    return row


_NO_TEXT = (None, None)


@lru_cache(maxsize=4096)
def _stored_list(items: tuple[str, ...]) -> tuple[str | None, str]:
    clean = tuple(map(storable, items))
    return list_key(clean), _json(clean)


def data_name(name: str) -> str:
    """A captured variable's name as it is stored: what a path in JSON can't hold is replaced."""
    shown = visible(name)
    if len(shown) > 2 and shown[0] == shown[-1] and shown[0] in "\"'":
        shown = shown[1:-1].strip()  # in conditions, quotes around a name are optional
    folded = storable(shown.lower() if shown.isascii() else fold(shown))
    return folded if folded.isidentifier() else "".join(map(_in_path, folded))


def _in_path(char: str) -> str:
    return "\ufffd" if char in '"\\' or not char.isprintable() else char


def _stored_data(c: Conversation) -> str | None:
    data: dict[str, tuple[str, float | None, str | None]] = {}
    for name, value in c.facts.data.items():
        text = data_text(value)
        if text and len(data) < MOST_DATA:
            key, shown = stored_text(text)
            data[data_name(str(name))] = (key, read_number(text), shown)
    return _json(data) if data else None


def data_text(value: object) -> str:
    """A captured value as text; empty if there is none."""
    match value:
        case None:
            return ""
        case str():
            return visible(value)[:LONGEST_DATA]
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.15g}" if isinstance(value, float) else str(value)[:LONGEST_DATA]
        case list() if all(isinstance(item, str | int | float) for item in value):
            return ", ".join(filter(None, map(data_text, value)))[:LONGEST_DATA]
        case _:
            return _json(value)[:LONGEST_DATA] if value else ""


def _stored_shares(c: Conversation) -> str | None:
    shares = c.facts.shares
    only_last = len(shares) == 1 and shares[0].model == c.model
    if only_last and (shares[0].tokens, shares[0].usd) == (c.tokens, c.usd):
        return None
    return _json([(storable(share.model), share.tokens, share.usd) for share in shares])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
