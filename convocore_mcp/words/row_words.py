"""Decides whether texts match a search. Tests compare the mirror's index with this definition."""

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from convocore_mcp.models import NumberTerm, PhraseTerm, RunTerm, Term, Terms, WordTerm
from convocore_mcp.words.inflections import inflections, language_of
from convocore_mcp.words.queries import MAX_SEARCH_NUMBER_LENGTH
from convocore_mcp.words.splitting import positions, readings, searchable_words

_MAX_KNOWN_WORDS = 20_000


def row_matches(texts: Iterable[str], terms: Terms, *, language: str | None = None) -> bool:
    """Whether `texts`, those of one row or of one field, have a term of every group of `terms`.

    `language` is that of the row as it was written (`de`, `German`), by which words are inflected.
    """
    row = RowWords(texts, language)
    return bool(terms) and all(any(map(row.has, group)) for group in terms)


class RowWords:
    """The words of a row or of a field; each text by itself has phrases."""

    def __init__(self, texts: Iterable[str], language: str | None) -> None:
        self._texts = tuple(texts)
        self._language = language_of(language)

    def has(self, term: Term) -> bool:
        """Whether the term is found."""
        match term:
            case PhraseTerm():
                return any(self._has_phrase(term, ordered) for ordered in self._ordered_words)
            case NumberTerm():
                part = term.digits[:MAX_SEARCH_NUMBER_LENGTH]
                return any(part in word for word in self._words if not word.isalpha())
            case RunTerm():
                return any(
                    term.text in spelling
                    for ordered in self._ordered_words
                    for spellings in ordered
                    for spelling in spellings
                )
            case WordTerm():
                fits = _fitting((term,), self._language)
                return any(fits[word] for word in self._words)

    @cached_property
    def _words(self) -> list[str]:
        return searchable_words(self._texts)

    @cached_property
    def _ordered_words(self) -> list[list[tuple[str, ...]]]:
        """The words of each text in their order, in every spelling."""
        return [positions(reading) for text in self._texts for reading in readings(text)]

    def _has_phrase(self, phrase: PhraseTerm, ordered: Sequence[tuple[str, ...]]) -> bool:
        first, *others = (_fitting(part, self._language) for part in phrase.parts)
        for i in range(len(ordered) - len(others)):
            if _any_fits(first, ordered[i]) and all(
                _any_fits(fits, ordered[i + distance]) for distance, fits in enumerate(others, 1)
            ):
                return True
        return False


class _Fitting(dict[str, bool]):
    """Which words are one of several terms in a row of a language; filled on demand."""

    def __init__(self, terms: Sequence[WordTerm | RunTerm], language: str | None) -> None:
        self._terms = terms
        self._language = language

    def __missing__(self, word: str) -> bool:
        if len(self) >= _MAX_KNOWN_WORDS:
            self.clear()
        self[word] = fits = any(_fits(term, word, self._language) for term in self._terms)
        return fits


@lru_cache(maxsize=64)
def _fitting(terms: tuple[WordTerm | RunTerm, ...], language: str | None) -> _Fitting:
    return _Fitting(terms, language)


def _any_fits(fits: _Fitting, spellings: tuple[str, ...]) -> bool:
    # Most words have one spelling, and this runs for every word of every candidate.
    return fits[spellings[0]] if len(spellings) == 1 else any(fits[word] for word in spellings)


def _fits(term: WordTerm | RunTerm, word: str, language: str | None) -> bool:
    if isinstance(term, RunTerm):
        return term.text in word
    return word.startswith(term.text) or any(
        forms.has(word) and forms.counts_in(word, language) for forms in inflections(term.text)
    )
