"""Notes on values that are not compared as they are written.

Dates that can't be read, because the CRM accepts any text as a date; captured values that are too
long; and stages and states in conditions that no row has.
"""

from collections.abc import Iterable

from convocore_mcp.fields.captured_data import MAX_DATA_LENGTH
from convocore_mcp.fields.conditions import DataField, Operator
from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.reading import CAPTURED_DATA
from convocore_mcp.fields.table import BY_NAME
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.question import WHERE, Question
from convocore_mcp.vocabulary import STAGES, STATES
from convocore_mcp.words.counted import counted
from convocore_mcp.words.folding import fold

_DATES = {
    "expected_close": (BY_NAME["expected_close"], BY_NAME["overdue_close"]),
    "demo": (BY_NAME["demo"],),
    "next_due": (BY_NAME["next_due"], BY_NAME["overdue_activity"]),
}
"""The date fields (`fields.reading`), each with the fields that follow from it."""
_VOCABULARIES = {"stage": STAGES, "state": STATES}
"""Fields with documented values; rows may have others."""
_EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
"""Operators whose operands are whole values."""


async def comparison_notes(
    backend: Backend, question: Question, used: Iterable[FieldName | None]
) -> list[str]:
    """Notes on what `question` compares and on the `used` fields.

    One for each date field with texts that are no dates, one if captured values were compared only
    in part, and one for each stage or state in a condition that no row has.
    """
    compared = (c.field for r in question.query.requirements for c in r.conditions)
    known = {*used, *compared}
    unknown = await _unknown_value_notes(backend, question)
    names = [name for name, fields in _DATES.items() if not known.isdisjoint(fields)]
    if any(isinstance(field, DataField) for field in known):
        names.append(CAPTURED_DATA)
    if not names:
        return unknown
    count = await backend.read(backend.rows.unparsed_dates, question.query.agents)
    return [*unknown, *(_note(name, count[name]) for name in names if count.get(name))]


async def _unknown_value_notes(backend: Backend, question: Question) -> list[str]:
    """A note for each stage or state in `where` that no row has, among several or after `!=`.

    An unknown value alone finds nothing, and an answer without rows lists the valid values.
    """
    notes = []
    for requirement in question.query.requirements:
        for condition in requirement.conditions if requirement.argument == WHERE else ():
            documented = _VOCABULARIES.get(condition.field.name)
            alone = condition.operator is Operator.EQUAL and len(condition.operands) == 1
            if documented is None or alone or condition.operator not in _EQUALITY:
                continue
            known = set(map(fold, documented))
            for agent in question.query.agents:
                name = condition.field.name
                in_use = await backend.read(backend.mirror_reader.field_values, agent, name)
                known.update(map(fold, in_use))
            notes += [
                f"{condition.text}: no row has {str(operand)!r}. Values stand between bars: a|b."
                for operand in condition.operands
                if fold(str(operand).strip()) not in known
            ]
    return notes


def _note(name: str, count: int) -> str:
    have = counted(count, "conversation has", "conversations have")
    if name == CAPTURED_DATA:
        return (
            f"data: {have} a captured value of more than {MAX_DATA_LENGTH:,} characters, and only "
            "these are compared."
        )
    counts = "counts" if count == 1 else "count"
    return (
        f"{name}: {have} a text that is not one date, such as 02/03/2026, and {counts} as "
        "without it."
    )
