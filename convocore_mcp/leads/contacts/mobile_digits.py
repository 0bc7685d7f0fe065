"""One form for mobile numbers of countries in which the same number is written in two forms.

Three countries put a digit into a mobile number that other notations of the same number lack:
WhatsApp, phones and people write it or not. The two forms are one number, so a key has one form.

Source: docs/contract.md, "A lead"; ITU-T E.164 national numbering plans of the three countries.
"""

import re

BRAZIL, MEXICO, ARGENTINA = 55, 52, 54
"""Country codes."""
MOBILE_DIGIT_COUNTRIES = frozenset({BRAZIL, MEXICO, ARGENTINA})
_BRAZIL_WITHOUT_NINTH = re.compile(r"[1-9]{2}[6-9]\d{7}")
"""Area code, and the eight digits of a mobile number from before 2016; landlines begin lower."""


def without_mobile_digit(country_code: int, national: str) -> str:
    """`national`, the digits behind the country code, in the one form that keys have.

    Brazil: with the ninth digit 9 behind the area code. Mexico: without the 1 of calls from abroad.
    Argentina: without the 9 of calls from abroad; `phonenumbers` turns the 15 of calls within the
    country into that 9. Numbers of other countries are returned unchanged.
    """
    if country_code == BRAZIL and _BRAZIL_WITHOUT_NINTH.fullmatch(national):
        return f"{national[:2]}9{national[2:]}"
    has_digit = len(national) == 11
    if country_code == MEXICO and has_digit and national.startswith("1"):
        return national[1:]
    if country_code == ARGENTINA and has_digit and national.startswith("9"):
        return national[1:]
    return national
