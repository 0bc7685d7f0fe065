"""Texts as they are compared: without case, accents and further blanks, with marks around words.

The marks are characters that no text has. So one column answers both whether a text is equal to
another and whether a word in it begins with certain letters, on every engine alike.
"""

import re
from functools import lru_cache
from hashlib import blake2b

from convocore_mcp.store.database.columns import storable
from convocore_mcp.words.folding import IDEOGRAPHS, MAX_CACHED_WORD, fold, single_blanks

WORD_MARK = "\x01"
"""Between a word and what is no word. The ends of a text have none."""
ITEM_MARK = "\x02"
"""Before and after every item of a list."""
SORT_PREFIX_LENGTH = 60
"""Characters of a long text by which it is sorted."""
DIGEST_BYTES = 12
"""Of a million texts, two have the same digest with a probability of 1 in 10^17."""
_MARKS = re.compile(f"[{WORD_MARK}{ITEM_MARK}]")
_WORDS = rf"[a-z0-9]+(?![^\W_])|[{IDEOGRAPHS}]|[^\W_{IDEOGRAPHS}]+"
"""A word. Most are ASCII even where the text is not, and their letters are tested faster alone."""
_PART, _WORD = re.compile(rf"{_WORDS}|[\W_]+"), re.compile(_WORDS)
_ASCII_PART = re.compile("[a-z0-9]+|[^a-z0-9]+")


def text_key(text: str) -> str:
    """What a text is compared by."""
    folded = _folded(text)
    if not folded.isascii():
        return WORD_MARK.join(_PART.findall(folded))
    if folded.isalnum():  # one word, as most choices are
        return folded
    return WORD_MARK.join(_ASCII_PART.findall(folded))


def long_text_key(key: str) -> tuple[str, str | None]:
    """The beginning of a long text's key, and a digest of the key where that is longer."""
    if len(key) <= SORT_PREFIX_LENGTH:
        return key, None
    digest = blake2b(key.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES)
    return key[:SORT_PREFIX_LENGTH], digest.hexdigest()


def words_of(text: str) -> list[str]:
    """The words of `text`, as they stand in a key; an ideograph is a word by itself."""
    return list(dict.fromkeys(_WORD.findall(_folded(text))))


def list_key(items: tuple[str, ...]) -> str | None:
    """The keys of the items, each between marks; `None` without items."""
    if not items:
        return None
    return f"{ITEM_MARK}{ITEM_MARK.join(map(text_key, items))}{ITEM_MARK}"


@lru_cache(maxsize=4096)
def stored_text(text: str) -> tuple[str, str | None]:
    """The key of a text, and the text itself where that is another."""
    clean = storable(text)
    key = text_key(clean)
    return key, None if key == clean else clean


def _folded(text: str) -> str:
    if not text.isprintable():
        text = _MARKS.sub(" ", text)
    text = single_blanks(text)
    if text.isascii():
        return text.lower()
    # Blanks keep what is around them apart. Most words are ASCII even where the text is not, and
    # those need no folding; short words recur.
    parts = text.split(" ")
    return " ".join(
        [
            part.lower()
            if part.isascii()
            else fold(part)
            if len(part) > MAX_CACHED_WORD
            else _folded_word(part)
            for part in parts
        ]
    ).strip()  # a part may be nothing but accents


@lru_cache(maxsize=16384)
def _folded_word(word: str) -> str:
    return fold(word)
