"""Which words are forms of one word, by the Snowball stemmers.

A word is an inflection of another if both have the same stem and begin as the stem does. If the
row's language uses the word's script, only that language counts; otherwise every language of the
script does. Then a stem of three letters counts in English only, and only if one of the words is
the stem itself: else `data` would be a form of `date`. Stems are those of folded words, because the
index holds folded words.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Protocol

import snowballstemmer

MIN_LETTERS, MAX_LETTERS = 3, 40
"""Shorter words have no distinct stem; longer texts are no words of a language."""
_LATIN, _CYRILLIC, _GREEK, _ARABIC = "latin", "cyrillic", "greek", "arabic"
_SCRIPTS: dict[str, tuple[str, ...]] = {
    _LATIN: (
        "basque", "catalan", "czech", "danish", "dutch", "english", "estonian", "finnish",
        "french", "german", "hungarian", "indonesian", "irish", "italian", "lithuanian",
        "norwegian", "polish", "portuguese", "romanian", "serbian", "spanish", "swedish",
        "turkish",
    ),
    _CYRILLIC: ("russian",),
    _GREEK: ("greek",),
    _ARABIC: ("arabic", "persian"),
    "armenian": ("armenian",),
    "hebrew": ("yiddish",),
    "devanagari": ("hindi", "nepali"),
    "tamil": ("tamil",),
}  # fmt: skip
"""The languages of each script: those with a Snowball stemmer, so Hebrew itself is not among them.

Esperanto and Sesotho are left out: too few write them.
"""
_SCRIPT_OF = {language: script for script, known in _SCRIPTS.items() for language in known}
LANGUAGES = tuple(_SCRIPT_OF)
"""All languages that have a stemmer here."""
_RANGES = (
    (0x0250, _LATIN), (0x0370, ""), (0x0400, _GREEK), (0x0530, _CYRILLIC), (0x0590, "armenian"),
    (0x0600, "hebrew"), (0x0780, _ARABIC), (0x0900, ""), (0x0980, "devanagari"), (0x0B80, ""),
    (0x0C00, "tamil"), (0x1E00, ""), (0x1F00, _LATIN), (0x2000, _GREEK),
)  # fmt: skip
"""Up to which code point each script goes."""
_CODES = {
    "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch", "en": "english",
    "et": "estonian", "fi": "finnish", "fr": "french", "de": "german", "hu": "hungarian",
    "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "no": "norwegian",
    "nb": "norwegian", "nn": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "sr": "serbian", "es": "spanish", "sv": "swedish", "tr": "turkish", "ru": "russian",
    "el": "greek", "ar": "arabic", "fa": "persian", "hy": "armenian", "yi": "yiddish",
    "hi": "hindi", "ne": "nepali", "ta": "tamil",
}  # fmt: skip
"""ISO 639-1."""
_PREFIXES = {
    "arabic": ("ال", "وال", "بال", "كال", "فال", "لل", "و"),
    "indonesian": ("me", "mem", "men", "meng", "meny", "di", "ke", "ter", "ber", "pe", "per",
                   "pem", "pen", "peng", "se"),
}  # fmt: skip
"""What a language puts before a word, besides nothing."""
_RESTORED = {
    "portuguese": ((re.compile("cao$"), "ção"), (re.compile("coes$"), "ções")),
    "french": ((re.compile("ee(s?)$"), r"ée\1"),),
    "polish": ((re.compile("ow$"), "ów"),),
    "russian": ((re.compile("(?<=[аеиоуыэюя])и$"), "й"),),
}
"""Accents that folding took from endings, without which the stemmer does not know them."""


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


_stemmers: dict[str, _Stemmer] = {}
_lock = Lock()
"""A stemmer is no function: it stores the word that it works on. Reads run in several threads."""


@dataclass(frozen=True, slots=True)
class Inflections:
    """The inflections of a word in one language."""

    word: str
    language: str
    stem: str
    beginnings: tuple[str, ...]
    """Every inflection begins with one of these."""

    def has(self, word: str) -> bool:
        """Whether the folded `word` is one of them in a row of this language."""
        return (
            word.startswith(self.beginnings)
            and can_be_inflected(word)
            and _stem(self.language, word) == self.stem
        )

    def counts_in(self, word: str, row_language: str | None) -> bool:
        """Whether the inflection `word` counts in a row of `row_language` (`None`: unknown)."""
        of_script = _SCRIPTS[_SCRIPT_OF[self.language]]
        if row_language in of_script:
            return row_language == self.language
        if len(self.stem) > MIN_LETTERS or len(of_script) == 1:
            return True
        return self.language == "english" and self.stem in (word, self.word)


@lru_cache(maxsize=4096)
def inflections(word: str) -> tuple[Inflections, ...]:
    """The inflections of a folded word, in each language of its script."""
    if not can_be_inflected(word):
        return ()
    found = []
    for language in _SCRIPTS.get(_script(word), ()):
        stem = _stem(language, word)
        if len(stem) >= MIN_LETTERS:
            # The last letter of a stem may differ from the word's: `policies`, `policy`, `polici`.
            beginning = stem[: max(MIN_LETTERS, len(stem) - 1)]
            prefixes = ("", *_PREFIXES.get(language, ()))
            beginnings = tuple(f"{prefix}{beginning}" for prefix in prefixes)
            if word.startswith(beginnings):
                found.append(Inflections(word, language, stem, beginnings))
    return tuple(found)


@lru_cache(maxsize=1024)
def language_of(name: str | None) -> str | None:
    """The one of `LANGUAGES` that `name` means: `de`, `de-AT`, `German`; `None` if none."""
    if name is None:
        return None
    first = re.split(r"[-_ (,;]", name.strip().casefold())[0]
    return first if first in _SCRIPT_OF else _CODES.get(first)


def can_be_inflected(word: str) -> bool:
    """Whether a folded word may have inflections."""
    return MIN_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha()


def _script(word: str) -> str:
    point = ord(word[0])
    return next((script for end, script in _RANGES if point < end), "")


@lru_cache(maxsize=65536)
def _stem(language: str, word: str) -> str:
    for ending, restored in _RESTORED.get(language, ()):
        word = ending.sub(restored, word)
    with _lock:
        stemmer = _stemmers.get(language)
        if stemmer is None:
            stemmer = _stemmers[language] = snowballstemmer.stemmer(language)
        return stemmer.stemWord(word)
