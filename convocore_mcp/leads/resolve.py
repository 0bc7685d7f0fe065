"""Who is meant: what somebody typed, tried as one thing after another, the surest first.

The first way that fits anybody decides; all whom it fits are candidates, and if that is one, it is
the lead. Nobody is guessed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from convocore_mcp.errors import MissingError
from convocore_mcp.leads import index_terms as t
from convocore_mcp.leads import matching
from convocore_mcp.leads.keys import LONGEST_EMAIL, digits, email_key
from convocore_mcp.models import WORD, Either, Lead

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.mirror_reader import MirrorReader
    from convocore_mcp.store.read.people_index import Hit

CANDIDATES = 20
"""Candidates named; `total` counts all of them, up to the limit of one look-up."""
NAMED = 3
"""Nearest names suggested when nobody fits."""
WORDS = 12
"""Words of a question that are looked at."""
FEW = 200
"""Hits looked at once more, for a better fit among them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Who fits, latest active first; `total` counts those beyond the candidates too."""

    leads: Sequence[Lead]
    total: int
    field: str


@dataclass(frozen=True, slots=True)
class _Search:
    """One question to one mirror."""

    mirror_reader: "MirrorReader"
    agent: str
    text: str
    words: list[list[str]]
    """The words of the question, each in every spelling."""

    def hits(self, wanted: Sequence[Either]) -> "list[Hit]":
        return self.mirror_reader.people_index.hits(self.agent, wanted)

    def of(self, kind: str, values: Sequence[str], *, beginning: bool = False) -> Either:
        found = tuple(f"{kind}{value}" for value in values)
        return Either(beginnings=found) if beginning else Either(whole=found)

    def each(self, kind: str, *, beginning: bool = False) -> list[Either]:
        return [self.of(kind, spelt, beginning=beginning) for spelt in self.words]


def look_up(mirror_reader: "MirrorReader", agent: str, text: str) -> Match:
    """The leads that `text` means, by the first way that fits anybody.

    Raises:
        MissingError: it means nobody; the hint has the nearest names.
    """
    for known, leads in _by_what_is_one_persons(mirror_reader, agent, text):
        if leads:
            return Match(leads[:CANDIDATES], len(leads), known)
    if conversation := mirror_reader.conversation(agent, text):
        reason = (
            "a test"
            if conversation.is_test
            else "blocked"
            if conversation.is_blocked
            else "of nobody known"
        )
        raise MissingError(
            f"That conversation is {reason}, so it belongs to no lead.",
            hint="list_conversations shows it.",
        )
    search = _Search(mirror_reader, agent, text, t.pieces(text)[:WORDS])
    for field, way in WAYS:
        if hits := way(search):
            named = {
                lead.lead_id: lead
                for lead in mirror_reader.leads(
                    agent, lead_ids=[h.lead_id for h in hits[:CANDIDATES]]
                )
            }
            leads = [named[hit.lead_id] for hit in hits if hit.lead_id in named]
            return Match(leads, len(hits), field or matching.matched_field(leads[0], search.words))
    raise _nobody(search)


def _by_what_is_one_persons(
    mirror_reader: "MirrorReader", agent: str, text: str
) -> "chain[tuple[str, list[Lead]]]":
    """By an id, an email or a phone number, each asked for only when its turn comes."""

    def own() -> list[Lead]:
        lead = mirror_reader.lead(agent, text)
        return [lead] if lead else []

    def email() -> list[Lead]:
        key = email_key(text)
        return mirror_reader.leads_with(agent, "email_key", [key]) if key else []

    ways: tuple[tuple[str, Callable[[], list[Lead]]], ...] = (
        ("lead_id", own),
        ("conversation_id", lambda: mirror_reader.leads_with(agent, "id", [text])),
        ("email", email),
        ("phone", lambda: _by_phone(mirror_reader, agent, text)),
    )
    return chain.from_iterable(((field, way()),) for field, way in ways)


def _by_phone(mirror_reader: "MirrorReader", agent: str, text: str) -> list[Lead]:
    """As it is stored; without a country code, also whoever's number ends so in any country."""
    if not matching.looks_like_phone(text):
        return []
    keys = matching.phone_keys(text)
    if matching.is_international(text):
        return mirror_reader.leads_with(agent, "phone_key", keys[:2]) or mirror_reader.leads_with(
            agent, "phone_key", keys[2:]
        )
    exact = {lead.lead_id for lead in mirror_reader.leads_with(agent, "phone_key", keys[:2])}
    search = _Search(mirror_reader, agent, text, [])
    for ending in matching.phone_endings(text):
        if found := _with_phone_ending(search, ending):
            return mirror_reader.leads(
                agent, lead_ids=sorted(exact | {hit.lead_id for hit in found})
            )
    return mirror_reader.leads(agent, lead_ids=sorted(exact))


def _with_phone_ending(s: _Search, ending: str) -> "list[Hit]":
    return s.hits([s.of(t.PHONE, [ending[::-1]], beginning=True)])


def _last_digits(s: _Search) -> "list[Hit]":
    return _with_phone_ending(s, digits(s.text)) if matching.looks_like_digits(s.text) else []


def _whole_name(s: _Search) -> "list[Hit]":
    return s.hits([s.of(t.NAME, t.whole_names(s.text))])


def _link(s: _Search) -> "list[Hit]":
    """A handle, a profile or a website."""
    forms = t.link_forms(s.text) if matching.looks_like_contact(s.text) else []
    return s.hits([s.of(t.LINK, forms)])


def _beginning_of_link(s: _Search) -> "list[Hit]":
    forms = t.link_forms(s.text) if matching.looks_like_contact(s.text) else []
    return s.hits([s.of(t.LINK, forms[:1], beginning=True)])


def _part_of_email(s: _Search) -> "list[Hit]":
    """Its beginning, else its words: the domain, a name in it."""
    if not matching.looks_like_contact(s.text):
        return []
    begins = s.of(t.EMAIL, [s.text.strip().casefold()[:LONGEST_EMAIL]], beginning=True)
    whole = s.each(t.EMAIL_WORD)
    beginning = [*whole[:-1], *s.each(t.EMAIL_WORD, beginning=True)[-1:]]
    found = s.hits([begins]) or s.hits(whole) or s.hits(beginning)
    return matching.with_email_like(found, s.text) or found


def _words(s: _Search) -> "list[Hit]":
    """Every word whole; a single letter is an initial."""
    wanted = [
        s.of(WORD, spelt, beginning=len(s.words) > 1 and len(spelt[0]) == 1 and spelt[0].isascii())
        for spelt in s.words
    ]
    found = s.hits(wanted)
    return matching.called_just_so(found[:FEW], s.text) or found


def _initials(s: _Search) -> "list[Hit]":
    letters = t.typed_initials(s.text)
    return s.hits([s.of(t.INITIALS, [letters])]) if letters else []


def _beginnings(s: _Search) -> "list[Hit]":
    return s.hits(s.each(WORD, beginning=True))


def _name_and_contact(s: _Search) -> "list[Hit]":
    """Some words of the name or company, some of the email."""
    kinds = (WORD, t.EMAIL_WORD, t.LINK)
    both = [Either(beginnings=tuple(f"{k}{w}" for w in spelt for k in kinds)) for spelt in s.words]
    return s.hits(both)


def _similar(s: _Search) -> "list[Hit]":
    """Every word, perhaps misspelt; those most like what was typed."""
    alike = [_spellings(s, spelt[0], matching.CLOSE) for spelt in s.words]
    found = s.hits([s.of(WORD, list(similar)) for similar in alike])
    return matching.nearest(found, alike)


WAYS: "tuple[tuple[str | None, Callable[[_Search], list[Hit]]], ...]" = (
    ("phone", _last_digits),
    ("link", _link),
    ("email", _part_of_email),
    ("link", _beginning_of_link),
    ("name", _whole_name),
    (None, _words),
    ("initials", _initials),
    (None, _beginnings),
    ("name and email", _name_and_contact),
    ("similar name", _similar),
)
"""The field that fitted (`None`: name or company, whichever it was), and how it is looked for."""


def _spellings(s: _Search, word: str, cutoff: float) -> dict[str, float]:
    return matching.spellings(
        word, s.mirror_reader.people_index.similar_words(s.agent, word), cutoff=cutoff
    )


def _nobody(s: _Search) -> MissingError:
    near = [other for spelt in s.words for other in _spellings(s, spelt[0], matching.RELATED)]
    hits = s.hits([s.of(WORD, near)])
    names = list(dict.fromkeys(hit.name for hit in hits if hit.name))[:NAMED]
    hint = f"Nearest names: {', '.join(names)}." if names else "Nobody is called anything like it."
    return MissingError(
        f"Nobody fits {s.text[:80]!r}.",
        hint=f"{hint} list_conversations with query searches messages and notes too.",
    )
