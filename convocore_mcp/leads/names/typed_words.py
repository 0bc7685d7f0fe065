"""The words of a typed text: as they were written, and in each spelling that is looked up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from convocore_mcp.leads.index_terms import word_spellings
from convocore_mcp.leads.names.filler_words import (
    TITLES,
    is_filler,
    join_dotted_legal_forms,
    without_phrases,
)

MAX_WORDS = 12
"""Words of a text that are looked up; the words after them are listed in `ignored`."""
MIN_SPLIT_LENGTH = 5
"""Letters of a word that may be two words written together."""
_PARTICLES = ("dela", "delas", "delos", "vander", "vanden", "vande", "vonder")
"""Two particles of a surname; with the name after them they are three words in one."""
_PUNCTUATION = " \t.,;:!?\"'()[]{}<>«»“”„‘’…|/\\-–—*`"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class TypedWord:
    """A part of a text between blanks."""

    written: str
    """As it was typed, without punctuation around it."""
    tokens: Sequence[Sequence[str]]
    """What it is looked up by: each token (two in `O'Brien`), in every spelling."""

    @property
    def folded(self) -> str:
        """The tokens as one word."""
        return "".join(spellings[0] for spellings in self.tokens)


def typed_words(text: str) -> tuple[list[TypedWord], list[str]]:
    """The words of `text` without titles, and what was left out."""
    text, left_out = without_phrases(join_dotted_legal_forms(text))
    found = [
        TypedWord(part.strip(_PUNCTUATION) or part, tokens)
        for part in text.split()
        if (tokens := word_spellings(part))
    ]
    kept = [word for word in found if word.folded not in TITLES] or found
    left_out += [word.written for word in found if word not in kept]
    left_out += [word.written for word in kept[MAX_WORDS:]]
    return kept[:MAX_WORDS], left_out


def filler_indices(words: Sequence[TypedWord]) -> frozenset[int]:
    """Which of the words may be left out if nobody fits with them."""
    last = len(words) - 1
    return frozenset(
        i for i, word in enumerate(words) if is_filler(word.folded, between=0 < i < last)
    )


def rejoined(words: Sequence[TypedWord], fillers: frozenset[int]) -> Iterator[list[TypedWord]]:
    """The words, with two or three neighbours (no fillers) joined: `Mary Ann` as `Maryann`."""
    for length in (1, 2, 3):
        for start in range(len(words) - length + 1):
            end = start + length
            part = words[start:end]
            tokens = [spellings for word in part for spellings in word.tokens]
            if len(tokens) > 1 and fillers.isdisjoint(range(start, end)):
                spellings = list(dict.fromkeys(map("".join, _in_each_spelling(tokens))))
                word = TypedWord(" ".join(w.written for w in part), [spellings])
                yield [*words[:start], word, *words[end:]]


def _in_each_spelling(tokens: Sequence[Sequence[str]]) -> list[list[str]]:
    """All tokens in their first spelling, and all in their last."""
    return [[spellings[0] for spellings in tokens], [spellings[-1] for spellings in tokens]]


def split_words(
    words: Sequence[TypedWord], indices: Iterable[int]
) -> Iterator[tuple[int, Sequence[str]]]:
    """Each way to split the words at `indices` into two or three: `Obrien` into `o` and `brien`."""
    for i in indices:
        letters = words[i].folded
        if len(words[i].tokens) == 1 and len(letters) >= MIN_SPLIT_LENGTH and letters.isalpha():
            for pieces in _pieces(letters):
                yield i, pieces


def _pieces(letters: str) -> Iterator[Sequence[str]]:
    for particle in _PARTICLES:
        if letters.startswith(particle) and len(letters) > len(particle) + 2:
            first = 3 if particle.startswith("v") else 2
            yield letters[:first], letters[first : len(particle)], letters[len(particle) :]
    for end in range(1, len(letters) - 1):
        yield letters[:end], letters[end:]
