"""Cutting a text to a length: between words, and never inside of what is seen as one character.

Source: UAX #29, extended grapheme clusters.
"""

import re
import unicodedata

from convocore_mcp.words import sequence_tables as tables
from convocore_mcp.words.sequences import one_of, without_invalid_sequences

ELLIPSIS = "…"
MAX_CLUSTER_LENGTH = 64
"""A longer cluster is cut inside: nobody reads a letter with more accents."""
_CONTINUES = re.compile(
    "[\u200c\u200d\ufe00-\ufe0f\u180b-\u180f\u20e3\uff9e\uff9f\U0001f3fb-\U0001f3ff"
    "\U000e0020-\U000e007f\U000e0100-\U000e01ef\u1160-\u11ff\ud7b0-\ud7fb\u0e33\u0eb3]"
)
"""What continues a cluster, beside combining marks: selectors, tags, skin tones, Hangul parts."""
_PREPENDED = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
_REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]")


def cut(text: str, length: int) -> str:
    """`text`, if it has at most `length` characters; else its beginning and an ellipsis."""
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    blank = max(kept.rfind(" "), kept.rfind("\n"))
    if blank >= length // 2 and not text[length - 1].isspace():
        return kept[:blank].rstrip() + ELLIPSIS
    end = cluster_start(text, length - 1)
    kept = text[:end]
    # Where a cluster was too long to be kept together, what joined its parts has no meaning now.
    return without_invalid_sequences(kept).rstrip() + ELLIPSIS


def cluster_start(text: str, index: int) -> int:
    """Where the cluster begins that the character at `index` belongs to."""
    earliest = max(0, index - MAX_CLUSTER_LENGTH)
    start = index
    while start > earliest and _continues(text, start):
        start -= 1
    return start if start > earliest or not start else index


def _continues(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the same cluster as the one before."""
    char, before = text[index], text[index - 1]
    if unicodedata.category(char)[0] == "M" or _CONTINUES.match(char):
        return before not in "\n\t"
    if _REGIONAL.match(char):  # each two make a flag
        return _regional_before(text, index) % 2 == 1
    if _PREPENDED.match(before):
        return True
    joined = text[index - 2] if before in "\u200c\u200d" and index > 1 else before
    if one_of(tables.VIRAMAS).match(joined):  # it and the next consonant are written in one
        return char.isalpha()
    return before == "\u200d" and one_of(tables.PICTOGRAPHIC).match(char) is not None


def _regional_before(text: str, index: int) -> int:
    """How many regional indicators stand in a row before `index`."""
    start = index
    while start and _REGIONAL.match(text[start - 1]):
        start -= 1
    return index - start
