"""Who is meant by a text: an id, an email, a phone number, a link, a name or a part of one.

The strategies are tried in a fixed order, surest first. The first one that finds anybody decides:
all whom it finds are candidates, and a single candidate is the lead. Nobody is guessed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from convocore_mcp.errors import MissingError
from convocore_mcp.leads import matching
from convocore_mcp.leads.keys import email_key
from convocore_mcp.leads.name_search import (
    STRATEGIES,
    NameSearch,
    PeopleIndex,
    by_phone_ending,
    nearest_names,
)
from convocore_mcp.models import Conversation, Lead

MAX_CANDIDATES = 20
"""Candidates that are named; `Match.total` counts all, up to the limit of one look-up."""
MAX_SUGGESTIONS = 3
"""Nearest names that are suggested when nobody fits."""


class PeopleDirectory(Protocol):
    """Where people are looked up. The mirror implements it (`store.read.mirror_reader`)."""

    @property
    def people_index(self) -> PeopleIndex:
        """Finds leads by names and parts of names."""
        ...

    def lead(self, agent_id: str, lead_id: str, /) -> Lead | None:
        """The lead of that id."""
        ...

    def leads(self, agent_id: str, /, *, lead_ids: Sequence[str]) -> Sequence[Lead]:
        """The leads of these ids, latest active first."""
        ...

    def leads_with(self, agent_id: str, field: str, values: Sequence[str], /) -> Sequence[Lead]:
        """Leads with a conversation whose `email_key`, `phone_key` or `id` is among `values`."""
        ...

    def conversation(self, agent_id: str, conversation_id: str, /) -> Conversation | None:
        """The conversation of that id, whether it belongs to a lead or not."""
        ...


@dataclass(frozen=True, slots=True)
class Match:
    """Who fits, latest active first; `total` also counts those beyond the candidates."""

    leads: Sequence[Lead]
    total: int
    field: str
    """The field that fitted: `email`, `name`, `similar name`."""


def resolve(directory: PeopleDirectory, agent_id: str, text: str) -> Match:
    """The leads that `text` means, found by the first strategy that finds anybody.

    Raises:
        MissingError: `text` means nobody. The hint has the nearest names.
    """
    for field, strategy in _EXACT_STRATEGIES:
        if leads := strategy(directory, agent_id, text):
            return Match(leads[:MAX_CANDIDATES], len(leads), field)
    if conversation := directory.conversation(agent_id, text):
        raise _belongs_to_no_lead(conversation)
    search = NameSearch.of(directory.people_index, agent_id, text)
    for found_in, search_strategy in STRATEGIES:
        if hits := search_strategy(search):
            ids = [hit.lead_id for hit in hits[:MAX_CANDIDATES]]
            by_id = {lead.lead_id: lead for lead in directory.leads(agent_id, lead_ids=ids)}
            leads = [by_id[lead_id] for lead_id in ids if lead_id in by_id]
            field = found_in or matching.matched_field(leads[0], search.words)
            return Match(leads, len(hits), field)
    raise _nobody_fits(search)


def _by_lead_id(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    lead = directory.lead(agent_id, text)
    return [lead] if lead else []


def _by_conversation_id(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    return directory.leads_with(agent_id, "id", [text])


def _by_email(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    key = email_key(text)
    return directory.leads_with(agent_id, "email_key", [key]) if key else []


def _by_phone(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    """By the stored number; without a country code, also by a number's ending in any country."""
    if not matching.looks_like_phone(text):
        return []
    keys = matching.possible_phone_keys(text)
    as_typed, without_country_code = keys[:2], keys[2:]
    found = directory.leads_with(agent_id, "phone_key", as_typed)
    if matching.is_international(text):
        return found or directory.leads_with(agent_id, "phone_key", without_country_code)
    ids = {lead.lead_id for lead in found}
    search = NameSearch(directory.people_index, agent_id, text, words=())
    for ending in matching.phone_endings(text):
        if hits := by_phone_ending(search, ending):
            ids |= {hit.lead_id for hit in hits}
            break
    return directory.leads(agent_id, lead_ids=sorted(ids))


ExactStrategy = Callable[[PeopleDirectory, str, str], Sequence[Lead]]
_EXACT_STRATEGIES: tuple[tuple[str, ExactStrategy], ...] = (
    ("lead_id", _by_lead_id),
    ("conversation_id", _by_conversation_id),
    ("email", _by_email),
    ("phone", _by_phone),
)
"""By what identifies one person; each comes with the field that it matches."""


def _belongs_to_no_lead(conversation: Conversation) -> MissingError:
    reason = "of nobody known"
    if conversation.is_test:
        reason = "a test"
    elif conversation.is_blocked:
        reason = "blocked"
    return MissingError(
        f"That conversation is {reason}, so it belongs to no lead.",
        hint="list_conversations shows it.",
    )


def _nobody_fits(search: NameSearch) -> MissingError:
    names = nearest_names(search, limit=MAX_SUGGESTIONS)
    hint = f"Nearest names: {', '.join(names)}." if names else "Nobody is called anything like it."
    return MissingError(
        f"Nobody fits {search.text[:80]!r}.",
        hint=f"{hint} list_conversations with query searches messages and notes too.",
    )
