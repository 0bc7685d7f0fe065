"""What an answer says of conditions that name a stage or a state which no row has.

The other values of such a condition still apply. Where nothing is found because of it, the answer
lists what is valid (`empty_lists`).
"""

from convocore_mcp.fields.conditions import Condition, Operator
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.question import WHERE, Question
from convocore_mcp.vocabulary import STAGES, STATES
from convocore_mcp.words.folding import fold

_DOCUMENTED = {"stage": frozenset(map(fold, STAGES)), "state": frozenset(map(fold, STATES))}
"""The fields whose values are documented, though other values occur too."""


async def unknown_values(backend: Backend, question: Question) -> list[str]:
    """A note for each stage or state that a condition names beside others, and that no row has."""
    notes = []
    for requirement in question.query.requirements:
        if requirement.argument != WHERE:
            continue
        for condition in requirement.conditions:
            named = _undocumented(condition)
            if not named:
                continue
            in_use: set[str] = set()
            for agent in question.query.agents:
                field = condition.field.name
                found = await backend.read(backend.mirror_reader.field_values, agent, field)
                in_use.update(map(fold, found))
            notes += [
                f"{condition.text}: no row has {value!r}. Values stand between bars: a|b."
                for value in named
                if fold(value) not in in_use
            ]
    return notes


def _undocumented(condition: Condition) -> list[str]:
    """The values of a condition that are not documented; none where it is their only one."""
    documented = _DOCUMENTED.get(condition.field.name)
    several = condition.operator is Operator.EQUAL and len(condition.operands) > 1
    if documented is None or not (several or condition.operator is Operator.NOT_EQUAL):
        return []
    values = (str(operand).strip() for operand in condition.operands)
    return [value for value in values if fold(value) not in documented]
