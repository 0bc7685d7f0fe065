"""Types of columns that both engines keep, sort and search alike."""

import re

from sqlalchemy import (
    Dialect,
    TypeDecorator,
    types,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeEngine

VECTOR = "array_to_tsvector(string_to_array(?, ' '))"
"""How PostgreSQL makes a `tsvector` of tokens: no parser of its own sees them."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as it can be kept (`Text`)."""
    if text.isascii() and "\0" not in text:  # as nearly all is
        return text
    return _UNSTORABLE.sub("\ufffd", text)


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
        return None if value is None else storable(value)


class Tokens(TypeDecorator[str]):
    """What a row is found by, with blanks between; PostgreSQL keeps a `tsvector` (`VECTOR`)."""

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The engine's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TSVECTOR())
        return dialect.type_descriptor(types.Text())
