"""A page of rows: of conversations or of leads, in any order, with any fields."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convocore_mcp.fields.grouping import FieldName, Sort
from convocore_mcp.fields.row_query import FoundRow, RowQuery
from convocore_mcp.fields.table import Rows
from convocore_mcp.fields.times import Clock
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.mirror_queries import SortKey
from convocore_mcp.server.questions.cursor import Cursor, question_digest
from convocore_mcp.server.questions.question import Question, named_values
from convocore_mcp.server.requests import ConversationsRequest, LeadsRequest
from convocore_mcp.server.row_queries import RowQueries
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.size_limit import rows_within_limit

CURSOR_LENGTH = 600
"""Characters kept free for the cursor."""
VALID_SHOWN = 30
"""Existing values that an answer lists where a filter names one that does not exist."""
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
    relax: dict[str, int] | None = None
    """Of an empty list: for each filter, how many rows there would be without it."""
    valid: dict[str, list[str]] | None = None
    """Of an empty list: the values that exist where a filter names one that does not."""


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
    if total:
        return page
    return replace(
        page,
        relax=count_without_each(reader, question, at=at) or None,
        valid=existing_values(reader, question.query) or None,
    )


def _moved(reader: RowQueries, question: Question, start: PageStart) -> bool:
    """Whether leads changed since the first page was read: their order is not that of a moment."""
    if start.is_first or question.query.rows is not Rows.LEADS:
        return False
    at = start.position.sequence_number
    return reader.leads_moved_since(question.query.agents, at=at)


def count_without_each(reader: RowQueries, question: Question, *, at: int) -> dict[str, int]:
    """For each filter in force, how many rows there would be without it."""
    return {name: reader.count(query, at=at) for name, query in question.in_force}


def existing_values(reader: RowQueries, query: RowQuery) -> dict[str, list[str]]:
    """For each filter that names a value which no row has, the values that exist."""
    found: dict[str, list[str]] = {}
    for name, condition in named_values(query):
        known = reader.values(query.rows, query.agents, condition.field)
        spellings = {value.casefold() for value in known}
        if not any(str(operand).casefold() in spellings for operand in condition.operands):
            found[name] = known[:VALID_SHOWN]
    return found


def with_cursor(answer: JsonObject, name: str, page: Page, start: PageStart) -> JsonObject:
    """`answer` within the limit of characters: whole rows are dropped, the cursor leads to them."""
    rows = answer[name]
    count = rows_within_limit(answer, name, reserve=CURSOR_LENGTH)
    shown = answer | {name: rows[:count]}
    if page.more or count < len(rows):
        position = replace(
            start.position, sequence_number=page.sequence_number, after=page.keys[count - 1]
        )
        shown["next_cursor"] = position.encode()
    if count < len(rows):
        freshness = shown["freshness"]
        note = f"{count} of {len(rows)} rows of this page fit; next_cursor leads to the others."
        shown["freshness"] = freshness | {"notes": [*freshness.get("notes", []), note]}
    return shown
