"""One person: what `get_lead` and the resource of a lead answer with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convocore_mcp.errors import InvalidArgumentError, MissingError
from convocore_mcp.leads import lookup
from convocore_mcp.leads.keys import email_key, words
from convocore_mcp.leads.profile import profile
from convocore_mcp.models import Lead
from convocore_mcp.server import shaping
from convocore_mcp.server.answers import LONGEST, compact, fit
from convocore_mcp.server.app import Backend
from convocore_mcp.server.outbound import clean
from convocore_mcp.server.records import without_secrets

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.queries import Queries

CANDIDATES = 20
"""Candidates named; `total` counts all of them, up to the limit of one look-up."""
MOST = 2_000
TALKS = 30
"""Conversations listed of one lead, newest first."""
DROPPED = (
    "conversations", "timeline", "next_steps", "tags", "extracted", "phones", "emails", "links"
)  # fmt: skip
"""What is cut short in a lead that would not fit into an answer, the first first."""
NAMED = 3
"""Nearest names suggested when nobody fits."""


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
    match = await backend.read(_look_up, backend.queries, agent, text)
    left_out: list[str] = []
    if len(match.leads) == 1:
        answer = await _lead(backend, agent, match.leads[0], left_out)
    else:
        named = [shaping.candidate(lead) for lead in match.leads[:CANDIDATES]]
        answer = {"candidates": clean(named), "total": len(match.leads)}
    freshness = clean(shaping.freshness(fresh, *left_out))
    return answer | {"matched_on": match.field, "freshness": freshness}


async def _lead(backend: Backend, agent: str, lead: Lead, left_out: list[str]) -> dict[str, Any]:
    """`{"lead": ...}`, clean and within the limit of characters; says in `left_out` what is not."""
    now = backend.now()
    talks = await backend.read(backend.queries.of_leads, agent, [lead.lead_id])
    if len(talks) > TALKS:
        left_out.append(f"The newest {TALKS} of {len(talks)} conversations are listed.")
    view = shaping.lead_profile(lead, profile(talks, now=now), talks[:TALKS], now=now)
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


@dataclass(frozen=True, slots=True)
class _Match:
    leads: Sequence[Lead]
    field: str


def _look_up(queries: "Queries", agent: str, text: str) -> _Match:
    """The leads that `text` means, by the first way that fits anybody.

    Raises:
        MissingError: it means nobody; the hint has the nearest names.
    """
    if found := queries.lead(agent, text):
        return _Match([found], "lead_id")
    for field, match in (
        ("conversation_id", queries.leads_with(agent, "id", [text])),
        ("email", _by_email(queries, agent, text)),
        ("phone", _by_phone(queries, agent, text)),
    ):
        if match:
            return _Match(match, field)
    if talk := queries.conversation(agent, text):
        reason = "a test" if talk.is_test else "blocked" if talk.is_blocked else "of nobody known"
        raise MissingError(
            f"That conversation is {reason}, so it belongs to no lead.",
            hint="list_conversations shows it.",
        )
    return _by_name(queries, agent, text)


def _by_email(queries: "Queries", agent: str, text: str) -> list[Lead]:
    key = email_key(text)
    return queries.leads_with(agent, "email_key", [key]) if key else []


def _by_phone(queries: "Queries", agent: str, text: str) -> list[Lead]:
    if not lookup.looks_like_phone(text):
        return []
    keys = lookup.phone_keys(text)
    if found := queries.leads_with(agent, "phone_key", keys[:2]):
        return found
    if found := queries.leads_with(agent, "phone_key", keys[2:]):
        return found
    for ending in lookup.phone_endings(text):
        if found := queries.leads_with_phone_ending(agent, ending):
            return found
    return []


def _by_name(queries: "Queries", agent: str, text: str) -> _Match:
    terms = words(text)
    # Whole words first: Jane must not drown in more Janets than are looked at.
    for form in (" {} ", " {}"):
        wanted = [[form.format(term)] for term in terms]
        if found := queries.leads_called(agent, wanted, limit=MOST):
            fitting = lookup.best(found, text)
            return _Match(fitting, lookup.matched_field(fitting[0], text))
    vocabulary = queries.name_words(agent) if terms else set()
    spelt = [lookup.spellings(term, vocabulary) for term in terms]
    if terms and all(spelt):
        alternatives = [[f" {word} " for word in similar] for similar in spelt]
        if found := queries.leads_called(agent, alternatives, limit=MOST):
            fitting = lookup.nearest(found, terms)
            return _Match(fitting, "similar name")
    near = [w for term in terms for w in lookup.spellings(term, vocabulary, cutoff=lookup.RELATED)]
    named = queries.leads_called(agent, [[f" {word} " for word in near]], limit=MOST)
    names = [lead.name or lead.company or lead.lead_id for lead in named if lead.name][:NAMED]
    hint = f"Nearest names: {', '.join(names)}." if names else "Nobody is called anything like it."
    raise MissingError(
        f"Nobody fits {text[:80]!r}.",
        hint=f"{hint} list_conversations with query searches messages and notes too.",
    )
