"""Latin spellings of names in other scripts, for people who type `Ivan Petrov` for Иван Петров.

They are added to the script's own spelling and never replace it. A script that writes no vowels
(Arabic, Hebrew) gives consonants only, and Japanese ideographs get their Chinese reading: those
names are found by exactly that Latin spelling, and by no other.
"""

import re
from functools import lru_cache

from anyascii import anyascii

from convocore_mcp.leads.keys import IDEOGRAPHS, MAX_CACHED_KEYS, fold

LONGEST_NAME = 4
"""Syllables of a name; a longer run of ideographs is a company or a sentence."""
COMPOUND_SURNAME = 4
"""Characters of a Chinese name whose surname has two: 欧阳小龙."""
_NOT_LATIN = re.compile("[^a-z0-9]+")
_SYLLABIC_RUN = re.compile(f"[{IDEOGRAPHS}]+|[\uac00-\ud7a3]+")
_KANA = re.compile("[\u3040-\u30ff]")
_KOREAN_SURNAMES = {
    "gim": ("kim",), "i": ("lee", "yi"), "bag": ("park", "bak"), "choe": ("choi",),
    "jeong": ("jung", "chung"), "gang": ("kang",), "jo": ("cho",), "yun": ("yoon",),
    "jang": ("chang",), "im": ("lim",), "han": (), "o": ("oh",), "seo": ("suh",),
    "sin": ("shin",), "gweon": ("kwon",), "hwang": (), "an": ("ahn",), "song": (), "yu": ("yoo",),
    "ryu": ("yoo",), "no": ("noh", "roh"), "gu": ("koo",), "u": ("woo",), "baeg": ("baek", "paik"),
}  # fmt: skip
"""How Koreans write their surnames, which is not how the syllable is transcribed."""


@lru_cache(maxsize=MAX_CACHED_KEYS)
def latin_word(word: str) -> tuple[str, ...]:
    """The Latin spelling of one word in another script, if it has one."""
    if word.isascii() or _SYLLABIC_RUN.search(word) or fold(word).isascii():
        return ()
    latin = _latin(word)
    return (latin,) if latin else ()


def latin_name_words(folded: str) -> list[str]:
    """Latin words of Chinese, Japanese and Korean names in `folded`, which are written in one.

    Of 王小龙 these are `wang`, `xiaolong` and `wangxiaolong`.
    """
    found: list[str] = []
    for run in _SYLLABIC_RUN.findall(folded):
        if _KANA.search(run):
            found.append(_latin(run))
        elif 1 < len(run) <= LONGEST_NAME:
            end = 2 if len(run) == COMPOUND_SURNAME else 1
            surname, given = _latin(run[:end]), _latin(run[end:])
            is_korean = run[0] >= "\uac00"
            variants = _KOREAN_SURNAMES.get(surname, ()) if is_korean else ()
            in_one_word = () if is_korean else (surname + given,)
            found += (surname, *variants, given, *in_one_word)
    return [word for word in dict.fromkeys(found) if word]


def _latin(text: str) -> str:
    return _NOT_LATIN.sub("", anyascii(text).lower())
