"""What an answer says of fields that are not read, or not to their end.

Dates that nobody can read, because the CRM takes any text for one, and very long captured values.
"""

from collections.abc import Iterable

from convocore_mcp.fields.captured_data import MAX_DATA_LENGTH
from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.reading import CAPTURED_DATA
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


async def unread_fields(
    backend: Backend, question: Question, used: Iterable[FieldName | None]
) -> list[str]:
    """A note for each field that the answer uses and that is unread in some conversations."""
    compared = (c.field for r in question.query.requirements for c in r.conditions)
    known = {*used, *compared}
    names = [name for name, fields in _DATES.items() if not known.isdisjoint(fields)]
    if any(isinstance(field, DataField) for field in known):
        names.append(CAPTURED_DATA)
    if not names:
        return []
    count = await backend.read(backend.rows.unread_fields, question.query.agents)
    return [_note(name, count[name]) for name in names if count.get(name)]


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
