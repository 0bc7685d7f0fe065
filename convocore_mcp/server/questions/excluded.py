"""What takes no part in leads by rule: conversations marked as a test or blocked."""

from dataclasses import replace

from convocore_mcp.fields.conditions import Condition, Operator
from convocore_mcp.fields.row_query import Requirement
from convocore_mcp.fields.table import BY_NAME, Rows
from convocore_mcp.server.questions.question import Question
from convocore_mcp.server.row_queries import RowQueries


def count_excluded(reader: RowQueries, question: Question) -> dict[str, int]:
    """How many conversations of the window are marked `tests` and, of the others, `blocked`."""
    window = tuple(
        requirement
        for requirement in question.query.requirements
        if requirement.argument in {"since", "until"}
    )
    query = replace(question.query, rows=Rows.CONVERSATIONS, requirements=window, search="")
    at = reader.sequence_number()

    def count(*marks: Condition) -> int:
        marked = tuple(Requirement(mark.text, (mark,)) for mark in marks)
        return reader.count(replace(query, requirements=(*window, *marked)), at=at)

    return {
        "tests": count(_mark("test", marked=True)),
        "blocked": count(_mark("blocked", marked=True), _mark("test", marked=False)),
    }


def _mark(name: str, *, marked: bool) -> Condition:
    return Condition(BY_NAME[name], Operator.EQUAL, (marked,), f"{name}={str(marked).lower()}")
