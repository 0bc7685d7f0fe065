"""What somebody types into a search, read as terms.

Blanks separate words that must all be found; `|` stands between alternatives; quotes hold words
that stand next to each other. All other characters are just text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.models import (
    MIN_NUMBER_PART,
    NumberTerm,
    PhraseTerm,
    RunTerm,
    Term,
    Terms,
    WordTerm,
)
from convocore_mcp.words.folding import NUMBER, digits
from convocore_mcp.words.splitting import is_run, positions, readings, without_apostrophes

MAX_QUERY_LENGTH = 500
"""Characters of a query."""
MAX_ALTERNATIVES = 20
"""Alternatives that `|` separates."""
MAX_SEARCH_WORD_LENGTH = 60
"""Characters of a word that are compared."""
MAX_SEARCH_NUMBER_LENGTH = 20
"""Digits of a number that are compared."""
_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"'))
_ITEM = re.compile(
    rf'(?P<blank>[\s(){{}}\[\]<>,;]+)|"(?P<phrase>[^"]*)"|(?P<either>\|)|(?P<number>{NUMBER.pattern})'
    rf'|(?P<words>(?:(?!{NUMBER.pattern})[^\s(){{}}\[\]<>,;"|])+)|"'
)
"""Brackets and commas separate words as blanks do; others may stand in one: `a-b|c@d.e`."""
_Spellings = tuple[WordTerm | RunTerm, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A piece of a query: of the kind `phrase`, `number` or `words`."""

    kind: str
    text: str


_Chain = list[list[_Item]]
"""Alternatives, each of them items without a blank between them."""


def search_terms(query: str, *, argument: str = "query") -> Terms:
    """The terms of a query; without any group where it has no word.

    Raises:
        InvalidArgumentError: it is too long or has too many alternatives. `argument` names it.
    """
    if len(query) > MAX_QUERY_LENGTH:
        raise InvalidArgumentError(
            f"{argument} has {len(query)} characters.",
            hint=f"At most {MAX_QUERY_LENGTH} are searched for; use fewer words.",
        )
    groups: list[tuple[Term, ...]] = []
    for chain in _chains(query.translate(_QUOTES)):
        if len(chain) > MAX_ALTERNATIVES:
            raise InvalidArgumentError(
                f"{argument} has {len(chain)} alternatives.",
                hint=f"At most {MAX_ALTERNATIVES} may stand between |; use the beginning "
                "that several words share.",
            )
        groups += _either(chain) if len(chain) > 1 else _all_of(chain[0])
    return tuple(dict.fromkeys(group for group in groups if group))


def _chains(query: str) -> Iterator[_Chain]:
    chain: _Chain = []
    glued = continues = False
    for match in _ITEM.finditer(query):
        kind = match.lastgroup
        if kind == "either":
            continues, glued = True, False
        elif kind in (None, "blank"):
            glued = False
        else:
            item = _Item(str(kind), match[str(kind)])
            if glued:
                chain[-1].append(item)
            elif continues and chain:
                chain.append([item])
            else:
                if chain:
                    yield chain
                chain = [[item]]
            glued, continues = True, False
    if chain:
        yield chain


def _either(chain: _Chain) -> list[tuple[Term, ...]]:
    """One group: a term for each alternative in each of its spellings."""
    return [tuple(dict.fromkeys(term for items in chain for term in _one_of(items)))]


def _one_of(items: list[_Item]) -> tuple[Term, ...]:
    if len(items) > 1:
        return _phrase("".join(item.text for item in items))
    (item,) = items
    number = _number(item.text) if item.kind == "number" else None
    return (number,) if number else _phrase(item.text)


def _all_of(items: list[_Item]) -> Iterator[tuple[Term, ...]]:
    """A group for each word, number and phrase."""
    for item in items:
        number = _number(item.text) if item.kind == "number" else None
        if number:
            yield (number,)
        elif item.kind == "phrase":
            yield _phrase(item.text)
        else:
            yield from _words(without_apostrophes(item.text))


def _number(text: str) -> NumberTerm | None:
    # A stored number is international, so it lacks the 0 in front of a national number. Where too
    # few digits would be left, the 0 is one of the five: the middle of a number may begin with it.
    plain = digits(text)
    national = plain.lstrip("0")
    found = plain if 0 < len(national) < MIN_NUMBER_PART else national
    return NumberTerm(found) if len(found) >= MIN_NUMBER_PART else None


def _phrase(text: str) -> tuple[Term, ...]:
    """The words of `text` next to each other; a word or a number alone is no phrase."""
    number = _number(text) if NUMBER.fullmatch(text.strip()) else None
    if number:
        return (number,)
    found: dict[Term, None] = {}
    for reading in readings(text):
        parts = tuple(_words(reading))
        if len(parts) == 1:
            found |= dict.fromkeys(parts[0])
        elif parts:
            found[PhraseTerm(parts)] = None
    return tuple(found)


def _words(text: str) -> Iterator[_Spellings]:
    """Each word and run of `text`, in every spelling."""
    for spellings in positions(text):
        yield tuple(
            RunTerm(word) if is_run(word) else WordTerm(word[:MAX_SEARCH_WORD_LENGTH])
            for word in spellings
        )
