"""Finds the leads that the contacts in a text mean, and checks the words beside the contacts.

A contact identifies somebody better than a name. But a name beside it that fits only other people
contradicts it: then all of them are candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from convocore_mcp.leads import index_terms, matching
from convocore_mcp.leads.keys import email_key, phone_key
from convocore_mcp.leads.name_search import (
    STRATEGIES,
    NameSearch,
    PeopleIndex,
    by_link,
    by_phone_ending,
    exact,
)
from convocore_mcp.leads.names.fitting_words import fits, fitting_words
from convocore_mcp.leads.names.pasted_contacts import PastedContacts
from convocore_mcp.leads.names.typed_words import filler_indices, typed_words
from convocore_mcp.models import Conversation, Lead

MOBILE_DIGIT_REGIONS = ("AR", "BR", "MX")
"""Countries in which a mobile number has other digits at home than from abroad."""


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
        """The leads of these ids, most recently active first."""
        ...

    def leads_with(self, agent_id: str, field: str, values: Sequence[str], /) -> Sequence[Lead]:
        """Leads with a conversation whose `email_key`, `phone_key` or `id` is among `values`."""
        ...

    def conversation(self, agent_id: str, conversation_id: str, /) -> Conversation | None:
        """The conversation of that id, whether it belongs to a lead or not."""
        ...


@dataclass(frozen=True, slots=True)
class ContactMatch:
    """Who has the contacts, most recently active first."""

    leads: Sequence[Lead]
    field: str
    """Which kind of contact fitted: `email`, `phone` or `link`."""
    ignored: Sequence[str] = ()
    """Contacts that nobody has, and words beside the contacts that do not fit the leads."""


def by_contacts(
    directory: PeopleDirectory, agent_id: str, pasted: PastedContacts
) -> ContactMatch | None:
    """The leads with all of the contacts, else with any of them; `None` if nobody has one."""
    owners = [
        *(("email", text, _by_email(directory, agent_id, text)) for text in pasted.emails),
        *(("phone", text, _by_phone(directory, agent_id, text)) for text in pasted.phones),
        *(("link", text, _by_link(directory, agent_id, text)) for text in pasted.links),
    ]
    known = [(field, {lead.lead_id for lead in leads}) for field, _, leads in owners if leads]
    if not known:
        return None
    sets = [ids for _, ids in known]
    ids = set.intersection(*sets) or set.union(*sets)
    unknown = [text for _, text, leads in owners if not leads]
    leads = directory.leads(agent_id, lead_ids=sorted(ids))
    match = ContactMatch(leads, known[0][0], unknown)
    return _check_beside_words(directory, agent_id, match, pasted.rest) if pasted.rest else match


def _check_beside_words(
    directory: PeopleDirectory, agent_id: str, match: ContactMatch, text: str
) -> ContactMatch:
    """The match, narrowed by the words beside the contacts, or widened if they contradict it."""
    typed, left_out = typed_words(text)
    fillers = filler_indices(typed)
    search = NameSearch(directory.people_index, agent_id, text, typed)
    search = search.keeping([i for i in range(len(typed)) if i not in fillers])
    search = search.keeping(fitting_words(search))
    leads = [lead for lead in match.leads if all(fits(lead.terms, word) for word in search.words)]
    if not leads:
        hits = next((found for _, strategy in STRATEGIES if (found := strategy(search))), ())
        ids = {*(lead.lead_id for lead in match.leads), *(hit.lead_id for hit in hits)}
        leads = list(directory.leads(agent_id, lead_ids=sorted(ids)))
    unfit = (w.written for w in typed if not any(fits(lead.terms, w) for lead in leads))
    return ContactMatch(leads, match.field, [*match.ignored, *left_out, *unfit])


def _by_email(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    """Leads with this address, also where it is one of several in its field."""
    key = email_key(text)
    if key is None:
        return []
    search = NameSearch(directory.people_index, agent_id, "", ())
    ids = {hit.lead_id for hit in search.hits(exact(index_terms.EMAIL, [key]))}
    ids |= {lead.lead_id for lead in directory.leads_with(agent_id, "email_key", [key])}
    return directory.leads(agent_id, lead_ids=sorted(ids))


def _by_link(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    hits = by_link(NameSearch(directory.people_index, agent_id, text, ()))
    return directory.leads(agent_id, lead_ids=[hit.lead_id for hit in hits]) if hits else []


def _by_phone(directory: PeopleDirectory, agent_id: str, text: str) -> Sequence[Lead]:
    """By the stored number; without a country code, also by a number's ending in any country."""
    keys = matching.possible_phone_keys(text)
    as_typed, without_country_code = keys[:2], keys[2:]
    if matching.is_international(text):
        return _with_numbers(directory, agent_id, as_typed) or _with_numbers(
            directory, agent_id, without_country_code
        )
    at_home = (phone_key(text, region) for region in MOBILE_DIGIT_REGIONS)
    found = _with_numbers(directory, agent_id, [*as_typed, *filter(None, at_home)])
    ids = {lead.lead_id for lead in found}
    search = NameSearch(directory.people_index, agent_id, text, ())
    for ending in matching.phone_endings(text):
        if hits := by_phone_ending(search, ending):
            ids |= {hit.lead_id for hit in hits}
            break
    return directory.leads(agent_id, lead_ids=sorted(ids))


def _with_numbers(directory: PeopleDirectory, agent_id: str, keys: Sequence[str]) -> Sequence[Lead]:
    """Leads with one of these numbers, also where it is the second one in its field."""
    search = NameSearch(directory.people_index, agent_id, "", ())
    hits = search.hits(exact(index_terms.PHONE, [key[::-1] for key in keys]))
    return directory.leads(agent_id, lead_ids=[hit.lead_id for hit in hits]) if hits else []
