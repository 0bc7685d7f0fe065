"""Deal values as people type them, read without guessing.

`12,500.50`, `12.500,50 €`, `$5k` and `AED 3 000` each have one reading. `12,500` has two: twelve
thousand five hundred, or twelve and a half as half of Europe writes it. Such a value counts as
unparsed rather than as a number that may be wrong by a factor of a thousand.
"""

import re
import unicodedata
from typing import NamedTuple

from price_parser.parser import CURRENCY_CODES, parse_number  # type: ignore[attr-defined]

from convocore_mcp.models import Value

CURRENCY_SIGNS = {
    "€": "EUR", "₹": "INR", "₪": "ILS", "₺": "TRY", "₽": "RUB", "₴": "UAH", "₫": "VND",
    "₦": "NGN", "₩": "KRW", "฿": "THB", "₱": "PHP", "₸": "KZT", "₾": "GEL", "ZŁ": "PLN",
    "EURO": "EUR", "EUROS": "EUR", "KČ": "CZK", "TL": "TRY", "ГРН": "UAH", "ТГ": "KZT",
    "РУБ": "RUB", "РУБЛЕЙ": "RUB", "РУБЛЯ": "RUB", "RMB": "CNY", "YEN": "JPY", "يورو": "EUR",
    "US$": "USD", "AU$": "AUD", "CA$": "CAD", "HK$": "HKD", "NZ$": "NZD", "R$": "BRL",
}  # fmt: skip
"""Signs and words that mean one currency: `$`, `£`, `¥` and `kr` belong to several."""
_AMBIGUOUS_CURRENCIES = {
    "DH", "DHS", "KR", "RS", "FR", "SFR", "SR", "DOLLAR", "DOLLARS", "POUND", "POUNDS", "PESO",
    "PESOS", "DIRHAM", "DIRHAMS", "RIYAL", "RIYALS", "RUPEE", "RUPEES", "FRANCS",
    "درهم", "ريال", "دولار", "جنيه", "دينار", "元", "円",
}  # fmt: skip
_ARABIC_SEPARATORS = str.maketrans({"\u066c": "'", "\u066b": ".", "\u2019": "'"})
"""Arabic has a sign of its own for thousands and one for the decimal point."""
_MAX_AMOUNT = 2**53
"""More than all money there is; above it a float can't tell neighbouring integers apart."""
_MONEY = re.compile(
    r"""(?P<sign>[-\u2212+])?\s*
        (?P<before>[^\W\d_]{1,4}\$?|[^\w\s.,'+-]|[^\W\d_]{2,8}(?:\.(?=\s))?)?\s*
        (?P<inner>[-\u2212])?(?P<number>\d+(?:[.,'\u2019\s]\d+)*)\s*(?P<thousand>k)?\s*
        (?P<whole>,-|\.-)?\s*(?P<after>[^\W\d_]{2,8}\.?|[元円]|[^\w\s.,'-])?(?:,-|\.-)?""",
    re.VERBOSE | re.IGNORECASE,
)
_AMBIGUOUS_NUMBER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_INDIAN_GROUPS = re.compile(r"[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?")
_UNGROUPED = re.compile(r"\d+(?:[.,]\d+)?")
_GROUPS_OF_THREE = re.compile(
    r"[1-9]\d{0,2}(?P<by>[.,' ])\d{3}(?:(?P=by)\d{3})*(?P<decimals>(?!(?P=by))[.,]\d+)?"
)


class Money(NamedTuple):
    """An amount and the currency that was written beside it; either may be missing."""

    amount: float | None
    currency: str | None


def read_money(value: Value | None) -> Money:
    """The number in `value`; `None` if it holds no number, or one that has several readings."""
    if value is None:
        return Money(None, None)
    if not isinstance(value, str):
        # Compared first: an integer may be too large for a float.
        return Money(float(value) if abs(value) <= _MAX_AMOUNT else None, None)
    match = _MONEY.fullmatch(_in_ascii_digits(value.strip().translate(_ARABIC_SEPARATORS)))
    if match is None:
        return Money(None, None)
    beside = (match["before"] or match["after"] or "").removesuffix(".")
    if beside and not _names_money(beside):
        return Money(None, None)
    code = currency_code(beside)
    is_code = code is not None and re.fullmatch("[A-Z]{3}", code)
    currency = code if is_code and code not in _AMBIGUOUS_CURRENCIES else None
    # `5.000,-` is a whole number, so its dot can't be a decimal point.
    number = _number(" ".join(match["number"].split()) + "," * (match["whole"] == ",-"))
    if number is None or (match["sign"] and match["inner"]):
        return Money(None, currency)  # `€ 3.000`: the amount is ambiguous, the currency is not
    negative = match["sign"] not in {None, "+"} or match["inner"]
    amount = number * (1000 if match["thousand"] else 1) * (-1 if negative and number else 1)
    return Money(amount if abs(amount) <= _MAX_AMOUNT else None, currency)


def _in_ascii_digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _number(text: str) -> float | None:
    if text.endswith(","):
        text = f"{text}00"
    if _INDIAN_GROUPS.fullmatch(text):
        text = text.replace(",", "")
    grouped = _GROUPS_OF_THREE.fullmatch(text)
    if _AMBIGUOUS_NUMBER.fullmatch(text) or not (grouped or _UNGROUPED.fullmatch(text)):
        return None
    if grouped:
        text = text.replace(grouped["by"], "")
    number = parse_number(text, decimal_separator="," if "," in text else ".")
    return None if number is None else float(number)


def _names_money(beside: str) -> bool:
    """Whether this is a currency, and not a multiplier (`Mio`, `lakh`) or a unit (`kg`, `days`)."""
    if beside.endswith("$") or unicodedata.category(beside[0]) == "Sc":
        return True
    upper = beside.upper()
    return upper in CURRENCY_CODES or upper in CURRENCY_SIGNS or upper in _AMBIGUOUS_CURRENCIES


def currency_code(currency: str | None) -> str | None:
    """`currency` in upper case, or the ISO code that a sign or a word means; `None` if empty."""
    upper = (currency or "").strip().upper()
    return CURRENCY_SIGNS.get(upper, upper) or None
