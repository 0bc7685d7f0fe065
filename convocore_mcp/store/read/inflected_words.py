"""Words of the full-text index that are inflections of a searched word.

The index holds words as they are written, and stems are looked for when somebody searches: stems
of every word would make saving twice as slow, and a search needs those of a few dozen words.
"""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from convocore_mcp.store.database.schema import search_terms
from convocore_mcp.store.database.search_tokens import word_token
from convocore_mcp.words.inflections import Inflections, inflections

_AFTER = "\U0010ffff"
"""Sorts after every character of a word."""
_term = search_terms.c.term
_BETWEEN = select(_term).where(_term >= bindparam("first"), _term < bindparam("end"))


def known_inflections(
    connection: Connection, tag: str, word: str
) -> dict[Inflections, tuple[str, ...]]:
    """The inflections of a folded word that occur in an agent's conversations, by language.

    Those that begin with the word itself are left out.
    """
    forms = inflections(word)
    openings = {opening for form in forms for opening in form.openings}
    words = [
        found
        for opening in _shortest(openings)
        for found in _beginning_with(connection, tag, opening)
        if not found.startswith(word)
    ]
    known: dict[Inflections, tuple[str, ...]] = defaultdict(tuple)
    for form in forms:
        of_language = tuple(sorted({found for found in words if form.has(found)}))
        if of_language:
            known[form] = of_language
    return known


def _shortest(openings: Iterable[str]) -> list[str]:
    """`openings` without those that begin with another one."""
    kept: list[str] = []
    for opening in sorted(openings):
        if not kept or not opening.startswith(kept[-1]):
            kept.append(opening)
    return kept


def _beginning_with(connection: Connection, tag: str, opening: str) -> list[str]:
    first = word_token(tag, opening)
    found = connection.scalars(_BETWEEN, {"first": first, "end": first + _AFTER})
    return [term[len(first) - len(opening) :] for term in found]
