"""Finds the leads that a text means: an id, an email, a phone number, a link, or (part of) a name.

The strategies are tried in a fixed order, surest first. The first one that finds anybody decides:
every lead that it finds is a candidate, and a single candidate is the answer. Nothing is guessed.

A text may hold more than what identifies somebody. Ids and contacts in it are looked up first. Of a
name all words are tried; then all but fillers (`from`, `Ltd`), also misspelt; then only the words
that fit anybody at all. `Match.ignored` names what was left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from convocore_mcp.errors import MissingError
from convocore_mcp.leads import index_terms, matching
from convocore_mcp.leads.name_search import (
    CONSONANTS,
    LAST_RESORT,
    STRATEGIES,
    Hit,
    NameSearch,
    by_whole_name,
    exact,
    nearest_names,
)
from convocore_mcp.leads.names.contact_search import PeopleDirectory, by_contacts
from convocore_mcp.leads.names.exact_names import exact_names_first
from convocore_mcp.leads.names.fitting_words import fitting_words
from convocore_mcp.leads.names.pasted_contacts import PastedContacts, unquoted, visible
from convocore_mcp.leads.names.typed_words import TypedWord, filler_indices, typed_words
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.words.folding import words
from convocore_mcp.words.shown_ids import ids_shown_as

MAX_CANDIDATES = 20
"""Candidates that are named; `Match.total` counts all, up to the limit of one look-up."""
MAX_SUGGESTIONS = 3
"""Nearest names that are suggested when nobody fits."""
_ID_LABELS = frozenset({"id", "lead", "lead_id", "leadid", "conversation", "conversation_id"})


@dataclass(frozen=True, slots=True)
class Match:
    """Who fits, most recently active first; `total` also counts those beyond the candidates."""

    leads: Sequence[Lead]
    total: int
    field: str
    """The field that fitted: `email`, `name`, `similar name`."""
    ignored: Sequence[str] = ()
    """What was typed and fits nobody, as it was written."""
    certain: bool = True
    """False if only a part of the typed name fits anybody: then even one lead is a candidate."""

    @property
    def lead(self) -> Lead | None:
        """The lead that is meant; `None` where the leads are candidates."""
        return self.leads[0] if self.certain and self.total == 1 else None


def resolve(directory: PeopleDirectory, agent_id: str, text: str) -> Match:
    """The leads that `text` means, found by the first strategy that finds anybody.

    Raises:
        MissingError: `text` means nobody. The hint has the nearest names.
    """
    ids = list(dict.fromkeys(_possible_ids(text)))
    for id_ in ids:
        if lead := directory.lead(agent_id, id_):
            return Match([lead], 1, "lead_id")
        if leads := directory.leads_with(agent_id, "id", [id_]):
            return Match(leads[:MAX_CANDIDATES], len(leads), "conversation_id")
    pasted = PastedContacts.of(visible(text))
    if found := by_contacts(directory, agent_id, pasted):
        return Match(found.leads[:MAX_CANDIDATES], len(found.leads), found.field, found.ignored)
    for id_ in ids:
        if conversation := directory.conversation(agent_id, id_):
            raise _belongs_to_no_lead(conversation)
    if shown := _with_placeholder_contact(directory, agent_id, unquoted(visible(text)), pasted.all):
        return shown
    # Contacts that nobody has are left out if there is a name beside them.
    if pasted.all and words(pasted.rest):
        return _by_name(directory, agent_id, pasted.rest, pasted.all)
    match = _by_name(directory, agent_id, unquoted(visible(text)), [])
    # Nobody has this address: it may be that of a namesake, or of a colleague.
    is_foreign = pasted.whole_emails and words(match.leads[0].name or "") != words(text)
    return replace(match, certain=match.certain and not is_foreign)


def _possible_ids(text: str) -> Iterator[str]:
    """`text`, and what in it may be an id: inside quotes, after a label, at the end of a URI."""
    yield from ids_shown_as(text)
    plain = unquoted(visible(text))
    yield from ids_shown_as(plain)
    label, colon, value = plain.partition(":")
    if colon and label.casefold().replace(" ", "_") in _ID_LABELS:
        yield from ids_shown_as(unquoted(value))
    if plain.startswith("convocore://"):
        yield unquote(plain.rpartition("/")[2])


def _with_placeholder_contact(
    directory: PeopleDirectory, agent_id: str, text: str, contacts: Sequence[str]
) -> Match | None:
    """The leads that are shown with a placeholder as a contact, or have it as a name.

    It identifies nobody, so they are candidates, even a single one.
    """
    search = NameSearch(directory.people_index, agent_id, text, ())
    forms = [*dict.fromkeys(map(index_terms.placeholder_form, (text, *contacts)))]
    kinds = {index_terms.PLACEHOLDER_EMAIL: "email", index_terms.PLACEHOLDER_PHONE: "phone"}
    for kind, field in kinds.items():
        if hits := search.hits(exact(kind, forms)):
            ids = list(dict.fromkeys(hit.lead_id for hit in (*by_whole_name(search), *hits)))
            leads = directory.leads(agent_id, lead_ids=ids)
            return Match(leads[:MAX_CANDIDATES], len(leads), field, certain=False)
    return None


def _by_name(directory: PeopleDirectory, agent_id: str, text: str, ignored: Sequence[str]) -> Match:
    """Who fits all words; else all but fillers; else the words that fit anybody.

    Raises:
        MissingError: nobody does.
    """
    typed, left_out = typed_words(text)
    if left_out:
        text = " ".join(word.written for word in typed)
    fillers = filler_indices(typed)
    search = NameSearch(directory.people_index, agent_id, text, typed, fillers)
    searches = [search]
    if fillers and len(fillers) < len(typed):
        searches.append(search.keeping([i for i in range(len(typed)) if i not in fillers]))
    attempts = [(one, strategy) for one in searches for strategy in STRATEGIES]
    for attempt, (field, strategy) in (*attempts, (searches[-1], LAST_RESORT)):
        if hits := strategy(attempt):
            best, found_by = exact_names_first(attempt, hits, searches[-1])
            found_in = field if found_by is attempt else "name"
            unused = [*ignored, *left_out, *_others(typed, found_by)]
            return _match(directory, found_by, best, found_in, unused)
    named = searches[-1].keeping(fitting_words(searches[-1]))
    for field, strategy in STRATEGIES if named.words else ():
        if hits := strategy(named):
            unused = [*ignored, *left_out, *_others(typed, named)]
            match = _match(directory, named, hits, field, unused)
            is_full_name = len(named.tokens) > 1 and matching.with_exact_name(hits[:1], named.text)
            return replace(match, certain=bool(is_full_name))
    raise _nobody_fits(searches[-1])


def _others(typed: Sequence[TypedWord], search: NameSearch) -> list[str]:
    return [word.written for word in typed if word not in search.words]


def _match(
    directory: PeopleDirectory,
    search: NameSearch,
    hits: Sequence[Hit],
    found_in: str | None,
    ignored: Sequence[str],
) -> Match:
    ids = [hit.lead_id for hit in hits[:MAX_CANDIDATES]]
    by_id = {lead.lead_id: lead for lead in directory.leads(search.agent_id, lead_ids=ids)}
    leads = [by_id[lead_id] for lead_id in ids if lead_id in by_id]
    field = found_in or matching.matched_field(leads[0], search.tokens)
    if len(hits) == 1:  # a title that is part of the lead's name was not ignored
        own_words = {*words(leads[0].name or ""), *words(leads[0].company or "")}
        ignored = [part for part in ignored if not own_words.issuperset(words(part))]
    # An email or company that has the words says little if the person's name has none of them.
    by_name_too = matching.has_any_word(leads[0].name, search.tokens)
    certain = field != "name and email" or leads[0].name is None or by_name_too
    certain = certain and field != CONSONANTS
    if field == "link":  # `instagram.com/ann` may be somebody else than `instagram.com/anna`
        certain = matching.has_link_below(hits[0], search.text)
    return Match(leads, len(hits), field, ignored, certain=certain)


def _belongs_to_no_lead(conversation: Conversation) -> MissingError:
    reason = "without a contact"
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
    hint = f"Nearest names: {', '.join(names)}." if names else "No name is similar."
    return MissingError(
        f"Nobody fits {search.text[:80]!r}.",
        hint=f"{hint} list_conversations with query searches messages and notes too.",
        names=names,
    )
