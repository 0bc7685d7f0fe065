"""Masks personal data in a text: what is known of the person, and what looks like a contact."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import phonenumbers

from convocore_mcp.fields.personal_fields import Personal
from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.server.privacy.name_patterns import (
    address_pattern,
    colleague_pattern,
    is_composed,
    link_pattern,
    name_pattern,
    without_accents,
)
from convocore_mcp.words.folding import digits

Mask = Callable[[Personal, str], str]
"""Returns the text that replaces a value of this kind."""
_EMAIL = re.compile(r"[\w.+%'-]+[@\uff20][\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<![\w@.#-])[+\uff0b(]{0,2}\d[\d\s().\-/_\u2010-\u2015]{4,}\d(?![\w@])")
_DATE = re.compile(r"(?:\d{4}[-./]\d\d?(?:[-./]\d\d?)?|\d\d?[-./]\d\d?[-./]\d{2,4})(?:\s.*)?")
_CUT_NUMBER = re.compile(r"[+(]?\d[\d\s().\-/]{3,}(?=…)")
"""A number of which the end was cut off."""
LOCAL_DIGITS, CERTAIN_DIGITS = 7, 9
"""Digits of an ending by which a known number is recognized, and of what can be only a number."""


def mask_text(text: str, known: PersonalValues, mask: Mask, *, names: bool = True) -> str:
    """`text` without personal data; with `names` false, single words that are a name may stay."""
    if "@" in text or "\uff20" in text:
        text = _EMAIL.sub(partial(_marked, mask, Personal.EMAIL), text)
    for kind, known_values, pattern_of in (
        (Personal.LINK, known.links, link_pattern),
        (Personal.ADDRESS, known.addresses, address_pattern),
    ):
        for value in known_values:
            text = _without(text, pattern_of(value), partial(_named, mask, kind, value))
    if any(char.isdigit() for char in text):
        text = _NUMBER.sub(lambda m: _masked_number(m.group(), known, mask), text)
        text = _CUT_NUMBER.sub(partial(_marked, mask, Personal.PHONE), text)
    return _without_names(text, known, mask, names=names)


def known_phone(number: str, known: PersonalValues, *, least: int = LOCAL_DIGITS) -> str | None:
    """The phone number of `known` that these digits are, or of which they are the end."""
    for phone in known.phones:
        theirs = digits(phone)
        if min(len(number), len(theirs)) >= least and (
            theirs.endswith(number.lstrip("0")) or number.endswith(theirs.lstrip("0"))
        ):
            return phone
    return None


def _without_names(text: str, known: PersonalValues, mask: Mask, *, names: bool) -> str:
    found = [(name, name_pattern(name) if names else _whole_name(name)) for name in known.names]
    found += [(name, colleague_pattern(name)) for name in known.colleagues]
    for name, pattern in found:
        replace = partial(_named, mask, Personal.PERSON, name)
        if text.isascii() or is_composed(name):
            text = _without(text, pattern, replace)
        elif pattern is not None:
            text = _without_accented(text, pattern, replace)
    return text


def _without_accented(
    text: str, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]
) -> str:
    """`text` with what the pattern finds replaced, whatever accents it has there."""
    searched, parts, end = without_accents(text), list[str](), 0
    for match in pattern.finditer(searched.plain):
        start = searched.positions[match.start()]
        parts += (searched.decomposed[end:start], replace(match))
        end = searched.positions[match.end()]
    if not parts:
        return text
    return unicodedata.normalize("NFC", "".join((*parts, searched.decomposed[end:])))


def _whole_name(name: str) -> re.Pattern[str] | None:
    """Of several words: one alone may be an ordinary word, too."""
    return colleague_pattern(name) if len(name.split()) > 1 else None


def _without(
    text: str, pattern: re.Pattern[str] | None, replace: Callable[[re.Match[str]], str]
) -> str:
    return text if pattern is None else pattern.sub(replace, text)


def _marked(mask: Mask, kind: Personal, match: re.Match[str]) -> str:
    return mask(kind, match.group())


def _named(mask: Mask, kind: Personal, value: str, _: re.Match[str]) -> str:
    """A part of a name has the pseudonym of the whole name: it is the same person."""
    return mask(kind, value)


def _masked_number(text: str, known: PersonalValues, mask: Mask) -> str:
    number = digits(text)
    if (phone := known_phone(number, known)) is not None:
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
