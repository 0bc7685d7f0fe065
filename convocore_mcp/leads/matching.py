"""How a typed text is compared with names, phone numbers, emails and links."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import phonenumbers
from rapidfuzz import fuzz, process

from convocore_mcp.leads.index_terms import EMAIL, LINK, link_forms, word_spellings
from convocore_mcp.leads.keys import MIN_PHONE_DIGITS, phone_key
from convocore_mcp.leads.names.filler_words import without_titles
from convocore_mcp.leads.names.latin_spelling import is_without_vowels, latin_name_words
from convocore_mcp.leads.names.nicknames import with_nicknames
from convocore_mcp.models import NAME_WORD
from convocore_mcp.words.folding import digits, fold, words

MIN_SAME_WORD_SIMILARITY = 78
"""Similarity (0 to 100) from which a word counts as another one misspelt: `gonzales`, `gonzález`.

Words that differ in one letter count as the same from five letters on; with four, one of them may
be another name.
"""
MIN_RELATED_SIMILARITY = 60
"""Similarity from which a name is worth suggesting."""
MAX_SIMILAR_WORDS = 8
"""Similar words that one typed word may be a misspelling of."""
MIN_PHONE_ENDING = 4
"""Digits of a phone number's ending that somebody may remember."""
_SITE_ALIASES = {
    "fb.com": "facebook.com", "m.me": "facebook.com", "twitter.com": "x.com", "telegram.me": "t.me",
}  # fmt: skip
_PHONE = re.compile(r"\+?[\d\s().\-/\u2010-\u2015]+")


def looks_like_phone(text: str) -> bool:
    """Whether `text` is a phone number in some notation."""
    stripped = text.strip()
    return bool(_PHONE.fullmatch(stripped)) and len(digits(stripped)) >= MIN_PHONE_DIGITS


def is_international(text: str) -> bool:
    """Whether a phone number is written with a country code."""
    return text.strip().removeprefix("(").startswith(("+", "00", "\uff0b"))


def looks_like_phone_ending(text: str) -> bool:
    """Whether `text` is at least the last four digits of a phone number."""
    return bool(_PHONE.fullmatch(text.strip())) and len(digits(text)) >= MIN_PHONE_ENDING


def looks_like_contact(text: str) -> bool:
    """Whether `text` is part of an email, a handle or a link rather than a name."""
    stripped = text.strip()
    if "@" in stripped:
        return True
    are_initials = max(map(len, words(stripped)), default=0) <= 1  # `J.S.`
    is_one_word = not stripped.split()[1:]
    return not are_initials and is_one_word and bool(set("./_") & set(stripped[1:-1]))


def possible_phone_keys(text: str) -> list[str]:
    """The keys that a number may be stored under, most likely first.

    The first two are the E.164 form and the digits as typed. The others are for a stored number
    without a country code: the national number with the prefixes that are dialled before it.
    """
    plain = digits(text)
    international = phone_key(text) or plain
    try:
        national = str(phonenumbers.parse(f"+{international}").national_number)
    except phonenumbers.NumberParseException:
        return [international, plain]
    return [international, plain, *(f"{trunk}{national}" for trunk in ("", "0", "8"))]


def phone_endings(text: str) -> list[str]:
    """What a stored number may end in if `text` lacks the country code, most likely first.

    The 0 in front of a national number (8 or 80 in Russia and its neighbours) is no part of it.
    """
    national = digits(text).lstrip("0")
    endings = [national, *(national.removeprefix(trunk) for trunk in ("80", "8"))]
    return [ending for ending in dict.fromkeys(endings) if len(ending) >= MIN_PHONE_DIGITS]


class IndexedPerson(Protocol):
    """A lead, or as much of it as the people index gives."""

    @property
    def name(self) -> str | None:
        """The current name."""
        ...

    @property
    def company(self) -> str | None:
        """The current company."""
        ...

    @property
    def terms(self) -> str:
        """The index terms, each after a line break (`leads.index_terms`)."""
        ...


PersonT = TypeVar("PersonT", bound=IndexedPerson)


def with_exact_name(people: Sequence[PersonT], text: str) -> list[PersonT]:
    """Those whose name has all the words of `text` and no other, in whatever order.

    Forms of address do not count. Names in another script are compared only if nobody has that
    name in the script of `text`.
    """

    def tokens(name: str) -> list[str]:
        return sorted(without_titles(words(name)))

    typed = tokens(text)
    same = [person for person in people if tokens(person.name or "") == typed]
    if same or not text.isascii():
        return same
    return [person for person in people if sorted(_latin_words(person.name)) == typed]


def _latin_words(name: str | None) -> list[str]:
    """The words of a name in another script as they are spelt in Latin letters; else nothing."""
    if name is None or name.isascii():
        return []
    return [spellings[-1] for spellings in word_spellings(name)]


def with_consonants(people: Sequence[PersonT], written: Sequence[Sequence[str]]) -> list[PersonT]:
    """Those whose name is written without vowels and has, for each typed word, its consonants.

    `written` has each typed word as it is, and as it may be spelt without vowels.
    """

    def fits(person: PersonT) -> bool:
        own = word_spellings(person.name or "")
        if not any(is_without_vowels(spellings[0]) for spellings in own):
            return False
        own_words = {spelling for spellings in own for spelling in spellings}
        return not any(own_words.isdisjoint(words) for words in written)

    return [person for person in people if fits(person)]


def with_email_containing(people: Sequence[PersonT], text: str) -> list[PersonT]:
    """Those with an email in which the whole `text` occurs, in any case."""
    part = text.strip().casefold()
    return [person for person in people if any(part in email for email in _emails(person))]


def _emails(person: IndexedPerson) -> list[str]:
    return [term[1:] for term in person.terms.split("\n") if term.startswith(EMAIL)]


def with_profile(people: Sequence[PersonT], link: str) -> list[PersonT]:
    """Those whom `link` leads to, of people with a link or handle of the same ending.

    A profile on one site is no other site's profile of the same handle. A handle that was stored
    without a site may belong to any.
    """
    forms = link_forms(link)
    if not forms:  # nothing but punctuation
        return []
    whole, handle = forms[0], forms[-1]
    if "/" not in whole:
        return list(people)
    exactly = [person for person in people if f"{LINK}{whole}" in person.terms.split("\n")]

    def may_have(person: PersonT) -> bool:
        sites = [
            _site(term[1:])
            for term in person.terms.split("\n")
            if term.startswith(LINK) and term.endswith((f"/{handle}", f"/@{handle}"))
        ]
        return not sites or _site(whole) in sites

    return exactly or [person for person in people if may_have(person)]


def has_link_below(person: IndexedPerson, link: str) -> bool:
    """Whether a person has `link`, or one that goes on where a part of `link` ends."""
    forms = link_forms(link)
    own = [term[1:] for term in person.terms.split("\n") if term.startswith(LINK)]
    return any(term in forms or term.startswith(f"{forms[0]}/") for term in own)


def _site(address: str) -> str:
    """The name of a link's site, without subdomains: `linkedin.com` of `de.linkedin.com/in/ann`."""
    host = address.partition("/")[0]
    name = ".".join(host.split(".")[-2:])
    return _SITE_ALIASES.get(name, name)


def most_similar(
    people: Sequence[PersonT], similar_words: Sequence[Mapping[str, float]]
) -> list[PersonT]:
    """Those most similar to what was typed; of equals, those without further names.

    `similar_words` has, for each typed word, the words that it may be and their similarity.
    """

    def similarity(person: PersonT) -> tuple[float, bool]:
        own_words = {term[1:] for term in person.terms.split("\n") if term.startswith(NAME_WORD)}
        of_each_word = (
            max((similar[word] for word in similar.keys() & own_words), default=0)
            for similar in similar_words
        )
        has_no_further_name = len(words(person.name or "")) == len(similar_words)
        return round(sum(of_each_word), 3), has_no_further_name

    similarities = [similarity(person) for person in people]
    highest = max(similarities, default=None)
    return [person for person, value in zip(people, similarities, strict=True) if value == highest]


def has_any_word(name: str | None, typed: Sequence[Sequence[str]]) -> bool:
    """Whether a name has any of the typed words, or a word that begins like one."""
    own_words = [word for spellings in word_spellings(name or "") for word in spellings]
    beginnings = tuple(spelling for spellings in typed for spelling in with_nicknames(spellings))
    return any(word.startswith(beginnings) for word in own_words)


def matched_field(person: IndexedPerson, typed: Sequence[Sequence[str]]) -> str:
    """In which field the typed words were found; `typed` has each word in every spelling."""

    def found_in(field: str | None) -> list[bool]:
        own_words = [word for spellings in word_spellings(field or "") for word in spellings]
        own_words += [*words(field or ""), *latin_name_words(fold(field or ""))]
        return [
            any(word.startswith(beginning) for word in own_words for beginning in spellings)
            for spellings in typed
        ]

    in_name, in_company = found_in(person.name), found_in(person.company)
    if all(in_name):
        return "name"
    if all(in_company):
        return "company"
    in_either = (name or company for name, company in zip(in_name, in_company, strict=True))
    return "name and company" if all(in_either) else "earlier name"


def possible_words(
    typed: str, vocabulary: Iterable[str], *, min_similarity: float = MIN_SAME_WORD_SIMILARITY
) -> dict[str, float]:
    """The words of `vocabulary` that `typed` may be a misspelling of, most similar first.

    Gives each word's similarity, 0 to 100.
    """
    matches = process.extract(
        typed, vocabulary, scorer=fuzz.ratio, score_cutoff=min_similarity, limit=MAX_SIMILAR_WORDS
    )
    return {word: similarity for word, similarity, _ in matches}
