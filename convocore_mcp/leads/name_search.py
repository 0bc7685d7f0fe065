"""The strategies that find a lead by a name, or by a part of a name, phone number, email or link.

Each strategy asks the people index for leads with certain index terms. `resolve` tries them in the
order of `STRATEGIES`, surest first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from convocore_mcp.leads import index_terms, matching
from convocore_mcp.leads.keys import MAX_EMAIL_LENGTH, digits
from convocore_mcp.models import NAME_WORD, TermAlternatives

MAX_WORDS = 12
"""Words of a question that are looked up."""
MAX_RANKED_HITS = 200
"""Hits that are searched for an exact name; more share only a common word."""


class Hit(matching.IndexedPerson, Protocol):
    """A lead that the people index found, with what it takes to rank it."""

    @property
    def lead_id(self) -> str:
        """The lead's id."""
        ...


class PeopleIndex(Protocol):
    """Finds leads by their index terms. The mirror implements it (`store.read.people_index`)."""

    def hits(self, agent_id: str, criteria: Sequence[TermAlternatives], /) -> Sequence[Hit]:
        """The leads that meet every criterion, latest active first."""
        ...

    def similar_words(self, agent_id: str, word: str, /) -> Sequence[str]:
        """Words of names that share letters with `word`, most of them first."""
        ...


@dataclass(frozen=True, slots=True)
class NameSearch:
    """One typed text and the index that it is looked up in."""

    index: PeopleIndex
    agent_id: str
    text: str
    words: Sequence[Sequence[str]]
    """The words of the text, each in every spelling."""

    @classmethod
    def of(cls, index: PeopleIndex, agent_id: str, text: str) -> "NameSearch":
        """The search for `text`."""
        return cls(index, agent_id, text, index_terms.word_spellings(text)[:MAX_WORDS])

    def hits(self, *criteria: TermAlternatives) -> Sequence[Hit]:
        """The leads that meet every criterion."""
        return self.index.hits(self.agent_id, criteria)

    def similar_words(self, word: str, min_similarity: float) -> dict[str, float]:
        """The words of names that `word` may be a misspelling of, and their similarity."""
        vocabulary = self.index.similar_words(self.agent_id, word)
        return matching.possible_words(word, vocabulary, min_similarity=min_similarity)

    def each_word(self, kind: str) -> list[TermAlternatives]:
        """Every word of the text, as a whole term of that kind."""
        return [exact(kind, spellings) for spellings in self.words]


def exact(kind: str, values: Sequence[str]) -> TermAlternatives:
    """Any of these values as a term of that kind."""
    return TermAlternatives(exact=tuple(f"{kind}{value}" for value in values))


def prefix(kind: str, values: Sequence[str]) -> TermAlternatives:
    """Any term of that kind that begins with one of these values."""
    return TermAlternatives(prefixes=tuple(f"{kind}{value}" for value in values))


def by_phone_ending(search: NameSearch, ending: str) -> Sequence[Hit]:
    """Leads with a phone number that ends in these digits."""
    return search.hits(prefix(index_terms.PHONE, [ending[::-1]]))


def _by_last_digits(search: NameSearch) -> Sequence[Hit]:
    if not matching.looks_like_phone_ending(search.text):
        return []
    return by_phone_ending(search, digits(search.text))


def _by_link(search: NameSearch) -> Sequence[Hit]:
    """By a handle, a profile or a website."""
    if not matching.looks_like_contact(search.text):
        return []
    return search.hits(exact(index_terms.LINK, index_terms.link_forms(search.text)))


def _by_beginning_of_link(search: NameSearch) -> Sequence[Hit]:
    if not matching.looks_like_contact(search.text):
        return []
    return search.hits(prefix(index_terms.LINK, index_terms.link_forms(search.text)[:1]))


def _by_part_of_email(search: NameSearch) -> Sequence[Hit]:
    """By the beginning of an email, else by words of it: its domain, a name in it."""
    if not matching.looks_like_contact(search.text):
        return []
    typed = search.text.strip().casefold()[:MAX_EMAIL_LENGTH]
    whole_words = search.each_word(index_terms.EMAIL_WORD)
    last_word_begun = [
        *whole_words[:-1],
        *(prefix(index_terms.EMAIL_WORD, spellings) for spellings in search.words[-1:]),
    ]
    hits = (
        search.hits(prefix(index_terms.EMAIL, [typed]))
        or search.hits(*whole_words)
        or search.hits(*last_word_begun)
    )
    return matching.with_email_containing(hits, search.text) or hits


def _by_whole_name(search: NameSearch) -> Sequence[Hit]:
    return search.hits(exact(index_terms.WHOLE_NAME, index_terms.whole_name_spellings(search.text)))


def _by_words(search: NameSearch) -> Sequence[Hit]:
    """By whole words; a single letter among several words is an initial."""

    def alternatives(spellings: Sequence[str]) -> TermAlternatives:
        is_initial = len(search.words) > 1 and len(spellings[0]) == 1 and spellings[0].isascii()
        return (prefix if is_initial else exact)(NAME_WORD, spellings)

    hits = search.hits(*map(alternatives, search.words))
    return matching.with_exact_name(hits[:MAX_RANKED_HITS], search.text) or hits


def _by_initials(search: NameSearch) -> Sequence[Hit]:
    letters = index_terms.typed_initials(search.text)
    return search.hits(exact(index_terms.INITIALS, [letters])) if letters else []


def _by_beginnings(search: NameSearch) -> Sequence[Hit]:
    """By words, each of which may be only begun."""
    return search.hits(*(prefix(NAME_WORD, spellings) for spellings in search.words))


def _by_name_and_contact(search: NameSearch) -> Sequence[Hit]:
    """By words of which some are in the name or company, and some in an email or link."""
    kinds = (NAME_WORD, index_terms.EMAIL_WORD, index_terms.LINK)
    return search.hits(
        *(
            TermAlternatives(prefixes=tuple(f"{kind}{word}" for word in words for kind in kinds))
            for words in search.words
        )
    )


def _by_similar_words(search: NameSearch) -> Sequence[Hit]:
    """By words that may be misspelt; the most similar names only."""
    similar = [search.similar_words(spellings[0], matching.SAME_WORD) for spellings in search.words]
    hits = search.hits(*(exact(NAME_WORD, list(words)) for words in similar))
    return matching.most_similar(hits, similar)


Strategy = Callable[[NameSearch], Sequence[Hit]]
STRATEGIES: tuple[tuple[str | None, Strategy], ...] = (
    ("phone", _by_last_digits),
    ("link", _by_link),
    ("email", _by_part_of_email),
    ("link", _by_beginning_of_link),
    ("name", _by_whole_name),
    (None, _by_words),
    ("initials", _by_initials),
    (None, _by_beginnings),
    ("name and email", _by_name_and_contact),
    ("similar name", _by_similar_words),
)
"""Surest first, each with the field that it matches; `None`: name or company, per lead."""


def nearest_names(search: NameSearch, *, limit: int) -> list[str]:
    """Names with a word that is related to a typed word, for a hint when nobody was found."""
    related = [
        word
        for spellings in search.words
        for word in search.similar_words(spellings[0], matching.RELATED_WORD)
    ]
    hits = search.hits(exact(NAME_WORD, related))
    return list(dict.fromkeys(hit.name for hit in hits if hit.name))[:limit]
