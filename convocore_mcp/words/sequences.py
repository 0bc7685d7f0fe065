"""Joiners, variation selectors and tags: kept where Unicode's tables give them a meaning.

These characters have no glyph of their own. Between two emoji, in a Persian word or after an
ideograph they change what is seen; anywhere else they are invisible and can carry a hidden message.
One such character is kept after each base that it is valid with, and every other one is removed.

Source: UTS #51 (emoji), UAX #31 2.3.1 (joiners), StandardizedVariants.txt, UTS #37 (ideographs).
"""

import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import chain

from convocore_mcp.words import sequence_tables as tables

MAX_IDEOGRAPH_VARIANTS = 16
"""Variants of ideographs in one text. Each has one of 240 selectors, so a long row of them could
hide a message; a person's name and address have few."""
SUBDIVISION_FLAGS = ("gbeng", "gbsct", "gbwls")
"""England, Scotland and Wales: the flags that are written with tags."""
_TAG, _END_OF_TAGS = 0xE0000, "\U000e007f"
CONDITIONAL = re.compile(
    "[\u180b-\u180f\u200b-\u200d\u2800\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
)
"""The characters that this module decides about."""


def without_invalid_sequences(text: str) -> str:
    """`text` without those of the characters in `CONDITIONAL` that have no meaning there."""
    if CONDITIONAL.search(text) is None:
        return text
    variants = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal variants
        sequence = match.group()
        if match["variant"] is not None:
            variants += 1
            return sequence if variants <= MAX_IDEOGRAPH_VARIANTS else sequence[0]
        if match["compatible"] is not None:
            return sequence if sequence in _compatible_ideographs() else sequence[0]
        return sequence if match["valid"] is not None else ""

    return _pattern().sub(kept, text)


@cache
def _pattern() -> re.Pattern[str]:
    """The valid sequences, and any other character that is decided about.

    Built at the first use: most servers start and stop without ever needing it.
    """
    pictographic, styled = map(_members, (tables.PICTOGRAPHIC, tables.STYLED))
    cursive, viramas = map(_members, (tables.CURSIVE, tables.VIRAMAS))
    unspaced, ideographs = map(_members, (tables.UNSPACED, tables.IDEOGRAPHS))
    emoji = f"(?:[{styled}]\ufe0f?|[{pictographic}])[\U0001f3fb-\U0001f3ff]?"
    flags = "|".join("".join(chr(_TAG + ord(c)) for c in flag) for flag in SUBDIVISION_FLAGS)
    alone = "(?<![\u200b-\u200d])"
    valid = [
        f"\U0001f3f4(?:{flags}){_END_OF_TAGS}",
        f"{emoji}(?:\u200d{emoji})+",
        f"[{styled}][\ufe0e\ufe0f]",
        "[0-9#*]\ufe0f(?=\u20e3)",  # a keycap
        # A word of a cursive script, also where a number or a Latin word has its ending.
        f"[{cursive}][\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u0711]*[\u200c\u200d]",
        f"{alone}[\u200c\u200d](?=[{cursive}])",
        f"[{viramas}][\u200c\u200d]",
        f"{alone}[\u200c\u200d](?=[{viramas}])",
        f"[{unspaced}]\u200b",
        f"{alone}\u200b(?=[{unspaced}])",
        "[\u1820-\u18aa](?:[\u180b-\u180d\u180f]|\u180e(?=[\u1820-\u18aa]))",
        "(?<=[\u2801-\u28ff])\u2800|\u2800(?=[\u2801-\u28ff])",  # the blank of Braille
        *(f"[{_members(bases)}]{sign}" for sign, bases in tables.STANDARD_VARIANTS.items()),
    ]
    return re.compile(
        f"(?P<valid>{'|'.join(valid)})"
        f"|(?P<variant>[{ideographs}][\U000e0100-\U000e01ef])"
        f"|(?P<compatible>[{ideographs}][\ufe00-\ufe02])"
        f"|{CONDITIONAL.pattern}"
    )


@cache
def one_of(table: str) -> re.Pattern[str]:
    """A pattern for one character of a table."""
    return re.compile(f"[{_members(table)}]")


def _members(table: str) -> str:
    """The code points of a table, as the inside of a set in a pattern."""
    spans = (span.partition("-") for span in table.split())
    return "".join(
        _escaped(first) + (dash and dash + _escaped(last)) for first, dash, last in spans
    )


def _escaped(code: str) -> str:
    return f"\\U{int(code, 16):08x}"


@cache
def _compatible_ideographs() -> frozenset[str]:
    """Ideographs with the selectors that stand for compatibility ideographs, as Unicode has them.

    The selectors of a base are numbered in the order of the compatibility ideographs.
    """
    found: list[str] = []
    counts: Counter[str] = Counter()
    for code in chain(range(0xF900, 0xFB00), range(0x2F800, 0x2FA20)):
        if decomposed := unicodedata.decomposition(chr(code)):
            base = chr(int(decomposed, 16))
            found.append(base + chr(0xFE00 + counts[base]))
            counts[base] += 1
    return frozenset(found)
