"""Patterns that find a person's name, or a profile, in a text, however it is written there.

Patterns of names in scripts with blanks search text without accents, so `José` finds `JOSE`, too.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_IDEOGRAPHS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_LETTERS = re.compile("[a-z]+", re.IGNORECASE)
_PARTICLES = frozenset({
    "von", "van", "der", "den", "del", "dos", "das", "las", "los", "the", "and", "bin", "ibn",
    "mrs", "herr", "frau",
})  # fmt: skip
MIN_NAME_LENGTH, MIN_LINK_LENGTH = 3, 5
MAX_PARTS, MAX_COMPOSED_LENGTH = 30, 40
"""Parts of a name without blanks that are looked for, and characters of one."""
MAX_LENGTH = 300
"""Characters of a name, a link or an address that are looked for: more are no name."""
_APOSTROPHES = "'\u2018\u2019\u02bc\u00b4`"
_BETWEEN = re.compile(r"([\s\-\u2010-\u2015]+)")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_ADDRESS_OF_PAGE = re.compile(r"^(?:[a-z]+://)?(?:www\.)?@?|/+$", re.IGNORECASE)
_UNUSUAL = re.compile(r"[\d_.]")


def is_composed(name: str) -> bool:
    """Whether the pattern of this name is for text as it is, and not for text without accents."""
    return _IDEOGRAPHS.search(name) is not None


@lru_cache(maxsize=4096)
def name_pattern(name: str) -> re.Pattern[str] | None:
    """Finds a whole name and its parts, except short ones and particles such as `von`."""
    name = name[:MAX_LENGTH]
    if is_composed(name):  # written without blanks, also between its parts
        return _composed_pattern(name)
    parts = [_EDGES.sub("", part) for part in _BETWEEN.split(name)[::2]]
    long = {p for p in parts if len(p) >= MIN_NAME_LENGTH and p.casefold() not in _PARTICLES}
    return _any_of([_whole(name), *map(_spelling, sorted(long, key=len, reverse=True))])


@lru_cache(maxsize=4096)
def colleague_pattern(name: str) -> re.Pattern[str] | None:
    """Finds a whole name of several words; a single word only where our own sentences name them.

    A single word may be an ordinary one, too.
    """
    name = name[:MAX_LENGTH]
    if is_composed(name):
        return re.compile(re.escape(name.strip()))
    if len(name.split()) > 1:
        return _any_of([_whole(name)])
    word = _spelling(name.strip())
    return re.compile(rf"(?<=^assigned to ){word}$|^{word}(?=: )", re.IGNORECASE) if word else None


@lru_cache(maxsize=4096)
def link_pattern(link: str) -> re.Pattern[str] | None:
    """Finds a page with or without what stands around its address, and an account's name."""
    bare = _ADDRESS_OF_PAGE.sub("", link[:MAX_LENGTH].strip())
    if len(bare) < MIN_LINK_LENGTH:
        return None
    optional = "?" if _UNUSUAL.search(bare) else ""  # `@sales` is an account, `sales` a word
    sign = (
        rf"(?:[a-z]+://)?(?:www\.)?@{optional}" if "/" not in bare else r"(?:[a-z]+://)?(?:www\.)?"
    )
    return re.compile(rf"(?<![\w@.]){sign}{re.escape(bare)}/?(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def address_pattern(address: str) -> re.Pattern[str] | None:
    """Finds an address as it was given, whatever blanks and commas stand between its parts."""
    parts = [part for part in re.split(r"[\s,]+", address[:MAX_LENGTH]) if part]
    if len("".join(parts)) <= MIN_LINK_LENGTH:
        return None
    written = r"[\s,]+".join(map(re.escape, parts))
    return re.compile(rf"(?<!\w){written}(?!\w)", re.IGNORECASE)


def _composed_pattern(name: str) -> re.Pattern[str]:
    parts = [part[:MAX_COMPOSED_LENGTH] for part in _IDEOGRAPHS.findall(name)[:MAX_PARTS]]
    inner = {p[i:j] for p in parts for i in range(len(p)) for j in range(i + 2, len(p) + 1)}
    wanted = sorted({name.strip(), *parts, *inner}, key=len, reverse=True)[:MAX_PARTS]
    others = [word for word in _LETTERS.findall(name) if len(word) >= MIN_NAME_LENGTH]
    found = [*map(re.escape, wanted), *(rf"(?<![a-z]){word}(?![a-z])" for word in others)]
    return re.compile("|".join(found), re.IGNORECASE)


def _any_of(spellings: list[str]) -> re.Pattern[str] | None:
    wanted = list(dict.fromkeys(filter(None, spellings)))
    return re.compile(rf"(?<!\w)(?:{'|'.join(wanted)})(?!\w)", re.IGNORECASE) if wanted else None


def _whole(name: str) -> str:
    """The whole name: other blanks between its words, and with or without its hyphens."""
    pieces = _BETWEEN.split(name.strip())
    between = (r"\s+" if piece.isspace() else r"[\s\-\u2010-\u2015]*" for piece in pieces[1::2])
    words = map(_spelling, pieces[::2])
    return "".join(piece for pair in zip(words, (*between, ""), strict=True) for piece in pair)


def _spelling(word: str) -> str:
    """A word with or without apostrophes, as a pattern for text without accents."""
    found = []
    for char in without_accents(word).plain:
        if char in _APOSTROPHES:
            found.append(f"[{_APOSTROPHES}]?")
        else:
            found.append("(?:\u00df|ss)" if char == "\u00df" else re.escape(char))
    return "".join(found)


class PlainText(NamedTuple):
    """A text without accents."""

    decomposed: str
    """The text with its accents as characters of their own (NFD)."""
    plain: str
    positions: list[int]
    """Where each character of `plain` stands in `decomposed`, and where that ends."""


@lru_cache(maxsize=64)  # each text is searched for several names
def without_accents(text: str) -> PlainText:
    """`text` without the accents of Latin, Greek and Cyrillic letters."""
    decomposed = unicodedata.normalize("NFD", text)
    kept = [i for i, char in enumerate(decomposed) if not "\u0300" <= char <= "\u036f"]
    plain = "".join([decomposed[i] for i in kept])
    return PlainText(decomposed, plain, [*kept, len(decomposed)])
