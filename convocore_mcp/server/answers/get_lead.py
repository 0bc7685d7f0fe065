"""Answers `get_lead` and the resource `lead`: one person."""

from convocore_mcp.errors import InvalidArgumentError, MissingError
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.resolve import Match
from convocore_mcp.models import EVERYTHING, Conversation, Lead
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.not_found import with_coverage
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import MAX_CHARACTERS, shorten_fields
from convocore_mcp.server.views.lead_views import LeadAnswer
from convocore_mcp.server.views.view_builders import candidate_view, freshness_view, lead_view

CONVERSATIONS_SHOWN = 20
"""Conversations listed of one lead, newest first."""
SHORTENED_FIELDS = (
    "conversations", "timeline", "next_steps", "tags", "extracted", "phones", "emails", "links"
)  # fmt: skip
"""What is shortened in a lead that is too long for an answer, in this order."""
NOTES_LENGTH = 2_000
"""Characters kept free for `freshness` and its notes."""


async def get_lead(backend: Backend, agent_id: str, person: str) -> JsonObject:
    """The lead that `person` means, or the candidates, sanitized and within the limit.

    Raises:
        InvalidArgumentError: `person` is empty.
        MissingError: it means nobody.
        ApiError: Convocore can't be read, and the mirror is still empty, or nobody in it fits.
    """
    if not person:
        raise InvalidArgumentError("lead: is empty.", hint="Give a name, email, phone or id.")
    freshness = await backend.syncs.ensure_fresh(agent_id, EVERYTHING)
    try:
        match, conversations = await backend.read(_find, backend, agent_id, person)
        if await backend.details.enrich(conversations) != conversations:
            # The details may say that the conversations belong to another person.
            match, conversations = await backend.read(_find, backend, agent_id, person)
    except MissingError as error:
        raise with_coverage(error, freshness) from None
    if match.lead is None:
        return sanitize_object(
            LeadAnswer(
                candidates=[candidate_view(lead) for lead in match.leads],
                total=match.total,
                matched_on=match.field,
                ignored=list(match.ignored) or None,
                freshness=freshness_view(freshness),
            )
        )
    lead = match.lead
    answer = _lead_alone(backend, lead, conversations)
    notes = [
        f"{name} is cut short: an answer has at most {MAX_CHARACTERS:,} characters."
        for name in shorten_fields(answer, "lead", SHORTENED_FIELDS, reserve=NOTES_LENGTH)
    ]
    rest = LeadAnswer(
        matched_on=match.field,
        ignored=list(match.ignored) or None,
        freshness=freshness_view(freshness, *notes),
    )
    return answer | sanitize_object(rest)


def _find(backend: Backend, agent_id: str, person: str) -> tuple[Match, list[Conversation]]:
    """Who is meant, and if that is one lead, its conversations; in one call in a thread."""
    match = backend.find_person(agent_id, person)
    if match.lead is None:
        return match, []
    return match, backend.mirror_reader.conversations_of_leads(agent_id, [match.lead.lead_id])


def _lead_alone(backend: Backend, lead: Lead, conversations: list[Conversation]) -> JsonObject:
    """`{"lead": ...}`, sanitized, of any length."""
    now = backend.now()
    profile = Profile(conversations, now=now, zone=backend.zone)
    view = lead_view(lead, profile, conversations[:CONVERSATIONS_SHOWN], now=now)
    return sanitize_object({"lead": view})
