"""Texts without what makes the same word look different: case, accents, the script's digits."""

import re
import unicodedata
from functools import lru_cache

MAX_CACHED_WORD = 32
"""Characters of a word whose folded form is cached."""
_MAX_CACHED_WORDS = 16384


class _AccentTable(dict[int, int | str | None]):
    """Maps a decomposed character to itself, an accent or joiner to nothing; filled on demand."""

    def __missing__(self, char: int) -> int | None:
        category = unicodedata.category(chr(char))
        self[char] = kept = None if category[0] == "M" or category == "Cf" else char
        return kept


_LETTER_VARIANTS = {
    "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i",  # noqa: RUF001
    "\u0640": "",  # the tatweel, which only stretches an Arabic word
}  # fmt: skip
_ACCENT_TABLE = _AccentTable({ord(letter): plain for letter, plain in _LETTER_VARIANTS.items()})
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Characters of scripts that are written without blanks, as a range of a pattern."""
_IDEOGRAPH = re.compile(f"([{IDEOGRAPHS}])")
NUMBER = re.compile(r"\+?\d(?:[\d\s().\-/\u066c]|,(?=\d{3}(?!\d)|\d\d,)){3,}\d")
"""A number of at least five digits, with the separators that people put between digits.

A comma is one of them where it groups digits: `15,000`, in India `1,50,000`.
"""
_WORD = re.compile(r"[^\W_]+")
_NOT_DIGITS = re.compile("[^0-9]+")


def fold(text: str) -> str:
    """`text` without case, accents and letter variants, in any script."""
    if text.isascii():
        return text.lower()
    # Decompose before folding: a styled letter has a case only once it is decomposed.
    folded = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", folded.translate(_ACCENT_TABLE))


def single_blanks(text: str) -> str:
    """`text` with one blank between its words, as people see it, and none around them."""
    has_others = "  " in text or not text.isprintable()
    return " ".join(text.split()) if has_others else text.strip()


def words(text: str) -> list[str]:
    """The folded words of `text`. Each ideograph is a word, as Chinese puts no blanks."""
    if text.isascii():
        return _WORD.findall(text.lower())
    # Most words are ASCII even where the text is not, and those need no folding.
    folded = (part.lower() if part.isascii() else _fold_part(part) for part in text.split())
    return _WORD.findall(" ".join(folded))


def _fold_part(text: str) -> str:
    # Short words recur, so their folded form is cached; a long part is a sentence without blanks.
    return _fold_and_space(text) if len(text) > MAX_CACHED_WORD else _fold_word(text)


@lru_cache(maxsize=_MAX_CACHED_WORDS)
def _fold_word(word: str) -> str:
    return _fold_and_space(word)


def _fold_and_space(text: str) -> str:
    return _IDEOGRAPH.sub(r" \1 ", fold(text))


def blank_before_words(text: str) -> str:
    """The distinct words of `text`, each after a blank, so that ` pre` finds a beginning."""
    return " ".join(("", *dict.fromkeys(words(text))))


def digits(text: str) -> str:
    """The decimal digits of `text` in any script, as ASCII."""
    if text.isascii():
        return _NOT_DIGITS.sub("", text)
    return "".join(str(int(char)) for char in text if char.isdecimal())
