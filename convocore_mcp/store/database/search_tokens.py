"""What conversations are found by, and how: FTS5 in SQLite, a GIN index in PostgreSQL.

Whatever a conversation is asked for by, other than a time or a number, is a *token* of it: each
word of its texts, each ending of a long number (so that any part of one is a beginning), and one
for each value that a filter may name. A token is the agent's tag, a letter for its kind, and the
word or a digest of the value: no engine's parser has anything to decide, and both find the same.
A question is a list of choices, all of which must be met, each by one of its tokens.
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

from convocore_mcp.models import MIN_NUMBER_PART, WAITING, Conversation, Filter
from convocore_mcp.store.database.schema import LONGEST_KEY, SEARCH, conversations

LONGEST_NUMBER = 20
"""Digits of a number that count."""
LONGEST_TOKEN = 60
"""Characters of a word that count."""
LONGEST_TEXT = 200_000
"""Characters of all words together: PostgreSQL takes a megabyte."""
MOST_PARTS = 2_000
"""Endings of numbers, in one conversation."""

_WORD, _PART, _VALUE = "w", "n", "v"
_EXACT = ("stage", "state")
"""Kinds whose values are compared as they are, not case-folded."""
_NUMBER = re.compile(rf"[0-9]{{{MIN_NUMBER_PART},}}")
Choice = tuple[str, ...]
"""Tokens of which one is enough; one that ends in `*` is a beginning."""


def tokens(c: Conversation, text: str) -> str:
    """The tokens of a conversation with the words `text`, with blanks between."""
    tag = _tag(c.agent_id)
    words = text[:LONGEST_TEXT].split()
    parts = (
        number[i : i + LONGEST_NUMBER]
        for word in words
        for number in _NUMBER.findall(word)
        for i in range(len(number) - MIN_NUMBER_PART + 1)
    )
    found = [
        *(_value(tag, kind, value) for kind, value in _values(c)),
        *(f"{tag}{_WORD}{word[:LONGEST_TOKEN]}" for word in words),
        *[f"{tag}{_PART}{part}" for part in dict.fromkeys(parts)][:MOST_PARTS],
    ]
    return " ".join(found)


def _values(c: Conversation) -> Iterable[tuple[str, str]]:
    """What filters name of a conversation, by their kind."""
    for kind, value in (("stage", c.stage), ("state", c.state), ("label", c.label),
                        ("channel", c.channel)):  # fmt: skip
        if value is not None:
            yield kind, value
    yield from (("tag", tag) for tag in c.tags)
    yield from (("assignee", who) for who in c.assignees)
    attention = {
        "waiting_for_human": c.state == WAITING,
        "unassigned": not c.assignees,
        "overdue": c.overdue,
        "stale": c.stale,
    }
    yield from (("attention", name) for name, holds in attention.items() if holds)


def choices(agent_id: str, wanted: Filter) -> list[Choice] | None:
    """What `wanted` asks for in tokens; `None` if nothing can fit."""
    tag = _tag(agent_id)
    found: list[Choice] = []
    if wanted.terms is not None:
        if not wanted.terms or not all(term.strip().isalnum() for term in wanted.terms):
            return None  # no word is like that
        for term in dict.fromkeys(wanted.terms):
            if term.startswith(" "):
                found.append((f"{tag}{_WORD}{term[1 : LONGEST_TOKEN + 1]}*",))
            else:
                found.append((f"{tag}{_PART}{term[:LONGEST_NUMBER]}*",))
    for kind, values in (
        ("stage", wanted.stages), ("state", wanted.states), ("label", wanted.labels),
        ("channel", wanted.channels), ("tag", wanted.tags), ("assignee", wanted.assignees),
        ("attention", wanted.attention),
    ):  # fmt: skip
        if values:
            found.append(tuple(_value(tag, kind, value) for value in values))
    return found


def _value(tag: str, kind: str, value: str) -> str:
    exact = kind in _EXACT
    return f"{tag}{_VALUE}{_digest(f'{kind} {value if exact else value.casefold()}'[:LONGEST_KEY])}"


@lru_cache(maxsize=64)
def _tag(agent_id: str) -> str:
    """Keeps the agents apart. A digest of fixed length, so that no tag begins like another."""
    return _digest(agent_id)[:6]


@lru_cache(maxsize=4096)
def _digest(value: str) -> str:
    """Fifty bits: among ten thousand values, two are alike once in twenty million mirrors."""
    digest = blake2s(value.encode("utf-8", "surrogatepass")).digest()
    return b32encode(digest[:7]).decode().lower()[:10]


class _Question(TypeDecorator[Sequence[Choice]]):
    """Choices, in the language of the engine's full-text search."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Choice] | None, dialect: Dialect) -> str | None:
        """The question as text."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return " & ".join(f"({' | '.join(map(_lexeme, choice))})" for choice in value)
        return " AND ".join(f"({' OR '.join(map(_phrase, choice))})" for choice in value)


def _lexeme(token: str) -> str:
    return f"'{token[:-1]}':*" if token.endswith("*") else f"'{token}'"


def _phrase(token: str) -> str:
    return f'"{token[:-1]}"*' if token.endswith("*") else f'"{token}"'


def matches(
    connection: Connection, asked: Sequence[Choice], *, by_index: bool = True
) -> ColumnElement[bool]:
    """Whether a version is found by a question.

    `looked_up` finds versions by this; otherwise those are tried that are come across.
    """
    if connection.dialect.name != "sqlite":
        return conversations.c.search.bool_op("@@")(cast(_question(asked), TSQUERY))
    version = conversations.c.valid_from
    rowid: ColumnElement[int] = column("rowid", Integer)
    found = select(rowid).select_from(table(SEARCH)).where(_found(asked))
    return (version if by_index else version + 0).in_(found)


def counting(asked: Sequence[Choice], *, at: int) -> Select[int]:
    """How many versions begun by change `at` the full-text index of SQLite finds.

    It alone is read: not a row of the conversations, but for the few that have ended by then.
    """
    c, rowid = conversations.c, column("rowid", Integer)
    ended = select(c.valid_from).where(c.ended_at.is_not(None), c.valid_to <= at)
    here = (_found(asked), rowid <= at, (rowid + 0).not_in(ended))
    return select(func.count()).select_from(table(SEARCH, rowid)).where(*here)


def _found(asked: Sequence[Choice]) -> ColumnElement[bool]:
    return column(SEARCH).bool_op("MATCH")(_question(asked))


def _question(asked: Sequence[Choice]) -> BindParameter[Sequence[Choice]]:
    return bindparam(None, asked, type_=_Question(), unique=True)
