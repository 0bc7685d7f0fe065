"""Texts split into the words that they are found by.

A *run* is a row of characters of a script that puts no blanks between words (Chinese, Japanese,
Thai), or that attaches endings to them (Korean), or of emoji. It is found by every part of it, so
its pairs of neighbouring characters are indexed.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from convocore_mcp.words.folding import MAX_CACHED_WORD, NUMBER, digits, fold

_EMOJI = "\u231a-\u23ff\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_UNSPACED = (
    "\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # ideographs
    "\u1100-\u11ff\uac00-\ud7ff"  # Korean
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0ec6\u1000-\u103f\u1780-\u17b3"  # Thai, Lao,
    # Burmese and Khmer
)
_RUN = re.compile(f"[{_UNSPACED}{_EMOJI}]+")
# Most words are ASCII even where the text is not, and their letters are tested faster alone.
_WORD_OR_RUN = re.compile(rf"[a-z0-9]+(?![^\W_])|{_RUN.pattern}|[^\W_{_UNSPACED}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\uff07", "'"))
_APOSTROPHE = re.compile(r"(?<=[^\W_])'(?=[^\W_])")
_CONTRACTED = re.compile(r"[^\W_]+(?:'[^\W_]+)+")
_SKIN_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")
_JOINER = re.compile(f"(?<=[{_EMOJI}])[\ufe0f\u200d]+")
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
"""How letters are written where a keyboard lacks them: `Mueller` is Müller."""
_MAX_CACHED_WORDS = 16384
_NUMBER = re.compile(NUMBER.pattern.removeprefix(r"\+?"))
"""The same number without its sign. A pattern that begins with a digit is found twice as fast."""
_BETWEEN_TEXTS = "|"
"""Neither part of a number nor of a word."""


def searchable_words(texts: Iterable[str]) -> list[str]:
    """The distinct words that `texts` are found by: as `index_words`, and numbers as digits.

    Numbers are also there without separators: a question may group the digits in another way.
    """
    known = list(texts)
    numbers = map(digits, _NUMBER.findall(_BETWEEN_TEXTS.join(known)))
    return list(dict.fromkeys(index_words("\n".join([*known, *numbers]))))


def index_words(text: str) -> list[str]:
    """The folded words of `text` in every spelling, and the pairs of neighbours of its runs."""
    if text.isascii():
        folded = text.lower()
        found = _ASCII_WORD.findall(folded)
    else:
        # Most words are ASCII even where the text is not, and those need no folding.
        parts = (part.lower() if part.isascii() else _index_form(part) for part in text.split())
        folded = " ".join(parts)
        found = _WORD_OR_RUN.findall(folded)
    if "'" in folded:  # `O'Brien` is found by `o`, `brien` and `obrien`
        found += [name.replace("'", "") for name in _CONTRACTED.findall(folded)]
    return found


def _index_form(part: str) -> str:
    # Short words recur, so their form is cached; a long part is a sentence without blanks.
    return _spell_out(part) if len(part) > MAX_CACHED_WORD else _spell_out_word(part)


@lru_cache(maxsize=_MAX_CACHED_WORDS)
def _spell_out_word(word: str) -> str:
    return _spell_out(word)


def _spell_out(part: str) -> str:
    return _RUN.sub(lambda run: f" {' '.join(pairs(run.group()))} ", " ".join(_foldings(part)))


def pairs(run: str) -> list[str]:
    """Each character of a run with its neighbour, the last one alone."""
    return [run[i : i + 2] for i in range(len(run))]


def is_run(word: str) -> bool:
    """Whether a folded word is a run."""
    return not word.isascii() and _RUN.match(word) is not None


def positions(text: str) -> list[tuple[str, ...]]:
    """The words and runs of `text` in their order, each in every spelling of it."""
    if text.isascii():
        return [(word,) for word in _ASCII_WORD.findall(text.lower())]
    return [spellings for part in text.split() for spellings in _spellings(part)]


def readings(text: str) -> Iterator[str]:
    """`text` as it is, and where it has apostrophes inside words also without those."""
    yield text
    straight = text.translate(_APOSTROPHES)
    joined = _APOSTROPHE.sub("", straight)
    if joined != straight:
        yield joined


def without_apostrophes(text: str) -> str:
    """`text` without the apostrophes inside words."""
    return _APOSTROPHE.sub("", text.translate(_APOSTROPHES))


@lru_cache(maxsize=_MAX_CACHED_WORDS)
def _spellings(part: str) -> list[tuple[str, ...]]:
    if part.isascii():
        return [(word,) for word in _ASCII_WORD.findall(part.lower())]
    split = [_WORD_OR_RUN.findall(folding) for folding in _foldings(part)]
    if len({len(found) for found in split}) > 1:
        split = split[:1]
    return [tuple(dict.fromkeys(spellings)) for spellings in zip(*split, strict=True)]


def _foldings(part: str) -> list[str]:
    """A part of a text folded, and also with the digraphs of its letters."""
    if part.isascii():
        return [part.lower()]
    visible = _JOINER.sub("", _SKIN_TONE.sub("", part))
    composed = unicodedata.normalize("NFC", visible).casefold()
    spelled = composed.translate(_DIGRAPHS)
    forms = (visible,) if spelled == composed else (visible, spelled)
    return [fold(form).translate(_APOSTROPHES) for form in forms]
