"""One person: what `get_lead` and the resource of a lead answer with."""

from typing import TYPE_CHECKING, Any

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.resolve import Match, resolve
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.answers.conversation_record import without_secrets
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.rendering import LONGEST, compact, fit
from convocore_mcp.server.sanitize import sanitize

if TYPE_CHECKING:  # the server knows the mirror by what it is given
    from convocore_mcp.store.read.mirror_reader import MirrorReader

CONVERSATIONS_SHOWN = 30
"""Conversations listed of one lead, newest first."""
DROPPED = (
    "conversations", "timeline", "next_steps", "tags", "extracted", "phones", "emails", "links"
)  # fmt: skip
"""What is cut short in a lead that would not fit into an answer, the first first."""


async def get_lead_answer(backend: Backend, agent: str, text: str) -> dict[str, Any]:
    """The lead that `text` means, or the candidates, clean and within the limit of characters.

    Raises:
        InvalidArgumentError: `text` is empty.
        MissingError: it means nobody.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    if not text:
        raise InvalidArgumentError("lead: is empty.", hint="Give a name, email, phone or id.")
    fresh = await backend.agent_sync.fresh(agent)
    match, conversations = await backend.read(_read, backend.mirror_reader, agent, text)
    left_out: list[str] = []
    if len(match.leads) == 1:
        answer = await _lead(backend, match.leads[0], conversations, left_out)
    else:
        named = [view_builders.candidate(lead) for lead in match.leads]
        answer = {"candidates": sanitize(named), "total": match.total}
    freshness = sanitize(view_builders.freshness(fresh, *left_out))
    return answer | {"matched_on": match.field, "freshness": freshness}


def _read(mirror_reader: "MirrorReader", agent: str, text: str) -> tuple[Match, list[Conversation]]:
    """Who is meant, and if that is one person, their conversations; in one go in a thread."""
    match = resolve(mirror_reader, agent, text)
    one = [lead.lead_id for lead in match.leads] if len(match.leads) == 1 else []
    return match, mirror_reader.conversations_of_leads(agent, one) if one else []


async def _lead(
    backend: Backend, lead: Lead, conversations: list[Conversation], left_out: list[str]
) -> dict[str, Any]:
    """`{"lead": ...}`, clean and within the limit of characters; says in `left_out` what is not."""
    now = backend.now()
    conversations = await backend.details.enrich(conversations)
    if len(conversations) > CONVERSATIONS_SHOWN:
        left_out.append(
            f"The newest {CONVERSATIONS_SHOWN} of {len(conversations)} conversations are listed."
        )
    view = view_builders.lead_profile(
        lead, Profile(conversations, now=now), conversations[:CONVERSATIONS_SHOWN], now=now
    )
    view["extracted"] = without_secrets(view["extracted"]) or None
    answer: dict[str, Any] = sanitize({"lead": view})
    shown = answer["lead"]
    for name in DROPPED:
        over = len(compact(answer)) - LONGEST + 2_000
        if over <= 0:
            break
        if name not in shown:
            continue
        if isinstance(rows := shown[name], list):
            shown[name] = rows[: fit(rows, room=max(0, len(compact(rows)) - over))]
        else:
            del shown[name]
        left_out.append(f"{name} is cut short: an answer has at most 30,000 characters.")
    return answer
