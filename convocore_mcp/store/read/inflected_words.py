"""Words of the full-text index that are inflections of a searched word.

The index holds words as they are written, and stems are looked for when somebody searches: stems
of every word would make saving twice as slow, and a search needs those of a few dozen words.
"""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, select, union_all

from convocore_mcp.store.database.schema import search_terms
from convocore_mcp.store.database.search_tokens import word_of, word_token
from convocore_mcp.words.inflections import Inflections, inflections

_LAST_CHARACTER = "\U0010ffff"
"""Sorts after every character of a word."""


def known_inflections(
    connection: Connection, tag: str, word: str
) -> dict[Inflections, tuple[str, ...]]:
    """The inflections of a folded word that occur in an agent's conversations, by language.

    Those that begin with the word itself are left out.
    """
    forms = inflections(word)
    shortest = _shortest({beginning for form in forms for beginning in form.beginnings})
    words = [
        found
        for token in _terms_beginning(connection, [word_token(tag, text) for text in shortest])
        if not (found := word_of(token)).startswith(word)
    ]
    known: dict[Inflections, tuple[str, ...]] = defaultdict(tuple)
    for form in forms:
        of_language = tuple(sorted({found for found in words if form.has(found)}))
        if of_language:
            known[form] = of_language
    return known


def _shortest(beginnings: Iterable[str]) -> list[str]:
    """`beginnings` without those that begin with another one."""
    kept: list[str] = []
    for beginning in sorted(beginnings):
        if not kept or not beginning.startswith(kept[-1]):
            kept.append(beginning)
    return kept


def _terms_beginning(connection: Connection, beginnings: list[str]) -> Iterable[str]:
    """The terms of the index with one of `beginnings`, in one statement of ranges."""
    if not beginnings:
        return ()
    term = search_terms.c.term
    ranges = (
        select(term).where(term >= first, term < first + _LAST_CHARACTER) for first in beginnings
    )
    return connection.scalars(union_all(*ranges))
