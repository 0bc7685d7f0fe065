"""Completing arguments of prompts and parameters of resource templates, from the mirror.

Nothing here waits for Convocore: a mirror that is still empty completes nothing, and neither does
a server without settings, of which every tool says what to do. What is no prompt and no template of
ours completes to nothing, as the conformance suite has it.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
    ResourceTemplateReference,
)

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import App, Backend
from convocore_mcp.server.sanitize import sanitize_text
from convocore_mcp.vocabulary import STAGES

if TYPE_CHECKING:  # not needed to list the tools
    from convocore_mcp.models import Lead
    from convocore_mcp.store.read.completion import CompletionReader
    from convocore_mcp.store.read.mirror_reader import MirrorReader

log = logging.getLogger(__name__)

MOST = 100
"""Values in one answer, says the protocol."""
LONGEST = 200
"""Characters of what has been typed so far that are looked at."""
LIMITS = ("20", "50", "100")
NAME = 120
"""Characters of a name."""
Reference = PromptReference | ResourceTemplateReference


def add_completions(server: MCPServer[App], app: App) -> None:
    """Complete whatever a prompt or a template takes."""

    async def complete(
        _: ServerRequestContext[Any, Any], params: CompleteRequestParams
    ) -> CompleteResult:
        argument = params.argument
        known = await _known(server, params.ref, argument.name)
        typed = argument.value.strip()[:LONGEST]
        agent = ((params.context and params.context.arguments) or {}).get("agent_id", "")
        try:
            values = await _values(app, argument.name, typed, agent) if known else []
            found = list(dict.fromkeys(values))
        except ConvocoreError as error:
            log.info("Nothing can be completed: %s", error.message)
            found = []
        more = len(found) > MOST
        total = None if more else len(found)
        return CompleteResult(
            completion=Completion(values=found[:MOST], total=total, has_more=more)
        )

    low = server._lowlevel_server  # noqa: SLF001  its decorator has no types
    low.add_request_handler("completion/complete", CompleteRequestParams, complete)


async def _known(server: MCPServer[App], ref: Reference, name: str) -> bool:
    """Whether there is such a prompt or template.

    Raises:
        MCPError: there is, but it takes no such argument; it says which ones it does take.
    """
    if isinstance(ref, PromptReference):
        asked = ref.name
        known = {p.name: [a.name for a in p.arguments or ()] for p in await server.list_prompts()}
    else:
        asked = ref.uri
        known = {
            t.uri_template: UriTemplate.parse(t.uri_template).variable_names
            for t in await server.list_resource_templates()
        }
    if asked in known and name not in known[asked]:
        told = f"{asked} has no argument {name[:LONGEST]!r}. Valid: {', '.join(known[asked])}."
        raise MCPError(code=INVALID_PARAMS, message=told)
    return asked in known


async def _values(app: App, name: str, typed: str, agent: str) -> list[str]:
    if name == "limit":
        return _beginning(LIMITS, typed)
    if name == "agent_id":
        return _beginning(await app.agents(), typed)
    if name == "cursor":
        return []  # only a page before knows it
    backend = await app.backend()
    agents = [known for known in backend.agents if agent in {known, ""}]
    return await backend.read(_read, backend, name, typed, agents)


def _read(backend: Backend, name: str, typed: str, agents: list[str]) -> list[str]:
    """What the mirror knows, in one go in a thread."""
    found: list[str] = []
    for agent in agents:
        if name == "stage":
            found += _stages(backend.mirror_reader, agent, typed)
        elif name == "conversation_id":
            found += backend.completion_reader.conversation_ids(agent, typed, limit=MOST + 1)
        else:
            found += _people(backend.completion_reader, agent, typed, by_id=name == "lead_id")
    return found


def _stages(mirror_reader: "MirrorReader", agent: str, typed: str) -> list[str]:
    occurring = (sanitize_text(stage, NAME) for stage in mirror_reader.field_values(agent, "stage"))
    return _beginning([*STAGES, *occurring], typed)


def _people(
    completion_reader: "CompletionReader", agent: str, typed: str, *, by_id: bool
) -> list[str]:
    """Leads by the beginnings of their names, and by the beginning of their ids.

    A template wants the id. In a prompt people read the value: their name, with the company where
    two have the same name, and the id where that does not tell them apart either.
    """
    from convocore_mcp.leads.keys import words  # noqa: PLC0415  not needed to list the tools

    beginnings = words(typed)
    people = (
        completion_reader.leads_by_name(agent, beginnings, limit=MOST + 1)
        if beginnings or not typed
        else []
    )
    ids = completion_reader.lead_ids(agent, typed, limit=MOST + 1) if typed else []
    return [*ids, *(lead.lead_id for lead in people)] if by_id else [*_called(people), *ids]


def _called(people: "list[Lead]") -> list[str]:
    names = {lead.lead_id: sanitize_text(lead.name or "", NAME) for lead in people}
    full = {
        lead.lead_id: f"{names[lead.lead_id]}, {sanitize_text(lead.company, NAME)}"
        if lead.company
        else ""
        for lead in people
    }
    often, fully = (Counter(map(str.casefold, given.values())) for given in (names, full))
    found = []
    for id_, name in names.items():
        if often[name.casefold()] == 1:
            found.append(name)
        else:
            found.append(full[id_] if full[id_] and fully[full[id_].casefold()] == 1 else id_)
    return [name for name in found if name]


def _beginning(values: Iterable[str], typed: str) -> list[str]:
    return [value for value in values if value.casefold().startswith(typed.casefold())]
