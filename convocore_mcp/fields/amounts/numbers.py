"""Numbers as people write them in conditions and captured variables: `25k`, `15,000`, `$1.5m`."""

import math
import re
import unicodedata

from convocore_mcp.fields.amounts.currencies import named_currency, names_money

_SCALES = {
    "k": 1e3, "tsd": 1e3, "tys": 1e3, "тыс": 1e3,
    "m": 1e6, "mio": 1e6, "mn": 1e6, "mln": 1e6, "млн": 1e6,
    "bn": 1e9, "bln": 1e9, "mrd": 1e9, "mld": 1e9, "млрд": 1e9,
    "lac": 1e5, "lacs": 1e5, "lakh": 1e5, "lakhs": 1e5, "crore": 1e7, "crores": 1e7,
}  # fmt: skip
"""Words that multiply the number before them."""
_SEVERAL_SCALES = frozenset({"mil"})
"""What multiplies by a thousand in one language and by a million in another."""
_UNIT_LETTERS = 3
"""Letters of a unit that may stand behind a number without a scale: `30 min`, `12 pcs`."""
_NUMBER = re.compile(
    r"""(?P<sign>[-+\u2212])?\s*(?P<before>[^\W\d_]{1,4}\$?\.?|[^\w\s.,+()-])?\s*
        (?P<inner>[-\u2212])?(?P<digits>\d+(?:[.,'\u2019\s]\d+)*|[.,]\d+)(?P<after>\D*)""",
    re.VERBOSE,
)
_DIGIT = re.compile(r"\d")
_AFTER = re.compile(r"(?P<blank>\s*)(?P<word>[^\W\d_]+)\.?\s*(?P<unit>.*)")
_SIGN = re.compile(r"[^\w\s.,+()-]")
"""One sign that may stand before or behind a number: `~5`, `5 %`, `5 €`."""
_ARABIC_SEPARATORS = str.maketrans({"\u066c": "'", "\u066b": "."})
"""Arabic has a sign of its own for thousands and one for the decimal point."""
_MAX_LENGTH = 40
_MAX_NUMBER = 1e300
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
        return float(value) if abs(value) <= _MAX_NUMBER and math.isfinite(value) else None
    # Most captured values have no digit.
    if not isinstance(value, str) or len(value) > _MAX_LENGTH or not _DIGIT.search(value):
        return None
    found = _NUMBER.fullmatch(_in_ascii_digits(value.strip()))
    if found is None or (found["sign"] and found["inner"]) or not _is_money(found["before"]):
        return None
    number = _plain(re.sub(r"['\u2019\s]", "", found["digits"]))
    scale = _scale(found["after"])
    if number is None or scale is None:
        return None
    negative = found["inner"] or found["sign"] in {"-", "\u2212"}
    return number * scale * (-1 if negative else 1)


def currency_beside(text: str) -> str | None:
    """The ISO code of the currency that `text`, a number, names: `EUR` of `25k €`."""
    found = _NUMBER.fullmatch(_in_ascii_digits(text.strip()))
    if found is None:
        return None
    after = _AFTER.fullmatch(found["after"].rstrip())
    parts = (found["before"], found["after"], after and after["unit"], after and after["word"][1:])
    codes = (named_currency(part.strip().removesuffix(".")) for part in parts if part)
    return next((code for code in codes if code is not None), None)


def unit_beside(text: str) -> str | None:
    """The unit that `text`, a number, names: `min` of `30 min`; currencies and scales are none."""
    found = _NUMBER.fullmatch(_in_ascii_digits(text.strip()))
    after = found and _AFTER.fullmatch(found["after"].rstrip())
    return after["word"] if after and _is_unit(after["word"].lower(), after["unit"]) else None


def _in_ascii_digits(text: str) -> str:
    """`text` with the digits of every script as those of ASCII."""
    if text.isascii():
        return text
    digits = (str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    return "".join(digits).translate(_ARABIC_SEPARATORS)


def _is_money(before: str | None) -> bool:
    """Whether what stands before a number is nothing, a sign, or a currency."""
    return before is None or _SIGN.fullmatch(before) is not None or _names_money(before)


def _names_money(text: str) -> bool:
    return names_money(text.removesuffix("."))


def _scale(after: str) -> float | None:
    """What a number is multiplied by because of the text behind it; `None` if that is unclear.

    A word that only begins like a scale is none: `4 kids` are not four thousand.
    """
    text = after.strip()
    if not text or _SIGN.fullmatch(text) or _names_money(text):
        return 1.0
    found = _AFTER.fullmatch(after.rstrip())
    if found is None:
        return None
    word, unit = found["word"].lower(), found["unit"]
    scale = _SCALES.get(word)
    if scale is None and not found["blank"] and _names_money(word[1:]):
        return _SCALES.get(word[0])  # `25kEUR`
    if scale is None:
        return 1.0 if _is_unit(word, unit) else None
    return scale if not unit or _SIGN.fullmatch(unit) or _names_money(unit) else None


def _is_unit(word: str, behind: str) -> bool:
    others = _SCALES.keys() | _SEVERAL_SCALES
    return len(word) == _UNIT_LETTERS and not behind and word not in others


def _plain(digits: str) -> float | None:
    if _COMMA_GROUPS.fullmatch(digits):
        digits = digits.replace(",", "")
    elif _DOT_GROUPS.fullmatch(digits):
        digits = digits.replace(".", "")
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None
