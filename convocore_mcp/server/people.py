"""One person: what `get_lead` and the resource of a lead answer with."""

from typing import TYPE_CHECKING, Any

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.leads.profile import Profile
from convocore_mcp.models import Conversation, Lead
from convocore_mcp.server import shaping
from convocore_mcp.server.answers import LONGEST, compact, fit
from convocore_mcp.server.app import Backend
from convocore_mcp.server.finding import Match, look_up
from convocore_mcp.server.outbound import clean
from convocore_mcp.server.records import without_secrets

if TYPE_CHECKING:  # the server knows the mirror by what it is given
    from convocore_mcp.store.queries import Queries

TALKS = 30
"""Conversations listed of one lead, newest first."""
DROPPED = (
    "conversations", "timeline", "next_steps", "tags", "extracted", "phones", "emails", "links"
)  # fmt: skip
"""What is cut short in a lead that would not fit into an answer, the first first."""


async def lead_answer(backend: Backend, agent: str, text: str) -> dict[str, Any]:
    """The lead that `text` means, or the candidates, clean and within the limit of characters.

    Raises:
        InvalidArgumentError: `text` is empty.
        MissingError: it means nobody.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    if not text:
        raise InvalidArgumentError("lead: is empty.", hint="Give a name, email, phone or id.")
    fresh = await backend.upkeep.fresh(agent)
    match, talks = await backend.read(_read, backend.queries, agent, text)
    left_out: list[str] = []
    if len(match.leads) == 1:
        answer = await _lead(backend, match.leads[0], talks, left_out)
    else:
        named = [shaping.candidate(lead) for lead in match.leads]
        answer = {"candidates": clean(named), "total": match.total}
    freshness = clean(shaping.freshness(fresh, *left_out))
    return answer | {"matched_on": match.field, "freshness": freshness}


def _read(queries: "Queries", agent: str, text: str) -> tuple[Match, list[Conversation]]:
    """Who is meant, and if that is one person, their conversations; in one go in a thread."""
    match = look_up(queries, agent, text)
    one = [lead.lead_id for lead in match.leads] if len(match.leads) == 1 else []
    return match, queries.of_leads(agent, one) if one else []


async def _lead(
    backend: Backend, lead: Lead, talks: list[Conversation], left_out: list[str]
) -> dict[str, Any]:
    """`{"lead": ...}`, clean and within the limit of characters; says in `left_out` what is not."""
    now = backend.now()
    talks = await backend.singles.fill_in(talks)
    if len(talks) > TALKS:
        left_out.append(f"The newest {TALKS} of {len(talks)} conversations are listed.")
    view = shaping.lead_profile(lead, Profile(talks, now=now), talks[:TALKS], now=now)
    view["extracted"] = without_secrets(view["extracted"]) or None
    answer: dict[str, Any] = clean({"lead": view})
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
