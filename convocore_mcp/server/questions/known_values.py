"""Stages and states as Convocore spells them; one that is neither documented nor in use is refused.

Source: docs/contract.md, "Rules for every answer".
"""

from dataclasses import replace

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.models import Freshness
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.question import Question, build_question
from convocore_mcp.server.tools.arguments import canonical_values
from convocore_mcp.vocabulary import STAGES, STATES


async def with_known_values(backend: Backend, question: Question, freshness: Freshness) -> Question:
    """`question` with its stages and states as Convocore spells them.

    Raises:
        InvalidArgumentError: a stage or state is neither documented nor in the mirror.
    """
    given, query = question.arguments, question.query
    try:
        known = replace(
            given,
            stage=await _canonical(backend, query.agents, "stage", given.stage, STAGES),
            state=await _canonical(backend, query.agents, "state", given.state, STATES),
        )
    except InvalidArgumentError as error:
        if freshness.complete:
            raise
        hint = f"{error.hint} The list has not been read completely yet: there may be others."
        raise InvalidArgumentError(error.message, hint=hint) from None
    if known == given:
        return question
    return build_question(
        query.rows, query.agents, known, clock=query.clock, hot_from=query.hot_from
    )


async def _canonical(
    backend: Backend,
    agents: tuple[str, ...],
    name: str,
    given: tuple[str, ...],
    documented: tuple[str, ...],
) -> tuple[str, ...]:
    if set(given) <= set(documented):
        return given
    undocumented = [
        value
        for agent in agents
        for value in await backend.read(backend.mirror_reader.field_values, agent, name)
    ]
    return canonical_values(name, given, (*documented, *undocumented))
