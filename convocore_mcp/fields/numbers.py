"""Numbers as people write them in conditions and captured variables: `25k`, `15,000`, `$1.5m`."""

import math
import re

_NUMBER = re.compile(
    r"""(?P<sign>[-+\u2212])?\s*[^\w\s.,+-]?\s*(?P<inner>[-\u2212])?
        (?P<digits>\d+(?:[.,'\u2019\s]\d+)*|[.,]\d+)\s*(?P<scale>k|m|mio|mn|bn)?\s*
        (?:%|[^\W\d_]{3}|[^\w\s.,+-])?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"k": 1e3, "m": 1e6, "mio": 1e6, "mn": 1e6, "bn": 1e9}
_LONGEST = 40
LARGEST = 1e300
"""A larger number is a mistake, and two of them would add up to infinity."""
_COMMA_GROUPS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOT_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+")


def read_number(value: object) -> float | None:
    """The number that `value` is or is written as; `None` if there is none.

    A comma before exactly three digits separates thousands, a dot is a decimal point unless it is
    repeated. The `value` of a deal is read more strictly (`leads.deals.money`): a number with two
    readings is refused there. The author of a condition sees in `applied` what was understood.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= LARGEST and math.isfinite(value) else None
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    found = _NUMBER.fullmatch(value.strip())
    if found is None or (found["sign"] and found["inner"]):
        return None
    number = _plain(re.sub(r"['\u2019\s]", "", found["digits"]))
    if number is None:
        return None
    negative = found["inner"] or found["sign"] in {"-", "\u2212"}
    return number * _SCALES.get((found["scale"] or "").lower(), 1.0) * (-1 if negative else 1)


def _plain(digits: str) -> float | None:
    if not digits.isascii():
        return None
    if _COMMA_GROUPS.fullmatch(digits):
        digits = digits.replace(",", "")
    elif _DOT_GROUPS.fullmatch(digits):
        digits = digits.replace(".", "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None
