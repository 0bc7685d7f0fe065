"""Which texts have what a search looks for: the definition that the mirror's index is held to."""

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from convocore_mcp.models import NumberTerm, PhraseTerm, RunTerm, Term, Terms, WordTerm
from convocore_mcp.words.inflections import inflections, language_of
from convocore_mcp.words.queries import LONGEST_NUMBER
from convocore_mcp.words.splitting import positions, readings, searchable_words


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
                return any(self._has_phrase(term, places) for places in self._places)
            case NumberTerm():
                part = term.digits[:LONGEST_NUMBER]
                return any(part in word for word in self._words if not word.isalpha())
            case RunTerm():
                return any(
                    term.text in spelling
                    for places in self._places
                    for spellings in places
                    for spelling in spellings
                )
            case WordTerm():
                return any(_fits(term, word, self._language) for word in self._words)

    @cached_property
    def _words(self) -> list[str]:
        return searchable_words(self._texts)

    @cached_property
    def _places(self) -> list[list[tuple[str, ...]]]:
        """The words of each text in their order, in every spelling."""
        return [positions(reading) for text in self._texts for reading in readings(text)]

    def _has_phrase(self, phrase: PhraseTerm, places: Sequence[tuple[str, ...]]) -> bool:
        first, *others = phrase.parts
        return any(
            self._has_part(first, spellings)
            and all(
                self._has_part(part, spelled)
                for part, spelled in zip(others, places[i + 1 : i + 1 + len(others)], strict=True)
            )
            for i, spellings in enumerate(places[: len(places) - len(others)])
        )

    def _has_part(self, part: Sequence[WordTerm | RunTerm], spellings: tuple[str, ...]) -> bool:
        return any(_fits(term, word, self._language) for term in part for word in spellings)


@lru_cache(maxsize=65536)
def _fits(term: WordTerm | RunTerm, word: str, language: str | None) -> bool:
    """Whether a word or run is the one that is meant, in a row of this language."""
    if isinstance(term, RunTerm):
        return term.text in word
    return word.startswith(term.text) or any(
        forms.has(word) and forms.counts(word, language) for forms in inflections(term.text)
    )
