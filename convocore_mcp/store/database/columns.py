"""Column types that behave alike in SQLite and PostgreSQL."""

import re
from typing import Any, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    TypeDecorator,
    types,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine

TSVECTOR_OF_TOKENS = "array_to_tsvector(string_to_array(?, ' '))"
"""How PostgreSQL makes a `tsvector` of tokens without a parser of its own."""
Sql: TypeAlias = ColumnElement[Any]
"""An expression of any type."""
AnyColumn: TypeAlias = Column[Any]
AnyType: TypeAlias = TypeEngine[Any]
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` with U+FFFD in place of every character that an engine can't store (`Text`)."""
    return text if is_storable(text) else _UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether an engine can store `text` as it is; much faster than looking at its characters."""
    if "\0" in text:
        return False
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate
            return False
    return True


class Text(TypeDecorator[str]):
    """Text that both engines store, and sort by code point.

    PostgreSQL would sort by its locale. Neither engine accepts a lone surrogate (half an emoji);
    a NUL character ends the text in SQLite and is refused by PostgreSQL. Both characters become
    U+FFFD, in stored rows and in query parameters alike.
    """

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The engine's own type."""
        plain = types.Text(collation="C" if dialect.name == "postgresql" else None)
        return dialect.type_descriptor(plain)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """The value that is sent to the engine."""
        return None if value is None else storable(value)


class Tokens(TypeDecorator[str]):
    """Search tokens, separated by blanks; PostgreSQL stores them as a `tsvector`."""

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The engine's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TSVECTOR())
        return dialect.type_descriptor(types.Text())
