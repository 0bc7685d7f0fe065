"""The number in a condition on a field of numbers or money, in the unit of the field.

A unit that is not the field's own changes what is asked: `pickup_seconds>5min` are 300 seconds, and
`ai_usd>5 EUR` can't be compared. It is converted or refused, never left out.
"""

import re

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.amounts.numbers import currency_beside, read_number, unit_beside
from convocore_mcp.fields.table import Field, Kind

_USD = "_usd"
_SECONDS_IN = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3_600, "hr": 3_600, "hrs": 3_600, "hour": 3_600, "hours": 3_600,
    "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_SPAN = re.compile(r"(?P<number>.*\d)\s*(?P<unit>[a-z]+)\.?", re.IGNORECASE)


def compared_number(field: Field, text: str, *, comparison: str, name: str) -> float:
    """The number that `text` means for `field`; `comparison` is the field and the operator.

    Raises:
        InvalidArgumentError: it is none, or one of another unit.
    """
    span = _SPAN.fullmatch(text.strip()) if field.seconds else None
    unit = span["unit"].lower() if span else ""
    if span and unit == "m":
        raise InvalidArgumentError(
            f"{name}: {text[:40]!r} can mean minutes or millions.",
            hint=f"Write e.g. {comparison}300 or {comparison}5min.",
        )
    seconds = _SECONDS_IN.get(unit)
    number = read_number(span["number"] if span and seconds else text)
    if number is None:
        raise InvalidArgumentError(
            f"{name}: {field.name} is a number, and {text[:40]!r} is none.",
            hint=f"Write e.g. {comparison}10000.",
        )
    if seconds:
        return number * seconds
    currency = currency_beside(text)
    if currency and field.kind is Kind.MONEY:
        raise InvalidArgumentError(
            f"{name}: {field.name} is compared without its currency, so {text[:40]!r} "
            "would also find other ones.",
            hint=f"Write {comparison}{number:.15g} and, as another condition, currency={currency}.",
        )
    is_own = currency == "USD" and field.name.endswith(_USD)
    other = None if is_own else currency or unit_beside(text)
    if other is not None and field.kind is Kind.NUMBER:
        raise InvalidArgumentError(
            f"{name}: {field.name} is a number without {other[:40]!r}.",
            hint=f"Write {comparison}{number:.15g}.",
        )
    return number
