"""Which values of a field occur: all of them, or those that are sorted next to a given one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import ColumnElement, Connection, func, literal, select, union_all

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.row_query import KnownValues
from convocore_mcp.fields.table import Kind
from convocore_mcp.store.database.columns import Sql, Text, storable
from convocore_mcp.store.field_queries.groups.row_ranges import read_in_ranges
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import ShownField, shown_fields
from convocore_mcp.store.fields.text_keys import ITEM_MARK, text_key

MAX_FIELD_VALUES = 1_000
"""Values that are counted. A field with more has nearly one for each row, as an email address."""
NEIGHBOURS = 60
"""Rows that are read before and after the position at which a value would be sorted."""


def values(
    connection: Connection,
    table: RowTable,
    valid: ColumnElement[bool],
    field: FieldName,
    near: str,
) -> KnownValues:
    """The values of a text or list field, the most frequent first.

    Where they are too many, these are the values before and after `near` in the order of keys. Of
    each, the most frequent spelling is given. Long texts have no values that anybody could name.
    """
    shown = shown_fields(table, [field])[0]
    if shown.long:
        return KnownValues((), 0)
    key = shown.columns[0] if isinstance(field, DataField) else table.value(field)
    known = [valid, key.is_not(None)]
    count = func.count().label("count")
    counted = select(*shown.columns, count).where(*known).group_by(*shown.columns)
    spellings: dict[str, Counter[str]] = {}
    for rows in read_in_ranges(connection, table, counted):
        for *parts, occurs in rows:
            for text in _texts(shown.read(parts)):
                spellings.setdefault(_key_of(field, text), Counter())[text] += cast("int", occurs)
        if len(spellings) > MAX_FIELD_VALUES:
            found = _neighbours(connection, shown, key, known, _key_of(field, near))
            return KnownValues(tuple(found), MAX_FIELD_VALUES, more=True)
    by_frequency = sorted(spellings.items(), key=lambda item: (-item[1].total(), item[0]))
    usual = [most_frequent_spelling(counts) for _, counts in by_frequency]
    return KnownValues(tuple(usual), len(by_frequency))


def _key_of(field: FieldName, text: str) -> str:
    """The stored key of a value, by which it is compared and sorted."""
    if isinstance(field, DataField) or field.kind not in {Kind.ID, Kind.LIST}:
        return text_key(storable(text))
    return storable(text) if field.kind is Kind.ID else f"{ITEM_MARK}{text_key(storable(text))}"


def _neighbours(
    connection: Connection,
    shown: ShownField,
    key: Sql,
    known: Sequence[ColumnElement[bool]],
    near: str,
) -> list[str]:
    """The values before and after `near` in the order of keys.

    Those that have the longest beginning in common with it come first.
    """
    rows = select(
        key.label("key"), *(column.label(f"s{i}") for i, column in enumerate(shown.columns))
    )
    keyed = rows.where(*known).cte("keyed")
    given = literal(near, Text)
    after = select(keyed).where(keyed.c.key >= given).order_by(keyed.c.key).limit(NEIGHBOURS)
    before = select(keyed).where(keyed.c.key < given).order_by(keyed.c.key.desc())
    both = union_all(*(select(side.subquery()) for side in (after, before.limit(NEIGHBOURS))))
    found: dict[str, tuple[str, str]] = {}
    for stored, *parts in connection.execute(both):
        for text in _texts(shown.read(parts)):
            found.setdefault(text_key(text), (str(stored), text))
    nearest = sorted(found.values(), key=lambda each: (-_common_prefix_length(near, each[0]), each))
    return [text for _, text in nearest]


def _common_prefix_length(one: str, other: str) -> int:
    """How many characters both texts begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(other))


def _texts(value: object) -> Iterable[str]:
    items = value if isinstance(value, tuple) else (value,)
    return (text for text in items if isinstance(text, str))


def most_frequent_spelling(counts: Counter[str]) -> str:
    """The most frequent spelling; of equally frequent ones the first in code point order."""
    return min(counts, key=lambda text: (-counts[text], text))
