"""The keys that conversations are joined, found and sorted by."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

import phonenumbers

from convocore_mcp.leads.contacts.mobile_digits import (
    MOBILE_DIGIT_COUNTRIES,
    without_mobile_digit,
)
from convocore_mcp.leads.contacts.placeholders import is_placeholder_email, is_placeholder_number
from convocore_mcp.leads.deals.money import read_deal
from convocore_mcp.models import Conversation, DerivedKeys
from convocore_mcp.words.folding import digits
from convocore_mcp.words.searched import searched_texts
from convocore_mcp.words.splitting import searchable_words

MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 7, 15
"""Fewer digits tell nobody apart; E.164 allows fifteen."""
MAX_EMAIL_LENGTH = 254
"""Characters of an address that mail can be sent to (RFC 5321)."""
MAX_CACHED_KEYS = 4096
_BEFORE_ADDRESS = re.compile(r"\A(?:.*<)?(?:mailto:|[\s\"'(])*", re.DOTALL)
_AFTER_ADDRESS = re.compile(r"[\s\"'>).,;]*\Z")
"""What people paste around an address: `Jane <jane@acme.com>`, `mailto:jane@acme.com`."""


def derive_keys(conversation: Conversation) -> DerivedKeys:
    """Derive the keys of one conversation."""
    c = conversation
    money = read_deal(c.value, c.currency)
    phone = phone_key(c.phone, c.country)
    return DerivedKeys(
        email=email_key(c.email),
        phone=phone,
        amount=money.amount,
        unparsed=c.value is not None and money.amount is None,
        currency=money.currency,
        text=" ".join(("", *searchable_words(searched_texts(c, phone)))),
    )


def email_key(email: str | None) -> str | None:
    """`email` without case, outer blanks, and what is often pasted around an address.

    `None` if it can't be an address (`n/a`, `-`), or belongs to nobody (`noreply@`).
    """
    if email is None:
        return None
    written = unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold())
    if not written.isascii():
        written = "".join(char for char in written if unicodedata.category(char) != "Cf")
    key = _AFTER_ADDRESS.sub("", _BEFORE_ADDRESS.sub("", written))
    local, at, domain = key.rpartition("@")
    is_address = at and local and domain and not key.split()[1:]
    if not is_address or len(key) > MAX_EMAIL_LENGTH or is_placeholder_email(key):
        return None
    return key


@lru_cache(maxsize=MAX_CACHED_KEYS)
def phone_key(phone: str | None, country: str | None = None) -> str | None:
    """The digits of `phone` in E.164, whatever notation it came in.

    `country` (ISO 3166 alpha-2) says how to read a number without a country code. A number that
    fits no country keeps its digits. `None` for fewer than seven digits, which tell nobody apart,
    for placeholders, and for a number that can't exist: one with a country code that is none, or
    with more or fewer digits than its country has. Whether the number is assigned is not asked.
    """
    if phone is None:
        return None
    written = unicodedata.normalize("NFKC", phone).strip()
    international = written.startswith(("+", "00"))
    plain = digits(phone).removeprefix("00" if international else "")
    if not MIN_PHONE_DIGITS <= len(plain) <= MAX_PHONE_DIGITS + 3 or is_placeholder_number(plain):
        return None
    region = country.upper() if country and len(country) == 2 and not international else None
    readings = _phone_readings(written, plain, region)
    number = _first_number(readings, phonenumbers.is_valid_number)
    if number is None:
        # If no reading is a valid number, a possible one is taken: first the digits as they stand.
        as_digits = sorted(readings, key=lambda reading: reading[1] is not None)
        number = _first_number(readings if international else as_digits, _is_possible)
        if number is not None and not _keeps_its_form(number):
            number = None
    if number is None:
        return None if international or len(plain) > MAX_PHONE_DIGITS else plain
    national = phonenumbers.national_significant_number(number)
    key = f"{number.country_code}{national}"
    # Without the country's trunk prefix, the key may be shorter than what was written.
    is_placeholder = is_placeholder_number(national) or is_placeholder_number(key)
    return None if is_placeholder or len(key) < MIN_PHONE_DIGITS else key


def _first_number(
    readings: Iterable[tuple[str, str | None]], fits: Callable[[phonenumbers.PhoneNumber], bool]
) -> phonenumbers.PhoneNumber | None:
    numbers = (_parse_phone(text, region) for text, region in readings)
    return next((number for number in numbers if number is not None and fits(number)), None)


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    """Whether the country has numbers of this length, assigned or not."""
    return bool(phonenumbers.is_possible_number(number))


def _keeps_its_form(number: phonenumbers.PhoneNumber) -> bool:
    """Whether the number written in full is read as the same number again.

    A number that no country assigns may lose leading zeros each time that it is read.
    """
    national = phonenumbers.national_significant_number(number)
    again = _parse_phone(f"+{number.country_code}{national}", None)
    return again is not None and phonenumbers.national_significant_number(again) == national


def _parse_phone(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """The number that `text` is in `region`, in the country's one form."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    code = number.country_code
    if code not in MOBILE_DIGIT_COUNTRIES:  # as nearly all
        return number
    national = phonenumbers.national_significant_number(number)
    usual = without_mobile_digit(code, national)
    return number if usual == national else phonenumbers.PhoneNumber(code, int(usual))


def _phone_readings(written: str, plain: str, region: str | None) -> list[tuple[str, str | None]]:
    """The possible readings of a number whose digits are `plain`, likeliest first.

    Each is a text and the region that it is to be parsed in.
    """
    if written.startswith(("+", "00")):
        # As written, an extension can be told from the number; otherwise the digits must do.
        with_plus = written if written.startswith("+") else f"+{written[2:]}"
        return [(with_plus, None), (f"+{plain}", None)]
    national, international = (written, region), (f"+{plain}", None)
    likely_international = region is not None and _begins_with_country_code(plain, region)
    return [international, national] if likely_international else [national, international]


def _begins_with_country_code(plain: str, region: str) -> bool:
    """Whether digits begin like an international number of `region`, not like a national one.

    `4915122020999` in Germany could be read as an overlong national number. But national numbers
    are written with a leading 0, and channels like WhatsApp give international ones without `+`.
    """
    code = str(phonenumbers.country_code_for_region(region))
    trunk_prefix: str | None = phonenumbers.ndd_prefix_for_region(region, True)
    if trunk_prefix is None:
        return False
    return plain.startswith(code) and not plain.startswith(trunk_prefix)
