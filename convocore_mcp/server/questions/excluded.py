"""What takes no part in leads by rule: conversations marked as a test or blocked."""

from convocore_mcp.server.questions.question import Question
from convocore_mcp.server.row_queries import RowQueries


def count_excluded(reader: RowQueries, question: Question) -> dict[str, int]:
    """How many conversations of the window are marked `tests` and, of the others, `blocked`."""
    since, until = question.window
    return reader.excluded(question.query.agents, since=since, until=until)
