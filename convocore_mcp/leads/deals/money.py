"""Deal values as people type them, read without guessing.

`12,500.50`, `12.500,50 €`, `$5k` and `AED 3 000` each have one reading. `12,500` has two: twelve
thousand five hundred, or twelve and a half as half of Europe writes it. Such a value counts as
unparsed rather than as a number that may be wrong by a factor of a thousand.
"""

import re
import unicodedata
from typing import NamedTuple

from convocore_mcp.fields.amounts.currencies import (
    currency_code,
    is_ambiguous,
    named_currency,
    names_money,
)
from convocore_mcp.models import Value

_ARABIC_SEPARATORS = str.maketrans({"\u066c": "'", "\u066b": ".", "\u2019": "'"})
"""Arabic has a sign of its own for thousands and one for the decimal point."""
_MAX_AMOUNT = 2**53
"""More than all money there is; above it a float can't tell neighbouring integers apart."""
_MONEY = re.compile(
    r"""(?P<sign>[-\u2212+])?\s*
        (?P<before>[^\W\d_]{1,4}\$?|[^\w\s.,'+-]|U\$S|\$USD?|[^\W\d_]{2,8}(?:\.(?=\s))?)?\s*
        (?P<inner>[-\u2212])?(?P<number>\d+(?:[.,'\u2019\s]\d+)*)\s*(?P<thousand>k)?\s*
        (?P<whole>,-|\.-)?\s*
        (?P<after>[^\W\d_]{1,4}\$|[^\W\d_]{2,10}(?:\ [^\W\d_]{2,8})?\.?|[元円]|[^\w\s.,'-])?
        (?:,-|\.-)?""",
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
    texts = (match["before"], match["after"]) if match else ()
    beside = [text.removesuffix(".") for text in texts if text]
    named = {code for code in map(named_currency, beside) if code is not None}
    if match is None or len(named) > 1 or not all(map(names_money, beside)):
        return Money(None, None)
    currency = named.pop() if named else None
    return Money(_amount(match), currency)  # of `€ 3.000` the amount is ambiguous, not the currency


def _amount(match: re.Match[str]) -> float | None:
    # `5.000,-` is a whole number, so its dot can't be a decimal point.
    number = _number(" ".join(match["number"].split()) + "," * (match["whole"] == ",-"))
    if number is None or (match["sign"] and match["inner"]):
        return None
    negative = match["sign"] not in {None, "+"} or match["inner"]
    amount = number * (1000 if match["thousand"] else 1) * (-1 if negative and number else 1)
    return amount if abs(amount) <= _MAX_AMOUNT else None


def read_deal(value: Value | None, currency: str | None) -> Money:
    """The amount and currency of a row with these fields.

    Where the text of `value` names another currency than `currency`, nobody can say which is right,
    and there is no amount. A `currency` like `$` or `kr` says less than `USD` beside the amount.
    """
    amount, beside = read_money(value)
    code = currency_code(currency)
    if beside is None or code is None or beside == code:
        return Money(amount, code or beside)
    if not code.isalpha() or is_ambiguous(code):
        return Money(amount, beside)
    return Money(None, code)


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
    return float(text.replace(",", "."))
