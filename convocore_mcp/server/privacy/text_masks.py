"""Masks personal data in a text: what is known of the person, and what looks like a contact."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import phonenumbers

from convocore_mcp.fields.personal_fields import Personal
from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.words.folding import digits

Mask = Callable[[Personal, str], str]
"""Returns the text that replaces a value of this kind."""
_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<![\w@.#-])[+\uff0b(]{0,2}\d[\d\s().\-/\u2010-\u2015]{4,}\d(?![\w@])")
_DATE = re.compile(r"(?:\d{4}[-./]\d\d?(?:[-./]\d\d?)?|\d\d?[-./]\d\d?[-./]\d{2,4})(?:\s.*)?")
_CUT_NUMBER = re.compile(r"[+(]?\d[\d\s().\-/]{3,}(?=…)")
"""A number of which the end was cut off."""
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PARTICLES = frozenset({
    "von", "van", "der", "den", "del", "dos", "das", "las", "los", "the", "and", "bin", "ibn",
    "mrs", "herr", "frau",
})  # fmt: skip
MIN_NAME_LENGTH, MIN_LINK_LENGTH = 3, 5
MAX_PARTS = 30
"""Parts of a name without blanks that are looked for."""
LOCAL_DIGITS, CERTAIN_DIGITS = 7, 9
"""Digits of an ending by which a known number is recognized, and of what can be only a number."""


def mask_text(text: str, known: PersonalValues, mask: Mask, *, names: bool = True) -> str:
    """`text` without personal data; with `names` false, single words that are a name may stay."""
    if "@" in text:
        text = _EMAIL.sub(partial(_marked, mask, Personal.EMAIL), text)
    for link in known.links:
        if len(link) >= MIN_LINK_LENGTH and link.casefold() in text.casefold():
            text = re.sub(
                re.escape(link), lambda m: mask(Personal.LINK, m.group()), text, flags=re.I
            )
    if any(char.isdigit() for char in text):
        text = _NUMBER.sub(lambda m: _masked_number(m.group(), known, mask), text)
        text = _CUT_NUMBER.sub(partial(_marked, mask, Personal.PHONE), text)
    patterns = [(name, _name_pattern(name) if names else _whole_name(name)) for name in known.names]
    patterns += [(name, _whole_name(name)) for name in known.colleagues]
    for name, pattern in patterns:
        if pattern is not None and pattern.search(text):
            text = pattern.sub(partial(_named, mask, name), text)
    return text


def _marked(mask: Mask, kind: Personal, match: re.Match[str]) -> str:
    return mask(kind, match.group())


def _named(mask: Mask, name: str, _: re.Match[str]) -> str:
    """A part of a name has the pseudonym of the whole name: it is the same person."""
    return mask(Personal.PERSON, name)


def _masked_number(text: str, known: PersonalValues, mask: Mask) -> str:
    number = digits(text)
    for phone in known.phones:
        theirs = digits(phone)
        if min(len(number), len(theirs)) >= LOCAL_DIGITS and (
            theirs.endswith(number.lstrip("0")) or number.endswith(theirs.lstrip("0"))
        ):
            return mask(Personal.PHONE, phone)
    if _DATE.fullmatch(text.strip()):
        return text
    certain = len(number) >= CERTAIN_DIGITS or any(_is_valid(text, c) for c in _regions(known))
    return mask(Personal.PHONE, text) if certain else text


def _regions(known: PersonalValues) -> Iterator[str | None]:
    yield None
    yield from known.countries


@lru_cache(maxsize=4096)
def _is_valid(text: str, region: str | None) -> bool:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(number))


@lru_cache(maxsize=4096)
def _name_pattern(name: str) -> re.Pattern[str] | None:
    """Finds a whole name and its parts, except short ones and particles such as `von`."""
    parts = [part.strip(".,;:'\"()") for part in name.split()]
    long = [p for p in parts if len(p) >= MIN_NAME_LENGTH and p.casefold() not in _PARTICLES]
    wanted = sorted({name.strip(), *long} - {""}, key=len, reverse=True)
    if not wanted:
        return None
    if _IDEOGRAPH.search(name):  # written without blanks, also between its parts
        inner = {p[i:j] for p in parts for i in range(len(p)) for j in range(i + 2, len(p) + 1)}
        wanted = sorted({*wanted, *inner}, key=len, reverse=True)[:MAX_PARTS]
        return re.compile("|".join(map(re.escape, wanted)))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def _whole_name(name: str) -> re.Pattern[str] | None:
    """Finds a whole name of several words: one alone may be an ordinary word, too."""
    if len(name.split()) < 2:
        return None
    return re.compile(rf"(?<!\w){re.escape(name.strip())}(?!\w)", re.IGNORECASE)
