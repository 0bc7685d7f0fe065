"""The index that leads are found by: their terms, and the trigrams of the words among the terms.

A term (`leads.index_terms`) finds its leads by the whole term or by a prefix. For a misspelt word,
the trigrams of every word that ever occurred are stored; the trigrams of a word whose last lead is
gone stay until that person is erased, and the word then finds nobody. A rebuild of leads calls
`update_index`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    func,
    or_,
    select,
    true,
)

from convocore_mcp.models import MAX_FOUND, NAME_WORD, Lead, TermAlternatives
from convocore_mcp.store.database import bulk, rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import UNKNOWN, lead_terms, leads, word_trigrams
from convocore_mcp.store.read.sql_conditions import has_text, starts_with

MAX_LEADS_OF_TERM = 2_500
"""Leads that are read for a term if no other term narrows the search."""
MIN_WORD_LENGTH = 3
"""Only words with at least so many letters can be found although they are misspelt."""
MAX_SIMILAR = 200
"""Words that are suggested for a misspelt one, at most."""
_t, _l, _g = lead_terms.c, leads.c, word_trigrams.c


class Hit(NamedTuple):
    """A lead that was found, with the values by which hits are ranked."""

    lead_id: str
    name: str | None
    company: str | None
    terms: str
    """Each term after a line feed."""


def update_index(
    connection: Connection, agent_id: str, before: Mapping[str, str], made: Sequence[Lead]
) -> None:
    """Index the leads `made`; `before` has the terms of the leads that they replace, by lead id.

    Only terms that differ are written.
    """
    obsolete, added = set[tuple[str, str]](), list[tuple[str, str]]()
    for lead_id, terms in before.items():
        obsolete.update((term, lead_id) for term in _split(terms))
    for lead in made:
        for term in _split(lead.terms):
            entry = (term, lead.lead_id)
            if entry in obsolete:
                obsolete.remove(entry)
            else:
                added.append(entry)
    agent = (agent_id,)
    columns = (_t.agent_id, _t.term, _t.lead_id)
    bulk.delete_rows(connection, columns, (agent + entry for entry in sorted(obsolete)))
    # Sorted, so that neighbours in the index are written together.
    names = [column.name for column in columns]
    bulk.insert_rows(connection, lead_terms, names, (agent + entry for entry in sorted(added)))
    words = {term[1:] for term, _ in added if term[0] == NAME_WORD}
    _add_trigrams(connection, agent_id, sorted(filter(_has_trigrams, words)))


def _has_trigrams(word: str) -> bool:
    return len(word) >= MIN_WORD_LENGTH and not word.isdecimal()


def _add_trigrams(connection: Connection, agent_id: str, words: Sequence[str]) -> None:
    """Store the trigrams of new words. An empty trigram marks a word that is stored."""
    stored = "agent_id = ? AND trigram = ''"
    marks = bulk.rows_in(connection, (_g.word,), _g.word, words, where=stored, given=(agent_id,))
    known = {row.word for row in marks}
    new = (
        (agent_id, trigram, word)
        for word in words
        if word not in known
        for trigram in ("", *trigrams(word))
    )
    bulk.insert_rows(connection, word_trigrams, ("agent_id", "trigram", "word"), new)


def trigrams(word: str) -> list[str]:
    """The trigrams of `word` with blanks around it, so that its first letter counts twice."""
    padded = f"  {word} "
    return sorted({padded[i : i + 3] for i in range(len(padded) - 2)})


def _split(terms: str) -> Iterable[str]:
    return terms.split("\n")[1:]


class PeopleIndex:
    """Finds leads by terms. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hits(self, agent_id: str, criteria: Sequence[TermAlternatives]) -> list[Hit]:
        """The leads that have each of the `criteria` terms, most recently active first.

        At most `MAX_FOUND`.
        """
        if not criteria or not all(criterion.exact or criterion.prefixes for criterion in criteria):
            return []
        with self._database.reading() as connection:
            counts = [_count(connection, agent_id, criterion) for criterion in criteria]
            if not all(counts):
                return []
            rarest = counts.index(min(counts))
            others = [criterion for i, criterion in enumerate(criteria) if i != rarest]
            limit = None if others else MAX_LEADS_OF_TERM
            candidates = {
                lead_id
                for condition in _ranges(criteria[rarest])
                for lead_id in connection.scalars(
                    select(_t.lead_id).where(_t.agent_id == agent_id, condition).limit(limit)
                )
            }
            # In two steps and not sorted in SQL: SQLite would scan all leads in that order.
            query = select(_l.last_activity, _l.lead_id, _l.name, _l.company, _l.terms).where(
                _l.agent_id == agent_id, *(_lead_has(agent_id, criterion) for criterion in others)
            )
            found = [
                row
                for part in rows.chunks(sorted(candidates))
                for row in connection.execute(query.where(_l.lead_id.in_(part)))
            ]
        found.sort(key=lambda row: (-(row[0] if row[0] is not None else UNKNOWN), row[1]))
        return [Hit(*row[1:]) for row in found[:MAX_FOUND]]

    def knows(self, agent_id: str, criterion: TermAlternatives) -> bool:
        """Whether any lead has one of these terms."""
        one = select(true()).where(_t.agent_id == agent_id).limit(1)
        with self._database.reading() as connection:
            return any(connection.scalar(one.where(condition)) for condition in _ranges(criterion))

    def similar_words(self, agent_id: str, word: str) -> list[str]:
        """Words that share trigrams with `word`; those that share the most come first."""
        if not _has_trigrams(word):
            return []
        query = (
            select(_g.word)
            .where(_g.agent_id == agent_id, _g.trigram.in_(trigrams(word)))
            .group_by(_g.word)
            .order_by(func.count().desc(), _g.word)
            .limit(MAX_SIMILAR)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))


def _count(connection: Connection, agent_id: str, criterion: TermAlternatives) -> int:
    """How many leads have one of these terms; counting stops at `MAX_LEADS_OF_TERM`."""
    count = 0
    for condition in _ranges(criterion):
        some = select(true()).where(_t.agent_id == agent_id, condition).limit(MAX_LEADS_OF_TERM)
        count += connection.scalar(select(func.count()).select_from(some.subquery())) or 0
    return count


def _ranges(criterion: TermAlternatives) -> Iterable[ColumnElement[bool]]:
    """A condition for each range of the index; joined by OR, SQLite would use no index."""
    if criterion.exact:
        yield _t.term.in_(criterion.exact)
    for prefix in criterion.prefixes:
        yield starts_with(_t.term, prefix)


def _lead_has(agent_id: str, criterion: TermAlternatives) -> ColumnElement[bool]:
    """Whether a row of `leads` has one of these terms, tested without listing all that have it."""
    other = lead_terms.alias()
    exact = select(true()).where(
        other.c.agent_id == agent_id,
        other.c.term.in_(criterion.exact),
        other.c.lead_id == _l.lead_id,
    )
    prefixes = (has_text(_l.terms, f"\n{prefix}") for prefix in criterion.prefixes)
    return or_(*([exact.exists()] if criterion.exact else []), *prefixes)
