"""Deal values as people type them, read without guessing.

`12,500.50`, `12.500,50 €`, `$5k` and `AED 3 000` each have one reading. `12,500` has two (twelve
thousand five hundred, or twelve and a half as it is written in half of Europe), so it has none
here: it counts as unparsed rather than as a number that may be wrong by a factor of a thousand.
"""

import re
import unicodedata
from typing import NamedTuple

from convocore_mcp.models import Value

SYMBOLS = {
    "€": "EUR", "₹": "INR", "₪": "ILS", "₺": "TRY", "₽": "RUB", "₴": "UAH", "₫": "VND",
    "₦": "NGN", "₩": "KRW", "฿": "THB", "₱": "PHP", "₸": "KZT", "₾": "GEL", "ZŁ": "PLN",
    "EURO": "EUR", "EUROS": "EUR", "KČ": "CZK", "TL": "TRY", "ГРН": "UAH", "ТГ": "KZT",
    "РУБ": "RUB", "РУБЛЕЙ": "RUB", "РУБЛЯ": "RUB", "RMB": "CNY", "YEN": "JPY", "يورو": "EUR",
    "US$": "USD", "AU$": "AUD", "CA$": "CAD", "HK$": "HKD", "NZ$": "NZD", "R$": "BRL",
}  # fmt: skip
"""Only the signs and words of one currency: `$`, `£`, `¥` and `kr` belong to several."""
_OF_SEVERAL = {
    "DH", "DHS", "KR", "RS", "FR", "SFR", "SR", "DOLLAR", "DOLLARS", "POUND", "POUNDS", "PESO",
    "PESOS", "DIRHAM", "DIRHAMS", "RIYAL", "RIYALS", "RUPEE", "RUPEES", "FRANCS",
    "درهم", "ريال", "دولار", "جنيه", "دينار", "元", "円",
}  # fmt: skip
_ARABIC = str.maketrans({"\u066c": "'", "\u066b": ".", "\u2019": "'"})
"""The Arabic signs have one meaning each, and one of them is the decimal point."""
_LARGEST = 2**53
"""More than all money there is, and more than a float can tell from its neighbour."""
_TYPED = re.compile(
    r"""(?P<sign>[-\u2212+])?\s*
        (?P<before>[^\W\d_]{1,4}\$?|[^\w\s.,'+-]|[^\W\d_]{2,8}(?:\.(?=\s))?)?\s*
        (?P<inner>[-\u2212])?(?P<number>\d+(?:[.,'\u2019\s]\d+)*)\s*(?P<thousand>k)?\s*
        (?P<whole>,-|\.-)?\s*(?P<after>[^\W\d_]{2,8}\.?|[元円]|[^\w\s.,'-])?(?:,-|\.-)?""",
    re.VERBOSE | re.IGNORECASE,
)
_TWO_READINGS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_INDIAN = re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?")
_PLAIN = re.compile(r"\d+(?:[.,]\d+)?")
_GROUPED = re.compile(
    r"[1-9]\d{0,2}(?P<by>[.,' ])\d{3}(?:(?P=by)\d{3})*(?P<decimals>(?!(?P=by))[.,]\d+)?"
)


class Money(NamedTuple):
    """An amount and the currency that stood beside it; either may be missing."""

    amount: float | None
    currency: str | None


def read_money(value: Value | None) -> Money:
    """The one number in `value`, or none if there is none, or more than one reading."""
    if value is None:
        return Money(None, None)
    if not isinstance(value, str):
        # Compared first: an integer may be too large for a float.
        return Money(float(value) if abs(value) <= _LARGEST else None, None)
    typed = _TYPED.fullmatch(_in_ascii_digits(value.strip().translate(_ARABIC)))
    if typed is None:
        return Money(None, None)
    beside = (typed["before"] or typed["after"] or "").removesuffix(".")
    if beside and not _names_money(beside):
        return Money(None, None)
    code = currency_code(beside)
    known = code is not None and re.fullmatch("[A-Z]{3}", code) and code not in _OF_SEVERAL
    currency = code if known else None
    # `5.000,-` is whole, so its dot can't be a decimal point.
    number = _number(" ".join(typed["number"].split()) + "," * (typed["whole"] == ",-"))
    if number is None or (typed["sign"] and typed["inner"]):
        return Money(None, currency)  # `€ 3.000`: euros for certain, however many
    negative = typed["sign"] not in {None, "+"} or typed["inner"]
    amount = number * (1000 if typed["thousand"] else 1) * (-1 if negative and number else 1)
    return Money(amount if abs(amount) <= _LARGEST else None, currency)


def _in_ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _number(text: str) -> float | None:
    # Imported here: the first question needs it, starting the server does not.
    from price_parser.parser import parse_number  # noqa: PLC0415

    if text.endswith(","):
        text = f"{text}00"
    if _INDIAN.fullmatch(text):
        text = text.replace(",", "")
    grouped = _GROUPED.fullmatch(text)
    if _TWO_READINGS.fullmatch(text) or not (grouped or _PLAIN.fullmatch(text)):
        return None
    if grouped:
        text = text.replace(grouped["by"], "")
    found = parse_number(text, decimal_separator="," if "," in text else ".")
    return None if found is None else float(found)


def _names_money(beside: str) -> bool:
    """Whether this is a currency: `Mio`, `mil`, `lakh` and `tys` count, `kg` and `days` measure."""
    # Imported here: the first question needs it, starting the server does not.
    from price_parser.parser import CURRENCY_CODES  # type: ignore[attr-defined] # noqa: PLC0415

    if beside.endswith("$") or unicodedata.category(beside[0]) == "Sc":
        return True
    upper = beside.upper()
    return upper in CURRENCY_CODES or upper in SYMBOLS or upper in _OF_SEVERAL


def currency_code(currency: str | None) -> str | None:
    """`currency` in upper case, a sign of one currency as its code; `None` if empty."""
    upper = (currency or "").strip().upper()
    return SYMBOLS.get(upper, upper) or None
