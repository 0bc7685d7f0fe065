"""A page of rows: of conversations or of leads, in any order, with any fields."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convocore_mcp.fields.grouping import FieldName, Sort
from convocore_mcp.fields.row_query import FoundRow, SortKey
from convocore_mcp.fields.table import Rows
from convocore_mcp.fields.times import Clock
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.cursor import Cursor, question_digest
from convocore_mcp.server.questions.empty_lists import NO_HINTS, Hints, hints
from convocore_mcp.server.questions.question import Question
from convocore_mcp.server.requests import ConversationsRequest, LeadsRequest
from convocore_mcp.server.row_queries import RowQueries
from convocore_mcp.server.sanitize import CutMark, JsonObject
from convocore_mcp.server.size_limit import rows_within_limit, shorten_lists
from convocore_mcp.words.counted import counted

CURSOR_RESERVE, NOTES_RESERVE = 600, 400
"""Characters kept free for the cursor, and for notes about what was left out."""
ListRequest = ConversationsRequest | LeadsRequest


@dataclass(frozen=True, slots=True)
class PageStart:
    """Where a page begins: the first page's moment, and the cursor of the page before."""

    clock: Clock
    position: Cursor
    after: SortKey | None
    """`None` on the first page."""

    @property
    def is_first(self) -> bool:
        """Whether this is the first page."""
        return self.after is None


def page_start(
    backend: Backend, tool: str, agents: Sequence[str], request: ListRequest
) -> PageStart:
    """Where the page that `request` asks for begins.

    Raises:
        InvalidArgumentError: the cursor is damaged, too old, or belongs to another question.
    """
    filters = request.filters
    arguments = [getattr(filters, name) for name in filters.__slots__]
    question = question_digest(tool, list(agents), request.sort.strip().lower(), arguments)
    generation = backend.mirror_reader.generation
    clock = backend.clock()
    if not request.cursor:
        position = Cursor(question, generation, 0, int(clock.now.timestamp()), ())
        return PageStart(clock, position, None)
    start = Cursor.decode(
        request.cursor, question=question, generation=generation, now=backend.now()
    )
    return PageStart(Clock(start.issued_at, clock.zone), start, start.after)


@dataclass(frozen=True, slots=True)
class Page:
    """What was read from the mirror for one page."""

    rows: list[JsonObject]
    keys: list[SortKey]
    more: bool
    total: int
    sequence_number: int
    moved: bool = False
    """Leads changed since the first page was read."""
    hints: Hints = NO_HINTS
    """Of an empty list: what would be found otherwise."""


def read_page(
    reader: RowQueries,
    question: Question,
    fields: Sequence[FieldName],
    sort: Sort,
    start: PageStart,
    limit: int,
    view: Callable[[FoundRow], JsonObject],
) -> Page:
    """Everything that one page needs, read in one call in a thread."""
    at = reader.sequence_number() if start.is_first else start.position.sequence_number
    # Counted first: a sorted search that matches nothing would look at every row.
    total = reader.count(question.query, at=at)
    found: list[FoundRow] = []
    if total:  # one row more than asked for tells whether there is another page
        found = reader.find(
            question.query, fields=fields, sort=sort, limit=limit + 1, at=at, after=start.after
        )
    shown = found[:limit]
    page = Page(
        rows=[view(row) for row in shown],
        keys=[row.key for row in shown],
        more=len(found) > limit,
        total=total,
        sequence_number=at,
        moved=_moved(reader, question, start),
    )
    return page if total else replace(page, hints=hints(reader, question, at=at))


def _moved(reader: RowQueries, question: Question, start: PageStart) -> bool:
    """Whether leads changed since the first page was read; the pages go on as of that moment."""
    if start.is_first or question.query.rows is not Rows.LEADS:
        return False
    at = start.position.sequence_number
    return reader.leads_moved_since(question.query.agents, at=at)


def with_cursor(answer: JsonObject, name: str, page: Page, start: PageStart) -> JsonObject:
    """`answer` within the limit of characters: whole rows are dropped, the cursor leads to them.

    Where one row alone is too long, its lists are shortened.
    """
    rows = answer[name]
    count = rows_within_limit(answer, name, reserve=CURSOR_RESERVE)
    shown = answer | {name: rows[:count]}
    if page.more or count < len(rows):
        position = replace(
            start.position, sequence_number=page.sequence_number, after=page.keys[count - 1]
        )
        shown["next_cursor"] = position.encode()
    notes = _shorten_row(shown, rows[0]) if count == 1 else []
    if count < len(rows):
        notes.append(
            f"{count} of {counted(len(rows), 'row')} of this page fit; "
            "next_cursor leads to the others."
        )
    if notes:
        freshness = shown["freshness"]
        shown["freshness"] = freshness | {"notes": [*freshness.get("notes", []), *notes]}
    return shown


def _shorten_row(answer: JsonObject, row: JsonObject) -> list[str]:
    """Shorten the lists of the only row until the answer fits; what is left of them."""
    lists = {name: value for name, value in row.items() if isinstance(value, list)}
    totals = {name: _true_length(items) for name, items in lists.items()}
    lengths = {name: len(items) for name, items in lists.items()}
    shorten_lists(answer, lists, reserve=NOTES_RESERVE)
    return [
        f"{name}: {len(items)} of {totals[name]} are shown."
        for name, items in lists.items()
        if len(items) < lengths[name]
    ]


def _true_length(items: list[object]) -> int:
    """The number of entries, with those for which a mark stands; shortening drops it first."""
    mark = items[-1] if items else None
    return len(items) - 1 + mark.more if isinstance(mark, CutMark) else len(items)
