"""Who is meant: how a name, a number or an address that somebody typed finds a lead."""

import re
from collections.abc import Iterable, Sequence

from convocore_mcp.leads.keys import SHORTEST_PHONE, digits, phone_key, words
from convocore_mcp.models import Lead

CLOSE = 78
"""Similarity (0 to 100) from which a word counts as the same, misspelt: `gonzales`, `gonzález`."""
RELATED = 60
"""Similarity from which a name is worth suggesting."""
_PHONE = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")
_NUMBERS = re.compile(r"\+?\d[\d\s().\-/]{3,}\d")


def looks_like_phone(text: str) -> bool:
    """Whether `text` is a phone number in some notation."""
    bare = text.strip()
    return bool(_PHONE.fullmatch(bare)) and len(digits(bare)) >= SHORTEST_PHONE


def phone_keys(text: str) -> list[str]:
    """The keys a number may have been stored under, the best first.

    In E.164; and, for a record whose number came without a country code, as it is dialled there.
    """
    # Imported here: the first question needs it, starting the server does not.
    import phonenumbers  # noqa: PLC0415

    plain = digits(text)
    whole = phone_key(text) or plain
    try:
        national = str(phonenumbers.parse(f"+{whole}").national_number)
    except phonenumbers.NumberParseException:
        return [whole, plain]
    return [whole, plain, *(f"{trunk}{national}" for trunk in ("", "0", "8"))]


def phone_endings(text: str) -> list[str]:
    """What a stored number may end in, if `text` was typed without the country code, best first.

    A national number begins with a 0 that is no part of it; in Russia and around with 8 or 80.
    """
    national = digits(text).lstrip("0")
    endings = [national, *(national.removeprefix(trunk) for trunk in ("80", "8"))]
    return [one for one in dict.fromkeys(endings) if len(one) >= SHORTEST_PHONE]


def search_terms(query: str) -> tuple[str, ...]:
    """What must occur in a conversation's words: beginnings of words, and digits anywhere."""
    numbers = [found for found in _NUMBERS.findall(query) if len(digits(found)) >= 5]
    rest = _NUMBERS.sub(lambda m: " " if m.group() in numbers else m.group(), query)
    beginnings = [f" {word}" for word in words(rest)]
    return (*beginnings, *(digits(number).lstrip("0") for number in numbers))


def best(leads: Sequence[Lead], text: str) -> list[Lead]:
    """The leads that `text` fits best: the whole name before whole words before beginnings."""
    wanted = words(text)

    def fit(lead: Lead) -> int:
        if words(lead.name or "") == wanted:
            return 0
        return 1 if set(wanted) <= set(lead.text.split()) else 2

    found = min(map(fit, leads), default=0)
    return [lead for lead in leads if fit(lead) == found]


def nearest(leads: Sequence[Lead], wanted: Sequence[str]) -> list[Lead]:
    """The leads whose names and companies are most like `wanted`, word by word."""
    # Imported here: a misspelt name needs it, starting the server does not.
    from rapidfuzz import fuzz  # noqa: PLC0415

    def likeness(lead: Lead) -> float:
        own = lead.text.split()
        return round(sum(max(fuzz.ratio(word, other) for other in own) for word in wanted), 3)

    most = max(map(likeness, leads), default=0.0)
    return [lead for lead in leads if likeness(lead) == most]


def matched_field(lead: Lead, text: str) -> str:
    """Which of a lead's names `text` fitted."""
    wanted = words(text)

    def begins(field: str | None) -> list[bool]:
        own = words(field or "")
        return [any(word.startswith(start) for word in own) for start in wanted]

    if all(begins(lead.name)):
        return "name"
    return "company" if all(begins(lead.company)) else "name and company"


def spellings(
    word: str, vocabulary: Iterable[str], *, cutoff: float = CLOSE, limit: int = 12
) -> list[str]:
    """The words of `vocabulary` that may be `word` misspelt, most similar first."""
    # Imported here: a misspelt name needs it, starting the server does not.
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    found = process.extract(word, vocabulary, scorer=fuzz.ratio, score_cutoff=cutoff, limit=limit)
    return [choice for choice, _, _ in found]
