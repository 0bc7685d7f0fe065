"""Answers `get_lead` and the resource `lead`: one person."""

from collections.abc import Sized

from convocore_mcp.errors import InvalidArgumentError, MissingError
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.resolve import Match
from convocore_mcp.models import EVERYTHING, MAX_FOUND, Conversation, Freshness, Lead
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.not_found import with_coverage
from convocore_mcp.server.requests import MAX_PERSON_LENGTH
from convocore_mcp.server.sanitize import CUT, MAX_ITEMS, CutMark, JsonObject, sanitize_object
from convocore_mcp.server.size_limit import shorten_lists
from convocore_mcp.server.views.lead_views import LeadAnswer
from convocore_mcp.server.views.view_builders import candidate_view, freshness_view, lead_view

MAX_CONVERSATIONS = 20
"""Conversations listed of one lead, newest first."""
LISTS = (
    "conversations", "timeline", "next_steps", "tags", "extracted", "phones", "emails", "links",
    "said",
)  # fmt: skip
"""Lists that are shortened where a lead is too long for an answer."""
NOTES_RESERVE = 2_000
"""Characters kept free for `freshness` and its notes."""


async def get_lead(backend: Backend, agent_id: str, person: str) -> JsonObject:
    """The lead that `person` means, or the candidates, sanitized and within the limit.

    Raises:
        InvalidArgumentError: `person` is empty or too long.
        MissingError: it means nobody.
        ApiError: Convocore can't be read, and the mirror is still empty, or nobody in it fits.
    """
    if not person:
        raise InvalidArgumentError(
            "lead: the value is empty.", hint="Give a name, email, phone or id."
        )
    if len(person) > MAX_PERSON_LENGTH:  # in the URI of a resource, which no schema bounds
        raise InvalidArgumentError(
            f"lead: has more than {MAX_PERSON_LENGTH} characters.",
            hint="Give a name, email, phone or id.",
        )
    freshness = await backend.syncs.ensure_fresh(agent_id, EVERYTHING)
    try:
        match, conversations = await backend.read_one_state(_find, backend, agent_id, person)
        if await backend.details.enrich(conversations) != conversations:
            # The details may say that the conversations belong to another person.
            match, conversations = await backend.read_one_state(_find, backend, agent_id, person)
    except MissingError as error:
        raise with_coverage(error, freshness) from None
    if match.lead is None:
        return _candidates(match, freshness)
    lead = match.lead
    answer, notes = _lead_alone(backend, lead, conversations)
    rest = LeadAnswer(
        matched_on=match.field,
        ignored=list(match.ignored) or None,
        freshness=freshness_view(freshness, *notes),
    )
    return answer | sanitize_object(rest)


def _candidates(match: Match, freshness: Freshness) -> JsonObject:
    """Those who may be meant."""
    notes = []
    if match.total >= MAX_FOUND:
        notes.append(
            f"At least {MAX_FOUND:,} people fit; no more are counted. Ask with more words."
        )
    answer = LeadAnswer(
        candidates=[candidate_view(lead) for lead in match.leads],
        total=match.total,
        matched_on=match.field,
        ignored=list(match.ignored) or None,
        freshness=freshness_view(freshness, *notes),
    )
    return sanitize_object(answer)


def _find(backend: Backend, agent_id: str, person: str) -> tuple[Match, list[Conversation]]:
    """Who is meant, and if that is one lead, its conversations; in one call in a thread."""
    match = backend.find_person(agent_id, person)
    if match.lead is None:
        return match, []
    return match, backend.mirror_reader.conversations_of_leads(agent_id, [match.lead.lead_id])


def _lead_alone(
    backend: Backend, lead: Lead, conversations: list[Conversation]
) -> tuple[JsonObject, list[str]]:
    """`{"lead": ...}`, sanitized and within the limit; and what was left out, in sentences."""
    now = backend.now()
    profile = Profile(conversations, now=now, zone=backend.zone)
    view = lead_view(lead, profile, conversations[:MAX_CONVERSATIONS], now=now)
    answer = sanitize_object({"lead": view})
    lists = {name: answer["lead"][name] for name in LISTS if name in answer["lead"]}
    totals = {name: max(len(shown), _beyond(getattr(view, name))) for name, shown in lists.items()}
    for name, known in (("timeline", profile.events), ("said", profile.quotes)):
        if name in totals and len(known) > len(getattr(view, name)):
            totals[name] = len(known)
    for name, shown in lists.items():
        _drop_mark(shown, is_cut=totals[name] > MAX_ITEMS)
    shorten_lists(answer, lists, reserve=NOTES_RESERVE)
    notes = []
    for name, shown in lists.items():
        if len(shown) < totals[name] and name != "conversations":  # it has `conversations_total`
            notes.append(f"{name} is cut short: {len(shown)} of {totals[name]} are shown.")
        if not shown:
            del answer["lead"][name]
    return answer, notes


def _drop_mark(shown: list[object] | dict[str, object], *, is_cut: bool) -> None:
    """Take out what says that a list was cut: a note says so, with the numbers."""
    if isinstance(shown, dict):
        if is_cut:
            shown.pop(CUT, None)
    elif shown and isinstance(shown[-1], CutMark):
        shown.pop()


def _beyond(entries: Sized) -> int:
    """How many entries there are, if sanitizing leaves out some of them."""
    return len(entries) if len(entries) > MAX_ITEMS else 0
