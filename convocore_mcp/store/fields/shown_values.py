"""The values of fields as answers show them: which columns to read, and what they mean."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.table import FieldValue, Kind, Rows
from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.database.parsed_records import stored_list
from convocore_mcp.store.database.rows import chunks, from_milliseconds
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_columns import ITEMS, SHOWN, SOURCE, UNPARSED_TEXT, is_long
from convocore_mcp.store.fields.row_tables import RowTable

_c = conversations.c
_LONG: dict[str, Sql] = {"preview": func.coalesce(_c.last_message, _c.summary)}
"""How a long text is read from `conversations`, where it is not the column of its name."""
Parts = Sequence[object]


@dataclass(frozen=True, slots=True)
class ShownField:
    """The columns of one field in a question, and how they become its value."""

    name: str
    columns: tuple[Sql, ...]
    read: Callable[[Parts], FieldValue]
    long: bool = False
    """Whether the column holds the number of the version that has the text, not the text itself."""


def shown_fields(table: RowTable, fields: Iterable[FieldName]) -> list[ShownField]:
    """What to read for each field."""
    return [shown for field in fields for shown in _shown(table, field)]


def _shown(table: RowTable, field: FieldName) -> list[ShownField]:
    name = field.name
    if isinstance(field, DataField):
        return [ShownField(name, (table.data(field, 0), table.data(field, 2)), _text)]
    if is_long(field):
        leads = table.rows is Rows.LEADS
        version = table.column(name + SOURCE) if leads else table.row_number
        return [ShownField(name, (version,), _plain, long=True)]
    if field.kind is Kind.LIST:
        return [ShownField(name, (table.column(name + ITEMS),), _items)]
    if field.kind in {Kind.TEXT, Kind.CHOICE}:
        return [ShownField(name, (table.value(field), table.column(name + SHOWN)), _text)]
    shown = ShownField(name, (table.value(field),), _READS[field.kind])
    if field.kind is not Kind.MONEY:
        return [shown]
    return [shown, ShownField(name + UNPARSED_TEXT, (table.column(name + UNPARSED_TEXT),), _plain)]


def _plain(parts: Parts) -> FieldValue:
    return parts[0]  # type: ignore[return-value]  # as the column stores it


def _text(parts: Parts) -> FieldValue:
    key, shown = parts
    return str(shown) if shown is not None else key if isinstance(key, str) else None


def _items(parts: Parts) -> FieldValue:
    return tuple(stored_list(parts[0])) if parts[0] else None


def _time(parts: Parts) -> FieldValue:
    return from_milliseconds(parts[0]) if isinstance(parts[0], int) else None


def _number(parts: Parts) -> FieldValue:
    number = parts[0]
    if not isinstance(number, int | float):
        return None
    return int(number) if number == int(number) else number


def _flag(parts: Parts) -> FieldValue:
    return bool(parts[0])


_READS: dict[Kind, Callable[[Parts], FieldValue]] = {
    Kind.TIME: _time,
    Kind.DATE: _time,
    Kind.NUMBER: _number,
    Kind.MONEY: _number,
    Kind.FLAG: _flag,
    Kind.ID: _plain,
    Kind.UNPARSED: _plain,
}


def long_texts(connection: Connection, name: str, versions: Iterable[int]) -> dict[int, str]:
    """The long texts of that field, by version."""
    column = _LONG[name] if name in _LONG else _c[name]
    query = select(_c.valid_from, column)
    return {
        number: text
        for part in chunks(sorted(set(versions)))
        for number, text in connection.execute(query.where(_c.valid_from.in_(part)))
        if text is not None
    }
