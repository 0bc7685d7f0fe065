"""What an answer says of dates that can't be read: the CRM accepts any text as a date."""

from collections.abc import Iterable

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.table import BY_NAME
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.question import Question
from convocore_mcp.words.counted import counted

_DATES = {
    "expected_close": (BY_NAME["expected_close"], BY_NAME["overdue_close"]),
    "demo": (BY_NAME["demo"],),
    "next_due": (BY_NAME["next_due"], BY_NAME["overdue_activity"]),
}
"""The date fields (`fields.reading`), each with the fields that follow from it."""


async def unparsed_dates(
    backend: Backend, question: Question, used: Iterable[FieldName | None]
) -> list[str]:
    """A note for each date field that the answer uses and that has texts which are no dates."""
    compared = (c.field for r in question.query.requirements for c in r.conditions)
    known = {*used, *compared}
    names = [name for name, fields in _DATES.items() if not known.isdisjoint(fields)]
    if not names:
        return []
    count = await backend.read(backend.rows.unparsed_dates, question.query.agents)
    return [_note(name, count[name]) for name in names if count.get(name)]


def _note(name: str, count: int) -> str:
    have = counted(count, "conversation has", "conversations have")
    counts = "counts" if count == 1 else "count"
    return (
        f"{name}: {have} a text that is not one date, such as 02/03/2026, and {counts} as "
        "without it."
    )
