"""The tokens that conversations are found by: FTS5 in SQLite, a GIN index in PostgreSQL.

Everything that a filter can name, except times and numbers to compare, is a *token*: each word of
the texts, each suffix of a long number (so that any part of a number is the prefix of a token), and
each value of a filtered field. A token is the agent's tag, a letter for its kind, and the word or a
digest of the value. So no engine's own parser matters, and both engines find the same.

A query is a list of alternatives: each must be met, by one of its tokens.
"""

import re
from base64 import b32encode
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2s

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

from convocore_mcp.models import MIN_NUMBER_PART, Conversation, Filter
from convocore_mcp.store.database.schema import LONGEST_KEY, SEARCH, conversations

LONGEST_NUMBER = 20
"""Digits of a number that are indexed."""
LONGEST_TOKEN = 60
"""Characters of a word that are indexed."""
LONGEST_TEXT = 200_000
"""Characters of all words together: PostgreSQL accepts a megabyte."""
MOST_SUFFIXES = 2_000
"""Suffixes of numbers that are indexed, in one conversation."""

_WORD, _SUFFIX, _VALUE = "w", "n", "v"
_EXACT = ("stage", "state")
"""Kinds whose values are compared with case; all others are case-folded."""
_NUMBER = re.compile(rf"[0-9]{{{MIN_NUMBER_PART},}}")
Alternatives = tuple[str, ...]
"""Tokens of which one must occur; a token that ends in `*` is a prefix."""


def tokens(c: Conversation, text: str) -> str:
    """The tokens of a conversation, separated by blanks; `text` holds its words."""
    tag = _tag(c.agent_id)
    words = text[:LONGEST_TEXT].split()
    suffixes = (
        number[i : i + LONGEST_NUMBER]
        for word in words
        for number in _NUMBER.findall(word)
        for i in range(len(number) - MIN_NUMBER_PART + 1)
    )
    result = [
        *(_value(tag, kind, value) for kind, value in _values(c)),
        *(f"{tag}{_WORD}{word[:LONGEST_TOKEN]}" for word in words),
        *[f"{tag}{_SUFFIX}{suffix}" for suffix in dict.fromkeys(suffixes)][:MOST_SUFFIXES],
    ]
    return " ".join(result)


def _values(c: Conversation) -> Iterable[tuple[str, str]]:
    """The values of a conversation that filters can name, each with its kind."""
    for kind, value in (("stage", c.stage), ("state", c.state), ("label", c.label),
                        ("channel", c.channel)):  # fmt: skip
        if value is not None:
            yield kind, value
    yield from (("tag", tag) for tag in c.tags)
    yield from (("assignee", assignee) for assignee in c.assignees)
    attention = {
        "waiting_for_human": c.waiting,
        "unassigned": not c.assignees,
        "overdue": c.overdue,
        "stale": c.stale,
    }
    yield from (("attention", name) for name, holds in attention.items() if holds)


def token_query(agent_id: str, criteria: Filter) -> list[Alternatives] | None:
    """The words and values of `criteria` as tokens; `None` if no conversation can have them."""
    tag = _tag(agent_id)
    query: list[Alternatives] = []
    if criteria.terms is not None:
        if not criteria.terms or not all(term.strip().isalnum() for term in criteria.terms):
            return None  # such a term is never part of a word
        for term in dict.fromkeys(criteria.terms):
            if term.startswith(" "):
                query.append((f"{tag}{_WORD}{term[1 : LONGEST_TOKEN + 1]}*",))
            else:
                query.append((f"{tag}{_SUFFIX}{term[:LONGEST_NUMBER]}*",))
    for kind, values in (
        ("stage", criteria.stages), ("state", criteria.states), ("label", criteria.labels),
        ("channel", criteria.channels), ("tag", criteria.tags), ("assignee", criteria.assignees),
        ("attention", criteria.attention),
    ):  # fmt: skip
        if values:
            query.append(tuple(_value(tag, kind, value) for value in values))
    return query


def _value(tag: str, kind: str, value: str) -> str:
    exact = kind in _EXACT
    return f"{tag}{_VALUE}{_digest(f'{kind} {value if exact else value.casefold()}'[:LONGEST_KEY])}"


@lru_cache(maxsize=64)
def _tag(agent_id: str) -> str:
    """Keeps agents apart. All tags have one length, so no tag is a prefix of another."""
    return _digest(agent_id)[:6]


@lru_cache(maxsize=4096)
def _digest(value: str) -> str:
    """Fifty bits: among ten thousand values, two collide in one of twenty million mirrors."""
    digest = blake2s(value.encode("utf-8", "surrogatepass")).digest()
    return b32encode(digest[:7]).decode().lower()[:10]


class _TokenQuery(TypeDecorator[Sequence[Alternatives]]):
    """A token query in the language of the engine's full-text search."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(
        self, value: Sequence[Alternatives] | None, dialect: Dialect
    ) -> str | None:
        """The query as text."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " & ".join(f"({' | '.join(map(_lexeme, tokens))})" for tokens in value)
        return " AND ".join(f"({' OR '.join(map(_phrase, tokens))})" for tokens in value)


def _lexeme(token: str) -> str:
    return f"'{token[:-1]}':*" if token.endswith("*") else f"'{token}'"


def _phrase(token: str) -> str:
    return f'"{token[:-1]}"*' if token.endswith("*") else f'"{token}"'


def has_tokens(
    connection: Connection, query: Sequence[Alternatives], *, by_index: bool = True
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


def count_in_index(query: Sequence[Alternatives], *, at: int) -> Select[int]:
    """How many versions that were valid at change `at` SQLite's full-text index finds.

    Only the index is read, and of `conversations` only the few versions that had ended by then.
    """
    c, rowid = conversations.c, column("rowid", Integer)
    ended = select(c.valid_from).where(c.ended_at.is_not(None), c.valid_to <= at)
    conditions = (_matches(query), rowid <= at, (rowid + 0).not_in(ended))
    return select(func.count()).select_from(table(SEARCH, rowid)).where(*conditions)


def _matches(query: Sequence[Alternatives]) -> ColumnElement[bool]:
    return column(SEARCH).bool_op("MATCH")(_parameter(query))


def _parameter(query: Sequence[Alternatives]) -> BindParameter[Sequence[Alternatives]]:
    return bindparam(None, query, type_=_TokenQuery(), unique=True)
