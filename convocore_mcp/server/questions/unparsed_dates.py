"""What an answer says of dates that nobody can read: the CRM takes any text for one."""

from collections.abc import Iterable

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.table import BY_NAME
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.question import Question
from convocore_mcp.words.counted import counted

CLOSE = BY_NAME["expected_close"]


async def unparsed_dates(
    backend: Backend, question: Question, used: Iterable[FieldName | None]
) -> list[str]:
    """A note, if the answer uses the expected close and some of them are no dates."""
    compared = (c.field for r in question.query.requirements for c in r.conditions)
    if CLOSE not in (*used, *compared):
        return []
    count = await backend.read(backend.rows.unparsed_dates, question.query.agents)
    if not count:
        return []
    have = counted(count, "conversation has", "conversations have")
    note = "a text that is not one date, such as 02/03/2026, and counts as without it."
    return [f"expected_close: {have} {note.replace('counts', 'counts' if count == 1 else 'count')}"]
