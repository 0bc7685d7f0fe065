"""The keys that conversations are joined, found and sorted by."""

import unicodedata
from functools import lru_cache

import phonenumbers

from convocore_mcp.leads.deals.money import currency_code, read_money
from convocore_mcp.models import Conversation, DerivedKeys
from convocore_mcp.words.folding import (
    IDEOGRAPHS,
    NUMBER,
    blank_before_words,
    digits,
    fold,
    words,
)
from convocore_mcp.words.searched import searched_texts
from convocore_mcp.words.splitting import searchable_words

__all__ = [
    "IDEOGRAPHS", "MAX_CACHED_KEYS", "MAX_EMAIL_LENGTH", "MIN_PHONE_DIGITS", "NUMBER",
    "blank_before_words", "derive_keys", "digits", "email_key", "fold", "phone_key", "words",
]  # fmt: skip
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 7, 15
"""Fewer digits tell nobody apart; E.164 allows fifteen."""
MAX_EMAIL_LENGTH = 254
"""Characters of an address that mail can be sent to (RFC 5321)."""
MAX_CACHED_KEYS = 16384


def derive_keys(conversation: Conversation) -> DerivedKeys:
    """Derive the keys of one conversation."""
    c = conversation
    money = read_money(c.value)
    phone = phone_key(c.phone, c.country)
    return DerivedKeys(
        email=email_key(c.email),
        phone=phone,
        amount=money.amount,
        unparsed=c.value is not None and money.amount is None,
        currency=currency_code(c.currency) or money.currency,
        text=" ".join(("", *searchable_words(searched_texts(c, phone)))),
    )


def email_key(email: str | None) -> str | None:
    """`email` without case and outer blanks; `None` if it can't be an address (`n/a`, `-`)."""
    if email is None:
        return None
    key = unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold()).strip()
    local, at, domain = key.rpartition("@")
    is_address = at and local and domain and not key.split()[1:]
    return key if is_address and len(key) <= MAX_EMAIL_LENGTH else None


@lru_cache(maxsize=MAX_CACHED_KEYS)
def phone_key(phone: str | None, country: str | None = None) -> str | None:
    """The digits of `phone` in E.164, whatever notation it came in.

    `country` (ISO 3166 alpha-2) says how to read a number without a country code. A number that
    fits no country keeps its digits; fewer than seven tell nobody apart and give `None`.
    """
    if phone is None:
        return None
    written = unicodedata.normalize("NFKC", phone).strip()
    international = written.startswith(("+", "00"))
    plain = digits(phone).removeprefix("00" if international else "")
    if not MIN_PHONE_DIGITS <= len(plain) <= MAX_PHONE_DIGITS + 3:
        return None
    region = country.upper() if country and len(country) == 2 and not international else None
    for text, assumed_region in _phone_readings(written, plain, region):
        try:
            number = phonenumbers.parse(text, assumed_region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            form = phonenumbers.PhoneNumberFormat.E164
            return str(phonenumbers.format_number(number, form)).removeprefix("+")
    return plain


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
