"""What conversations are joined, found and sorted by."""

import re
import unicodedata
from functools import lru_cache

from convocore_mcp.leads.money import currency_code, read_money
from convocore_mcp.models import Conversation, Keys

SHORTEST_PHONE, LONGEST_PHONE = 7, 15
"""Digits in a number that can tell people apart; E.164 allows fifteen."""
LONGEST_EMAIL = 254
"""Characters of an address that mail can be sent to (RFC 5321)."""
LONGEST_KEPT = 32
"""Characters of a word whose folded form is kept for the next time."""


class _Bare(dict[int, int | str | None]):
    """What a decomposed character is without its accents, looked up once for each."""

    def __missing__(self, char: int) -> int | None:
        self[char] = bare = None if unicodedata.category(chr(char))[0] == "M" else char
        return bare


_PLAIN = {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"}  # noqa: RUF001
_BARE = _Bare({ord(letter): plain for letter, plain in _PLAIN.items()})
IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Of scripts without blanks, as a range of a pattern."""
_IDEOGRAPH = re.compile(f"([{IDEOGRAPHS}])")
NUMBER = re.compile(r"\+?\d[\d\s().\-/]{3,}\d")
"""A number of some length, with whatever people put between its digits."""
_WORD = re.compile(r"[^\W_]+")
_NO_DIGITS = re.compile("[^0-9]+")


def keys(conversation: Conversation) -> Keys:
    """Derive the keys of one conversation."""
    c = conversation
    money = read_money(c.value)
    phone = phone_key(c.phone, c.country)
    searchable = (c.name, c.email, c.phone, c.company, c.title, c.summary, c.last_message, c.notes)
    texts = [*filter(None, searchable), *c.tags]
    # A number is found however it is spaced, there and in the question.
    spaced = (digits(number) for text in texts for number in NUMBER.findall(text))
    found_by = [*texts, *spaced, digits(c.phone or ""), phone or ""]
    return Keys(
        email=email_key(c.email),
        phone=phone,
        amount=money.amount,
        unparsed=c.value is not None and money.amount is None,
        currency=currency_code(c.currency) or money.currency,
        text=blank_before_words("\n".join(found_by)),
    )


def fold(text: str) -> str:
    """`text` without case, accents and the variants of one letter, in any script."""
    # Case twice: a styled letter has none before it is decomposed, a few have some after it.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", plain.translate(_BARE))


def words(text: str) -> list[str]:
    """The folded words of `text`; each ideograph is a word, as Chinese leaves no blanks."""
    if text.isascii():
        return _WORD.findall(text.lower())
    # Most words are ASCII even where the text is not, and those need no folding.
    folded = (part.lower() if part.isascii() else _folded(part) for part in text.split())
    return _WORD.findall(" ".join(folded))


def _folded(text: str) -> str:
    # People write the same words again and again; what is long is a sentence.
    return _spread(text) if len(text) > LONGEST_KEPT else _folded_word(text)


@lru_cache(maxsize=16384)
def _folded_word(word: str) -> str:
    return _spread(word)


def _spread(text: str) -> str:
    return _IDEOGRAPH.sub(r" \1 ", fold(text))


def blank_before_words(text: str) -> str:
    """The distinct words of `text`, each after a blank, so that ` pre` finds a beginning."""
    return " ".join(("", *dict.fromkeys(words(text))))


def digits(text: str) -> str:
    """The decimal digits of `text` in any script, as ASCII."""
    if text.isascii():
        return _NO_DIGITS.sub("", text)
    return "".join(str(int(char)) for char in text if char.isdecimal())


def email_key(email: str | None) -> str | None:
    """`email` without case and blanks; `None` if it can't be an address (`n/a`, `-`)."""
    if email is None:
        return None
    bare = unicodedata.normalize("NFC", unicodedata.normalize("NFD", email).casefold()).strip()
    local, at, domain = bare.rpartition("@")
    address = at and local and domain and not bare.split()[1:]
    return bare if address and len(bare) <= LONGEST_EMAIL else None


@lru_cache(maxsize=16384)
def phone_key(phone: str | None, country: str | None = None) -> str | None:
    """The digits of `phone` in E.164, whatever notation it came in.

    `country` (ISO 3166 alpha-2) says how to read a number without a country code. A number that
    can't be placed keeps its digits; fewer than seven tell nobody apart and give `None`.
    """
    if phone is None:
        return None
    # Imported here: the first question needs it, starting the server does not.
    import phonenumbers  # noqa: PLC0415

    bare = unicodedata.normalize("NFKC", phone).strip()
    international = bare.startswith(("+", "00"))
    plain = digits(phone).removeprefix("00" if international else "")
    if not SHORTEST_PHONE <= len(plain) <= LONGEST_PHONE + 3:
        return None
    region = country.upper() if country and len(country) == 2 and not international else None
    for text, assumed in _readings(bare, plain, region):
        try:
            number = phonenumbers.parse(text, assumed)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            form = phonenumbers.PhoneNumberFormat.E164
            return str(phonenumbers.format_number(number, form)).removeprefix("+")
    return plain


def _readings(bare: str, plain: str, region: str | None) -> list[tuple[str, str | None]]:
    """How `bare`, whose digits are `plain`, may be meant, likeliest first; with the region."""

    if bare.startswith(("+", "00")):
        # As it is written, an extension can be told from the number; else the digits have to do.
        written = bare if bare.startswith("+") else f"+{bare[2:]}"
        return [(written, None), (f"+{plain}", None)]
    national, whole = (bare, region), (f"+{plain}", None)
    likelier = region is not None and _begins_with_country_code(plain, region)
    return [whole, national] if likelier else [national, whole]


def _begins_with_country_code(plain: str, region: str) -> bool:
    """Whether digits begin as an international number of `region` does, and no national one.

    `4915122020999` in Germany could be read as an overlong national number; but those are written
    with a 0 in front, and channels like WhatsApp give international ones without the `+`.
    """
    import phonenumbers  # noqa: PLC0415

    code = str(phonenumbers.country_code_for_region(region))
    trunk: str | None = phonenumbers.ndd_prefix_for_region(region, True)
    return trunk is not None and plain.startswith(code) and not plain.startswith(trunk)
