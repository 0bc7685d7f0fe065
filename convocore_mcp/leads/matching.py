"""Who is meant: how a name, a number or an address that somebody typed finds a lead."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from convocore_mcp.leads.index_terms import EMAIL, pieces
from convocore_mcp.leads.keys import NUMBER, SHORTEST_PHONE, digits, phone_key, words
from convocore_mcp.models import SHORTEST_PART, WORD

CLOSE = 78
"""Similarity (0 to 100) from which a word counts as the same, misspelt: `gonzales`, `gonzález`."""
RELATED = 60
"""Similarity from which a name is worth suggesting."""
SHORTEST_ENDING = 4
"""Digits of a phone number's ending that somebody may remember."""
_PHONE = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")


def looks_like_phone(text: str) -> bool:
    """Whether `text` is a phone number in some notation."""
    bare = text.strip()
    return bool(_PHONE.fullmatch(bare)) and len(digits(bare)) >= SHORTEST_PHONE


def is_international(text: str) -> bool:
    """Whether a phone number says itself that it begins with a country code."""
    return text.strip().removeprefix("(").startswith(("+", "00", "\uff0b"))


def looks_like_digits(text: str) -> bool:
    """Whether `text` is a phone number, or the last four digits of one or more."""
    return bool(_PHONE.fullmatch(text.strip())) and len(digits(text)) >= SHORTEST_ENDING


def looks_like_contact(text: str) -> bool:
    """Whether `text` is part of an email, a handle or a link rather than a name."""
    bare = text.strip()
    parts = max(map(len, words(bare)), default=0) > 1  # else initials: `J.S.`
    return "@" in bare or (parts and not bare.split()[1:] and bool(set("./_") & set(bare[1:-1])))


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
    numbers = [
        found for found in NUMBER.findall(query) if len(_significant(found)) >= SHORTEST_PART
    ]
    rest = NUMBER.sub(lambda m: " " if m.group() in numbers else m.group(), query)
    beginnings = [f" {word}" for word in words(rest)]
    return (*beginnings, *map(_significant, numbers))


def _significant(number: str) -> str:
    """The digits of a number as it is kept: a national one begins with a 0 that it is not."""
    return digits(number).lstrip("0")


class Found(Protocol):
    """Somebody found by a name (`Lead`, `store.lookup.Hit`)."""

    @property
    def name(self) -> str | None:
        """The name it goes by now."""
        ...

    @property
    def company(self) -> str | None:
        """The company it is of now."""
        ...

    @property
    def terms(self) -> str:
        """What it is found by, each behind a line end (`leads.terms`)."""
        ...


F = TypeVar("F", bound=Found)


def called_just_so(found: Sequence[F], text: str) -> list[F]:
    """Those whose name has all the words of `text` and no other, in whatever order."""
    wanted = sorted(words(text))
    return [one for one in found if sorted(words(one.name or "")) == wanted]


def with_email_like(found: Sequence[F], text: str) -> list[F]:
    """Those with an email in which `text` stands as it is."""
    part = text.strip().casefold()
    return [one for one in found if any(part in email for email in _emails(one))]


def _emails(one: Found) -> list[str]:
    return [term[1:] for term in one.terms.split("\n") if term.startswith(EMAIL)]


def nearest(found: Sequence[F], alike: Sequence[Mapping[str, float]]) -> list[F]:
    """Those most like what was typed: `alike` has the spellings of each word, and how similar.

    Of equals those who have no more names than were typed.
    """

    def likeness(one: F) -> tuple[float, bool]:
        own = {term[1:] for term in one.terms.split("\n") if term.startswith(WORD)}
        each = (max((similar[w] for w in similar.keys() & own), default=0) for similar in alike)
        return round(sum(each), 3), len(words(one.name or "")) == len(alike)

    likenesses = [likeness(one) for one in found]
    most = max(likenesses, default=None)
    return [one for one, its in zip(found, likenesses, strict=True) if its == most]


def matched_field(lead: Found, wanted: Sequence[Sequence[str]]) -> str:
    """In which of a lead's names the words fitted; `wanted` has each in every spelling."""

    def begins(field: str | None) -> list[bool]:
        own = [word for spelt in pieces(field or "") for word in spelt]
        own += words(field or "")
        return [any(w.startswith(start) for w in own for start in either) for either in wanted]

    in_name, in_company = begins(lead.name), begins(lead.company)
    if all(in_name):
        return "name"
    if all(in_company):
        return "company"
    either = all(one or other for one, other in zip(in_name, in_company, strict=True))
    return "name and company" if either else "earlier name"


def spellings(
    word: str, vocabulary: Iterable[str], *, cutoff: float = CLOSE, limit: int = 8
) -> dict[str, float]:
    """The words of `vocabulary` that may be `word` misspelt, most similar first, and how similar.

    A letter apart is the same word from five letters on; in one of four, it may be another name.
    """
    # Imported here: a misspelt name needs it, starting the server does not.
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    found = process.extract(word, vocabulary, scorer=fuzz.ratio, score_cutoff=cutoff, limit=limit)
    return {choice: score for choice, score, _ in found}
