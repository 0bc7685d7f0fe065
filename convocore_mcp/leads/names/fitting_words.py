"""Which typed words fit anybody, and whether they fit one lead."""

from collections.abc import Sequence

from convocore_mcp.leads import index_terms, matching
from convocore_mcp.leads.name_search import NameSearch
from convocore_mcp.leads.names.nicknames import with_nicknames
from convocore_mcp.leads.names.typed_words import TypedWord
from convocore_mcp.models import NAME_WORD, TermAlternatives

MIN_PREFIX_LENGTH = 3
"""The fewest letters of a typed word that count as the beginning of a longer word."""


def fitting_words(search: NameSearch) -> list[int]:
    """The indices of the words that fit anybody; a word may be incomplete or misspelt.

    Digits alone are no word.
    """

    def fits_somebody(spellings: Sequence[str]) -> bool:
        known = search.index.knows(search.agent_id, _alternatives(spellings))
        return known or bool(search.similar_words(spellings[0], matching.MIN_SAME_WORD_SIMILARITY))

    fitting = [i for i, word in enumerate(search.words) if all(map(fits_somebody, word.tokens))]
    # A part of a typed number, such as `1`, may be a word in somebody's company: no evidence.
    numbers_alone = all(search.words[i].folded.isdecimal() for i in fitting)
    return [] if numbers_alone else fitting


def fits(terms: str, word: TypedWord) -> bool:
    """Whether a lead with these terms has `word` in a name, company, email or link."""

    def fits_term(alternatives: TermAlternatives) -> bool:
        prefixes = tuple(f"\n{prefix}" for prefix in alternatives.prefixes)
        whole = (f"\n{term}\n" for term in alternatives.exact)
        padded = f"{terms}\n"
        return any(text in padded for text in (*prefixes, *whole))

    return all(fits_term(_alternatives(spellings)) for spellings in word.tokens)


def _alternatives(spellings: Sequence[str]) -> TermAlternatives:
    """The terms of whatever a word may be a part of: a name, a company, an email, a link."""
    kinds = (NAME_WORD, index_terms.EMAIL_WORD, index_terms.LINK)
    begun = [word for word in spellings if len(word) >= MIN_PREFIX_LENGTH]
    return TermAlternatives(
        exact=tuple(f"{kind}{word}" for word in with_nicknames(spellings) for kind in kinds),
        prefixes=tuple(f"{kind}{word}" for word in begun for kind in kinds),
    )
