"""Completes arguments of prompts and parameters of resource templates from the mirror.

Completing never waits for Convocore. The `_meta` of each result says how complete the mirror is. An
empty mirror completes nothing, and neither does a server without settings: every tool says what to
do about those. A reference to an unknown prompt or template completes to nothing, as the
conformance suite expects.
"""

import logging
from collections.abc import Iterable, Sequence

from mcp.server.mcpserver import MCPServer
from mcp.shared.uri_template import UriTemplate
from mcp_types import (
    CompleteRequestParams,
    CompleteResult,
    PromptReference,
    ResourceTemplateReference,
)

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext
from convocore_mcp.server.rendering import completion, protocol_error
from convocore_mcp.server.sanitize import JsonObject

log = logging.getLogger(__name__)

MAX_TYPED_LENGTH = 200
"""Characters of the typed text that are used."""
PAGE_SIZES = ("20", "50", "100")
READ_FROM_MIRROR = frozenset({"lead", "lead_id", "conversation_id"})
"""Arguments whose values are those that have been read."""
META_COVERAGE = "convocore/coverage"
"""The key in `_meta` under which a completion says how complete the mirror is."""
Reference = PromptReference | ResourceTemplateReference


def add_completions(server: MCPServer[App], app: App) -> None:
    """Complete every argument of a prompt and every parameter of a template."""

    async def answer(_: RequestContext, params: CompleteRequestParams) -> CompleteResult:
        argument = params.argument
        known = await _is_known(server, params.ref, argument.name)
        typed = argument.value.strip()[:MAX_TYPED_LENGTH]
        agent_id = ((params.context and params.context.arguments) or {}).get("agent_id", "").strip()
        coverage: JsonObject | None = None
        complete = True
        try:
            found = await _values(app, argument.name, typed, agent_id) if known else []
            if known and argument.name in READ_FROM_MIRROR:
                coverage = await _coverage(await app.backend(), argument.name, agent_id)
                complete = bool(coverage["complete"])
        except ConvocoreError as error:
            log.info("Nothing can be completed: %s", error.message)
            found, complete = [], False
        return completion(
            found,
            complete=complete,
            meta=None if coverage is None else {META_COVERAGE: coverage},
        )

    low_level = server._lowlevel_server  # noqa: SLF001  its decorator has no types
    low_level.add_request_handler("completion/complete", CompleteRequestParams, answer)


async def _is_known(server: MCPServer[App], reference: Reference, argument: str) -> bool:
    """Whether there is such a prompt or template.

    Raises:
        MCPError: there is, but it has no such argument; the message names those that it has.
    """
    if isinstance(reference, PromptReference):
        name = reference.name
        known = {p.name: [a.name for a in p.arguments or ()] for p in await server.list_prompts()}
    else:
        name = reference.uri
        known = {
            t.uri_template: UriTemplate.parse(t.uri_template).variable_names
            for t in await server.list_resource_templates()
        }
    if name in known and argument not in known[name]:
        raise protocol_error(
            f"{name} has no argument {argument[:MAX_TYPED_LENGTH]!r}. "
            f"Valid: {', '.join(known[name])}."
        )
    return name in known


async def _values(app: App, argument: str, typed: str, agent_id: str) -> list[str]:
    if argument == "limit":
        return _with_prefix(PAGE_SIZES, typed)
    if argument == "agent_id":
        return _with_prefix(await app.agents(), typed)
    if argument == "cursor":
        return []  # it comes from the page before
    backend = await app.backend()
    agents = _agents(backend, argument, agent_id)
    return await backend.answers.argument_values(argument, typed, agents)


def _agents(backend: Backend, argument: str, agent_id: str) -> Sequence[str]:
    """The agents whose values may follow: `agent_id` as prompts and resources read it.

    Raises:
        InvalidArgumentError: there is no such agent, so it is not known what it has.
    """
    if not agent_id:
        return backend.agents
    # A person is one agent's, so the arguments that name one do not take `all`.
    one = argument in READ_FROM_MIRROR
    return (backend.agent(agent_id),) if one else backend.chosen_agents(agent_id)


async def _coverage(backend: Backend, argument: str, agent_id: str) -> JsonObject:
    """How much of the agents' lists the values come from."""
    agents = _agents(backend, argument, agent_id)
    with backend.in_time():
        read = [await backend.read(backend.coverage, agent) for agent in agents]
    return {
        "complete": all(coverage.all_read for coverage in read),
        "conversations": sum(coverage.conversations for coverage in read),
    }


def _with_prefix(values: Iterable[str], typed: str) -> list[str]:
    return [value for value in values if value.casefold().startswith(typed.casefold())]
