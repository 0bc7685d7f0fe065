"""Latin spellings of names in other scripts, for people who type `Ivan Petrov` for Иван Петров.

They are added to the script's own spelling and never replace it. A script that writes no short
vowels (Arabic, Hebrew) gives consonants only: a query `Muhammad` gives all names with these
consonants as candidates. Japanese ideographs get their Chinese reading.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice, product

from anyascii import anyascii

from convocore_mcp.leads.keys import MAX_CACHED_KEYS
from convocore_mcp.words.folding import IDEOGRAPHS, fold

MAX_NAME_LENGTH = 4
"""Syllables of a person's name; a longer run of ideographs is a company or a sentence."""
COMPOUND_NAME_LENGTH = 4
"""Characters of a Chinese name whose surname has two characters: 欧阳小龙."""
_WITHOUT_VOWELS = re.compile("[\u0590-\u05ff\u0600-\u06ff\u0750-\u077f\ufb1d-\ufdff\ufe70-\ufefc]")
_VOWELS_AND_CONSONANTS = re.compile(r"[aeiou]+|([a-z])\1|ch|[a-z]")
MAX_CONSONANTS = 200
"""Ways to write one word without its vowels."""
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
    """Latin words of the Chinese, Japanese and Korean names in `folded`, written without blanks.

    Of 王小龙 these are `wang`, `xiaolong` and `wangxiaolong`.
    """
    found: list[str] = []
    for run in _SYLLABIC_RUN.findall(folded):
        if _KANA.search(run):
            found.append(_latin(run))
        elif 1 < len(run) <= MAX_NAME_LENGTH:
            end = 2 if len(run) == COMPOUND_NAME_LENGTH else 1
            surname, given = _latin(run[:end]), _latin(run[end:])
            is_korean = run[0] >= "\uac00"
            variants = _KOREAN_SURNAMES.get(surname, ()) if is_korean else ()
            in_one_word = () if is_korean else (surname + given,)
            found += (surname, *variants, given, *in_one_word)
    return [word for word in dict.fromkeys(found) if word]


@lru_cache(maxsize=MAX_CACHED_KEYS)
def consonants(word: str) -> tuple[str, ...]:
    """What a word in Latin letters may be in the Latin spelling of a script without short vowels.

    Of `yousef` these are `ysf`, `ywsf`, `ysyf` and others: a vowel may be long, which is written.
    One consonant alone tells nobody apart.
    """
    if not (word.isascii() and word.isalpha()):
        return ()
    parts = [match[0] for match in _VOWELS_AND_CONSONANTS.finditer(word)]
    last = len(parts) - 1
    choices = (_written(part, is_last=i == last) for i, part in enumerate(parts))
    spellings = map("".join, islice(product(*choices), MAX_CONSONANTS))
    return tuple(dict.fromkeys(spelling for spelling in spellings if len(spelling) > 1))


def _written(part: str, *, is_last: bool) -> Sequence[str]:
    """The ways in which a script without short vowels may write a run of vowels or a consonant."""
    if part[0] in "aeiou":
        long = "w" * (not {*"ou"}.isdisjoint(part)), "y" * (not {*"ei"}.isdisjoint(part))
        return ["", *filter(None, (*long, "h" * (is_last and part[-1] in "ae")))]
    if part in {"w", "y"}:
        return [part, ""]
    if part == "ch":
        return [part, "h"]
    return [part, part[0]] if len(part) > 1 else [part]


def is_without_vowels(word: str) -> bool:
    """Whether a word is in a script that writes no short vowels."""
    return _WITHOUT_VOWELS.search(word) is not None


def _latin(text: str) -> str:
    return _NOT_LATIN.sub("", anyascii(text).lower())
