"""Text cells that a spreadsheet would take for a formula, escaped so that they stay text.

Source: OWASP, "CSV Injection".
"""

import re
import unicodedata

_STARTS = frozenset("=+-@\t\r\n")
_PHONE = re.compile(r"\+\d[\d ]{4,20}")
"""A phone number in the international notation: as a formula it is a number, and nothing more."""
APOSTROPHE = "'"
"""In front of a text, it tells spreadsheets that the cell is text."""


def escaped_formula(text: str) -> str:
    """`text`, with an apostrophe in front where a spreadsheet would calculate it.

    Full-width characters count, too. A phone number of `+`, digits and blanks stays as it is.
    """
    if not text or _PHONE.fullmatch(text):
        return text
    return APOSTROPHE + text if unicodedata.normalize("NFKC", text[0])[:1] in _STARTS else text
