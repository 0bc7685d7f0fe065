"""The tokens that conversations are found by: FTS5 in SQLite, a GIN index in PostgreSQL.

Everything that a filter can name, except times and numbers to compare, is a *token*: each word of
the texts, each suffix of a long number (so that any part of a number is the prefix of a token), and
each value of a filtered field. A token is the agent's tag, a letter for its kind, and the word or a
digest of the value. So no engine's own parser matters, and both engines find the same.

A query is a list of alternatives: each must be met, by one of its tokens.
"""

import re
from base64 import b32encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2s
from typing import TypeAlias

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Select,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
    select,
    table,
    types,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from convocore_mcp.models import MIN_NUMBER_PART, Conversation
from convocore_mcp.store.database.schema import MAX_INDEX_KEY_LENGTH, SEARCH, conversations
from convocore_mcp.words.folding import fold, single_blanks
from convocore_mcp.words.inflections import language_of
from convocore_mcp.words.queries import MAX_SEARCH_NUMBER_LENGTH, MAX_SEARCH_WORD_LENGTH

MAX_INDEXED_LENGTH = 200_000
"""Characters of all words together: PostgreSQL accepts a megabyte."""
MAX_SUFFIXES = 2_000
"""Suffixes of numbers that are indexed, in one conversation."""

_TAG_LENGTH = 6
_WORD, _SUFFIX, _VALUE = "w", "n", "v"
_CHOICES = ("stage", "state", "label", "channel")
_NUMBER = re.compile(rf"[0-9]{{{MIN_NUMBER_PART},}}")


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of these must be met; at least one is given."""

    items: tuple["TokenQuery", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these must be met; at least one is given."""

    items: tuple["TokenQuery", ...]


TokenQuery: TypeAlias = str | AllOf | AnyOf
"""A token must occur; one that ends in `*` is a prefix."""


def tokens(c: Conversation, text: str) -> str:
    """The tokens of a conversation, separated by blanks; `text` holds its words."""
    tag = agent_tag(c.agent_id)
    indexed = text[:MAX_INDEXED_LENGTH]
    words = indexed.split()
    if words and max(map(len, words)) > MAX_SEARCH_WORD_LENGTH:
        words = [word[:MAX_SEARCH_WORD_LENGTH] for word in words]
    suffixes = (
        number[i : i + MAX_SEARCH_NUMBER_LENGTH]
        for number in _NUMBER.findall(indexed)
        for i in range(len(number) - MIN_NUMBER_PART + 1)
    )
    before = f" {tag}{_WORD}"
    choices = (c.stage, c.state, c.label, c.channel)
    result = [
        _value_tokens(tag, choices, c.tags, c.assignees, c.waiting, c.stale),
        language_token(tag, language_of(c.language)),
        *([f"{tag}{_WORD}{before.join(words)}"] if words else []),
        *[f"{tag}{_SUFFIX}{suffix}" for suffix in dict.fromkeys(suffixes)][:MAX_SUFFIXES],
    ]
    return " ".join(result)


@lru_cache(maxsize=1024)  # many conversations share all of these values
def _value_tokens(
    tag: str,
    choices: tuple[str | None, ...],
    tags: tuple[str, ...],
    assignees: tuple[str, ...],
    waiting: bool,
    stale: bool,
) -> str:
    """The tokens of the values that filters can name; `choices` are in the order of `_CHOICES`."""
    attention = {
        "waiting_for_human": waiting,
        "unassigned": not assignees,
        "stale": stale,
    }
    values = [
        *(
            (kind, value)
            for kind, value in zip(_CHOICES, choices, strict=True)
            if value is not None
        ),
        *(("tag", value) for value in tags),
        *(("assignee", value) for value in assignees),
        *(("attention", name) for name, holds in attention.items() if holds),
    ]
    return " ".join(value_token(tag, kind, value) for kind, value in values)


def word_token(tag: str, word: str) -> str:
    """The token of a folded word, or of two neighbours in a run."""
    return f"{tag}{_WORD}{word[:MAX_SEARCH_WORD_LENGTH]}"


def word_of(token: str) -> str:
    """The word of a token; empty if it is the token of something else."""
    return token[_TAG_LENGTH + 1 :] if token[_TAG_LENGTH : _TAG_LENGTH + 1] == _WORD else ""


def number_token(tag: str, digits: str) -> str:
    """The token of the end of a number; of a part of a number, the prefix of one."""
    return f"{tag}{_SUFFIX}{digits[:MAX_SEARCH_NUMBER_LENGTH]}"


def language_token(tag: str, language: str | None) -> str:
    """The token of a row's language (`words.inflections`), or of not having one."""
    return value_token(tag, "language", language or "")


def value_token(tag: str, kind: str, value: str) -> str:
    """The token of a value of a filtered field; values are compared without case and accents."""
    folded = single_blanks(value.lower() if value.isascii() else fold(value))
    return f"{tag}{_VALUE}{_digest(f'{kind} {folded}'[:MAX_INDEX_KEY_LENGTH])}"


@lru_cache(maxsize=64)
def agent_tag(agent_id: str) -> str:
    """Keeps agents apart. All tags have one length, so no tag is a prefix of another."""
    return _digest(agent_id)[:_TAG_LENGTH]


@lru_cache(maxsize=1024)
def _digest(value: str) -> str:
    """Fifty bits: among ten thousand values, two collide in one of twenty million mirrors."""
    digest = blake2s(value.encode("utf-8", "surrogatepass")).digest()
    return b32encode(digest[:7]).decode().lower()[:10]


class _TokenQuery(TypeDecorator[TokenQuery]):
    """A token query in the language of the engine's full-text search."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: TokenQuery | None, dialect: Dialect) -> str | None:
        """The query as text."""
        if value is None:
            return None
        return _lexemes(value) if dialect.name == "postgresql" else _phrases(value)


def _lexemes(query: TokenQuery) -> str:
    if isinstance(query, str):
        return f"'{query[:-1]}':*" if query.endswith("*") else f"'{query}'"
    operator = " & " if isinstance(query, AllOf) else " | "
    return f"({operator.join(map(_lexemes, query.items))})"


def _phrases(query: TokenQuery) -> str:
    if isinstance(query, str):
        return f'"{query[:-1]}"*' if query.endswith("*") else f'"{query}"'
    operator = " AND " if isinstance(query, AllOf) else " OR "
    return f"({operator.join(map(_phrases, query.items))})"


def has_tokens(
    connection: Connection, query: TokenQuery, *, by_index: bool = True
) -> ColumnElement[bool]:
    """Whether a version has the tokens of `query`.

    In SQLite, `by_index` makes the full-text index the way to find versions; without it, versions
    that another index finds are tested.
    """
    if connection.dialect.name != "sqlite":
        return conversations.c.search.bool_op("@@")(cast(_parameter(query), TSQUERY))
    version = conversations.c.valid_from
    rowid: ColumnElement[int] = column("rowid", Integer)
    with_tokens = select(rowid).select_from(table(SEARCH)).where(_matches(query))
    return (version if by_index else version + 0).in_(with_tokens)


def count_in_index(query: TokenQuery, *, at: int) -> Select[int]:
    """How many versions that were valid at change `at` SQLite's full-text index finds.

    Only the index is read, and of `conversations` only the few versions that had ended by then.
    """
    c, rowid = conversations.c, column("rowid", Integer)
    ended = select(c.valid_from).where(c.ended_at.is_not(None), c.valid_to <= at)
    conditions = (_matches(query), rowid <= at, (rowid + 0).not_in(ended))
    return select(func.count()).select_from(table(SEARCH, rowid)).where(*conditions)


def _matches(query: TokenQuery) -> ColumnElement[bool]:
    return column(SEARCH).bool_op("MATCH")(_parameter(query))


def _parameter(query: TokenQuery) -> BindParameter[TokenQuery]:
    return bindparam(None, query, type_=_TokenQuery(), unique=True)
