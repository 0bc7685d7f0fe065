"""What answers without rows say: how many rows there would be without each filter, and what exists.

Source: docs/contract.md, "Rules for every answer".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from convocore_mcp.fields.conditions import Condition, Operator
from convocore_mcp.fields.row_query import Requirement, RowQuery
from convocore_mcp.fields.table import Field, Kind
from convocore_mcp.server.questions.question import WHERE, Question
from convocore_mcp.server.row_queries import RowQueries
from convocore_mcp.server.tools.arguments import nearest_first
from convocore_mcp.words.queries import search_terms

MAX_VALID_VALUES = 30
"""Existing values that an answer lists where a filter names one that does not exist."""
MAX_LOOKED_UP = 5
"""Values of one filter that are looked up: each costs a count of the rows that have it."""
_NAMED_KINDS = {Kind.TEXT, Kind.CHOICE, Kind.LIST, Kind.ID}
"""Kinds of fields whose values a filter may name."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What may help where nothing was found; a part that would be empty is `None`."""

    relax: dict[str, int] | None = None
    """For each filter, how many rows there would be without it."""
    valid: dict[str, list[str]] | None = None
    """Where a filter names a value that no row has, the values that exist, nearest first."""
    notes: tuple[str, ...] = ()
    """Why nothing can be found, and how many values there are where not all of them are listed."""


NO_HINTS = Hints()


def hints(
    reader: RowQueries, question: Question, *, at: int, relax: dict[str, int] | None = None
) -> Hints:
    """The hints of an empty answer; `relax` is given if it was already counted in a faster way."""
    if relax is None:
        relax = {name: reader.count(query, at=at) for name, query in question.without_each_filter}
    valid: dict[str, list[str]] = {}
    notes = [
        f"{name}: it has no word and no number, and nothing else is searched for."
        for name in _without_words(question.query)
    ]
    for name, condition in _named_values(question.query):
        missing = _missing(reader, question.query, condition, at=at)
        if missing is None:
            continue
        rows, agents = question.query.rows, question.query.agents
        known = reader.values(rows, agents, condition.field, near=missing)
        shown = nearest_first(missing, known.values)[:MAX_VALID_VALUES]
        if shown:
            valid[name] = shown
        if known.more:
            notes.append(
                f"valid: of more than {known.total:,} values of {name}, the {len(shown)} nearest "
                "are listed."
            )
        elif len(shown) < known.total:
            notes.append(f"valid: {len(shown)} of {known.total} values of {name} are listed.")
    return Hints(relax or None, valid or None, tuple(notes))


def _without_words(query: RowQuery) -> Iterator[str]:
    """The names of the searches that consist of punctuation alone."""
    if query.search and not search_terms(query.search):
        yield "query"
    for requirement in query.requirements:
        for condition in requirement.conditions:
            has = condition.operator is Operator.HAS
            if has and not any(search_terms(str(operand)) for operand in condition.operands):
                yield condition.text


def _missing(reader: RowQueries, query: RowQuery, condition: Condition, *, at: int) -> str | None:
    """The first value of a condition that no row has."""
    for operand in condition.operands[:MAX_LOOKED_UP]:
        alone = replace(condition, operands=(operand,))
        having = replace(query, requirements=(Requirement(WHERE, (alone,)),), search="")
        if not reader.count(having, at=at):
            return str(operand)
    return None


def _named_values(query: RowQuery) -> Iterator[tuple[str, Condition]]:
    """The conditions that name values of a text, a choice or a list, with the name of each."""
    given = (r for r in query.requirements if r.argument != "attention")  # it names no values
    for requirement in given:
        for condition in requirement.conditions:
            field = condition.field
            named = not isinstance(field, Field) or field.kind in _NAMED_KINDS
            if named and condition.operator is Operator.EQUAL and condition.operands:
                argument = requirement.argument
                yield (field.name if argument == WHERE else argument), condition
