"""What a search looks for: all of its groups, and any one term of each group."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class WordTerm:
    """A folded word: found in words that begin with it, and in other inflections of it."""

    text: str


@dataclass(frozen=True, slots=True)
class RunTerm:
    """Characters of a script without blanks between words, or emoji: found anywhere in a run."""

    text: str


@dataclass(frozen=True, slots=True)
class NumberTerm:
    """At least five digits: found anywhere in a number, however that is grouped."""

    digits: str


@dataclass(frozen=True, slots=True)
class PhraseTerm:
    """Words next to each other, in this order; each in one of its spellings."""

    parts: tuple[tuple[WordTerm | RunTerm, ...], ...]


Term: TypeAlias = WordTerm | RunTerm | NumberTerm | PhraseTerm
Terms: TypeAlias = tuple[tuple[Term, ...], ...]
"""Groups that must all be found; of each group, one term is enough.

Without any group nothing is found: the query has only punctuation.
"""
