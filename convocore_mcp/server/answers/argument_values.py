"""Answers completions: the values of an argument that begin with what has been typed."""

from collections import Counter
from collections.abc import Sequence

from convocore_mcp.models import Lead
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import sanitize_text
from convocore_mcp.vocabulary import STAGES
from convocore_mcp.words.folding import words

MAX_VALUES = 101
"""Values of one agent: one more than fit into an answer, to tell that there are more."""
MAX_NAME_LENGTH = 120
"""Characters of a name."""


async def argument_values(
    backend: Backend, argument: str, typed: str, agents: Sequence[str]
) -> list[str]:
    """Values of `argument` that begin with `typed`, of these agents. Does not wait for Convocore.

    The arguments are `stage`, `conversation_id`, `lead_id`, and `lead`, which takes names.
    """
    return await backend.read(_read_values, backend, argument, typed, agents)


def _read_values(backend: Backend, argument: str, typed: str, agents: Sequence[str]) -> list[str]:
    """The values that the mirror has, read in one call in a thread."""
    found: list[str] = []
    for agent_id in agents:
        if backend.coverage(agent_id).lost_at is not None:
            continue  # Convocore says there is no such agent: tools refuse to answer too
        if argument == "stage":
            found += _stages(backend, agent_id, typed)
        elif argument == "conversation_id":
            found += backend.completion_reader.conversation_ids(agent_id, typed, limit=MAX_VALUES)
        else:
            found += _people(backend, agent_id, typed, as_ids=argument == "lead_id")
    return found


def _stages(backend: Backend, agent_id: str, typed: str) -> list[str]:
    known = backend.mirror_reader.field_values(agent_id, "stage")
    stages = [*STAGES, *(sanitize_text(stage, MAX_NAME_LENGTH) for stage in known)]
    return [stage for stage in stages if stage.casefold().startswith(typed.casefold())]


def _people(backend: Backend, agent_id: str, typed: str, *, as_ids: bool) -> list[str]:
    """Leads with names that begin with the typed words, or with an ID that begins with the text.

    A template takes the ID. In a prompt people read the value, so it is the name: with the company
    where two leads have the same name, and the ID where both have the same company too.
    """
    reader = backend.completion_reader
    prefixes = words(typed)
    people = (
        reader.leads_by_name(agent_id, prefixes, limit=MAX_VALUES) if prefixes or not typed else []
    )
    ids = reader.lead_ids(agent_id, typed, limit=MAX_VALUES) if typed else []
    if as_ids:
        return [*ids, *(lead.lead_id for lead in people)]
    return [*_distinct_names(people), *ids]


def _distinct_names(people: Sequence[Lead]) -> list[str]:
    names = {lead.lead_id: sanitize_text(lead.name or "", MAX_NAME_LENGTH) for lead in people}
    with_company = {
        lead.lead_id: f"{names[lead.lead_id]}, {sanitize_text(lead.company, MAX_NAME_LENGTH)}"
        if lead.company
        else ""
        for lead in people
    }
    name_counts, company_counts = (
        Counter(map(str.casefold, texts.values())) for texts in (names, with_company)
    )
    found = []
    for lead_id, name in names.items():
        longer = with_company[lead_id]
        if name_counts[name.casefold()] == 1:
            found.append(name)
        elif longer and company_counts[longer.casefold()] == 1:
            found.append(longer)
        else:
            found.append(lead_id)
    return [name for name in found if name]
