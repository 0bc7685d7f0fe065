"""Types of columns that both engines keep, sort and search alike."""

import re

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    TypeDecorator,
    func,
    type_coerce,
    types,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Text(TypeDecorator[str]):
    """Text that sorts by code point in both engines, and that both can keep.

    PostgreSQL would sort as its locale does, and neither engine takes half an emoji; a NUL ends
    the text in one and is refused by the other. Both become U+FFFD, in rows and questions alike.
    """

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The engine's own type."""
        plain = types.Text(collation="C" if dialect.name == "postgresql" else None)
        return dialect.type_descriptor(plain)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """What is sent to the engine."""
        if value is None or (value.isascii() and "\0" not in value):  # as nearly all are
            return value
        return _UNSTORABLE.sub("\ufffd", value)


class Tokens(TypeDecorator[str]):
    """What a row is found by, with blanks between; in PostgreSQL it is kept as a `tsvector`."""

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The engine's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(_TokenVector())
        return dialect.type_descriptor(types.Text())


class _TokenVector(TSVECTOR):
    """Written as text: no parser of the database's sees it."""

    def bind_expression(self, bindvalue: BindParameter[str]) -> ColumnElement[str]:
        """What stands in the statement for a value."""
        return func.array_to_tsvector(func.string_to_array(type_coerce(bindvalue, types.Text), " "))
