"""The columns of each field, as its kind decides."""

from collections.abc import Iterable, Iterator

from sqlalchemy import BigInteger, Boolean, Column, Float

from convocore_mcp.fields.table import FIELDS, Field, Kind, Rows, Storage
from convocore_mcp.store.database.columns import AnyColumn, AnyType, Text

SHOWN, ITEMS, ALIASES, UNPARSED_TEXT = "_shown", "_items", "_aliases", "_text"
"""What the names of further columns end in: the text where it differs from its key; the items of a
list; the list of other names; a value that is no number."""
DIGEST, SOURCE = "_digest", "_from"
"""Those of a long text: what tells it from others with its beginning; the version that has it."""


def fields_of(rows: Rows) -> tuple[Field, ...]:
    """The fields of a kind of row that are stored."""
    return tuple(f for f in FIELDS if f.rows in {rows, Rows.BOTH} and f.storage is not Storage.NONE)


def is_long(field: Field) -> bool:
    """Whether the text itself is kept elsewhere."""
    return field.storage is Storage.TEXT


def column_names(field: Field, rows: Rows) -> tuple[str, ...]:
    """The columns of a field; by the first one it is compared and sorted."""
    name = field.name
    if is_long(field):
        return (name, name + DIGEST, *([name + SOURCE] if rows is Rows.LEADS else []))
    match field.kind:
        case Kind.TEXT | Kind.CHOICE:
            aliases = (name + ALIASES,) if field.aliases else ()
            return (name, name + SHOWN, *aliases)
        case Kind.LIST:
            return (name, name + ITEMS)
        case Kind.MONEY:
            return (name, name + UNPARSED_TEXT)
        case _:
            return (name,)


def field_columns(rows: Rows) -> Iterator[AnyColumn]:
    """New columns for all fields of a kind of row, those of equal kind together."""
    for field in in_column_order(fields_of(rows)):
        for name in column_names(field, rows):
            yield Column(name, _type(field, name))


def in_column_order(fields: Iterable[Field]) -> list[Field]:
    """Short values first: an engine steps over all columns before the one that it reads.

    Fields that are stored in the same form stand together.
    """
    return sorted(fields, key=lambda field: (is_long(field), _ORDER[field.kind], field.aliases))


_ORDER = {
    kind: index
    for index, kinds in enumerate(
        (
            {Kind.NUMBER},
            {Kind.TIME, Kind.DATE},
            {Kind.FLAG},
            {Kind.ID},
            {Kind.MONEY},
            {Kind.CHOICE},
            {Kind.TEXT},
            {Kind.LIST},
        )
    )
    for kind in kinds
}


def _type(field: Field, column: str) -> AnyType:
    if column.endswith(SOURCE) and is_long(field):
        return BigInteger()
    if column != field.name:
        return Text()
    match field.kind:
        case Kind.NUMBER | Kind.MONEY:
            return Float()
        case Kind.TIME | Kind.DATE:
            return BigInteger()
        case Kind.FLAG:
            return Boolean()
        case _:
            return Text()
