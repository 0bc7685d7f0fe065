"""The index that people are found by: terms of leads, and how the words among them are spelt.

A term (`leads.terms`) leads to its leads by equality or by its beginning. For a misspelt word,
every word that ever occurred has its trigrams here; a word whose last lead is gone stays, and
leads nowhere. Whoever settles leads keeps both up to date (`keep`), writing only what changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    or_,
    select,
    true,
)

from convocore_mcp.models import NAME_WORD, Lead, TermAlternatives
from convocore_mcp.store.database import bulk, rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import UNKNOWN, grams, leads, terms
from convocore_mcp.store.read.conditions import occurs

MOST = 2_000
"""Leads that one look-up finds at most, latest active first."""
COMMON = 2_500
"""A term of more leads than these is not followed to all of them, if nothing else narrows it."""
SHORTEST = 3
"""Letters of a word that can be misspelt and still be told."""
ALIKE = 200
"""Words looked at for one that is misspelt."""
_LAST = "\U0010ffff"
"""Sorts behind every character."""
_t, _l, _g = terms.c, leads.c, grams.c


class Hit(NamedTuple):
    """Somebody found, with what it takes to rank them."""

    lead_id: str
    name: str | None
    company: str | None
    terms: str
    """Each behind a line end."""


def keep(
    connection: Connection, agent_id: str, before: Mapping[str, str], made: Sequence[Lead]
) -> None:
    """Bring the index up to date: `before` has the terms of the leads that `made` replaces."""
    gone, come = set[tuple[str, str]](), list[tuple[str, str]]()
    for lead_id, own in before.items():
        gone.update((term, lead_id) for term in _split(own))
    for lead in made:
        for term in _split(lead.terms):
            one = (term, lead.lead_id)
            if one in gone:
                gone.remove(one)
            else:
                come.append(one)
    its = (agent_id,)
    which = (_t.agent_id, _t.term, _t.lead_id)
    bulk.take_out(connection, which, (its + one for one in sorted(gone)))
    # In their order, so that neighbours in the index are written together.
    bulk.put(connection, terms, [c.name for c in which], (its + one for one in sorted(come)))
    words = {term[1:] for term, _ in come if term[0] == NAME_WORD}
    _learn(connection, agent_id, sorted(filter(_can_be_misspelt, words)))


def _can_be_misspelt(word: str) -> bool:
    return len(word) >= SHORTEST and not word.isdecimal()


def _learn(connection: Connection, agent_id: str, words: Sequence[str]) -> None:
    """Note the trigrams of words that are new. The empty one says that a word is known."""
    known: set[str] = set()
    for part in rows.parts(words):
        marks = select(_g.word).where(_g.agent_id == agent_id, _g.gram == "", _g.word.in_(part))
        known.update(connection.scalars(marks))
    new = (
        (agent_id, gram, word)
        for word in words
        if word not in known
        for gram in ("", *trigrams(word))
    )
    bulk.put(connection, grams, ("agent_id", "gram", "word"), new)


def trigrams(word: str) -> list[str]:
    """Every three letters in a row, with blanks around the word: its first letter counts twice."""
    padded = f"  {word} "
    return sorted({padded[i : i + 3] for i in range(len(padded) - 2)})


def _split(own: str) -> Iterable[str]:
    return own.split("\n")[1:]


class PeopleIndex:
    """Finds people. Plain blocking calls: hand them to a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hits(self, agent_id: str, wanted: Sequence[TermAlternatives]) -> list[Hit]:
        """The leads that each of `wanted` leads to, latest active first, `MOST` at most."""
        if not wanted or not all(either.exact or either.prefixes for either in wanted):
            return []
        with self._database.reading() as connection:
            counts = [self._count(connection, agent_id, either) for either in wanted]
            if not all(counts):
                return []
            first = counts.index(min(counts))
            others = [either for i, either in enumerate(wanted) if i != first]
            most = None if others else COMMON
            rarest = {
                lead_id
                for which in _ranges(wanted[first])
                for lead_id in connection.scalars(
                    select(_t.lead_id).where(_t.agent_id == agent_id, which).limit(most)
                )
            }
            # In two steps and without an order: SQLite would go through all leads in that order.
            query = select(_l.last_activity, _l.lead_id, _l.name, _l.company, _l.terms).where(
                _l.agent_id == agent_id, *(_has(agent_id, either) for either in others)
            )
            found = [
                row
                for part in rows.parts(sorted(rarest))
                for row in connection.execute(query.where(_l.lead_id.in_(part)))
            ]
        found.sort(key=lambda row: (-(row[0] if row[0] is not None else UNKNOWN), row[1]))
        return [Hit(*row[1:]) for row in found[:MOST]]

    def _count(self, connection: Connection, agent_id: str, either: TermAlternatives) -> int:
        """How many leads, as far as it matters."""
        count = 0
        for which in _ranges(either):
            some = select(true()).where(_t.agent_id == agent_id, which).limit(COMMON)
            count += connection.scalar(select(func.count()).select_from(some.subquery())) or 0
        return count

    def similar_words(self, agent_id: str, word: str) -> list[str]:
        """Words that share trigrams with `word`, most of them first."""
        if not _can_be_misspelt(word):
            return []
        query = (
            select(_g.word)
            .where(_g.agent_id == agent_id, _g.gram.in_(trigrams(word)))
            .group_by(_g.word)
            .order_by(func.count().desc(), _g.word)
            .limit(ALIKE)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))


def _ranges(either: TermAlternatives) -> Iterable[ColumnElement[bool]]:
    """One condition for each stretch of the index: joined by OR, they would be none to SQLite."""
    if either.exact:
        yield _t.term.in_(either.exact)
    for beginning in either.prefixes:
        yield and_(_t.term >= beginning, _t.term < beginning + _LAST)


def _has(agent_id: str, either: TermAlternatives) -> ColumnElement[bool]:
    """Whether the lead at hand has one of these, without going through all who have it."""
    other = terms.alias()
    whole = select(true()).where(
        other.c.agent_id == agent_id,
        other.c.term.in_(either.exact),
        other.c.lead_id == _l.lead_id,
    )
    begin = (occurs(_l.terms, f"\n{beginning}") for beginning in either.prefixes)
    return or_(*([whole.exists()] if either.exact else []), *begin)
