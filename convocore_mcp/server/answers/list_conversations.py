"""Answers `list_conversations` and the resource `conversations`: a page of conversations."""

from dataclasses import astuple, dataclass, replace

from convocore_mcp.models import Conversation, Filter, ReadScope
from convocore_mcp.server.answers.cursor import Cursor, from_seconds, question_digest, to_seconds
from convocore_mcp.server.answers.filters import (
    NO_CONDITIONS,
    applied_filters,
    build_filter,
    count_without_each,
    with_canonical_values,
)
from convocore_mcp.server.answers.time_window import read_window
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.mirror_queries import MirrorQueries, SortKey
from convocore_mcp.server.requests import ConversationsRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import rows_within_limit
from convocore_mcp.server.views.answer_views import ConversationList
from convocore_mcp.server.views.view_builders import conversation_view, freshness_view

CURSOR_LENGTH = 500
"""Characters kept free for the cursor."""


async def list_conversations(
    backend: Backend, agent_id: str, request: ConversationsRequest
) -> JsonObject:
    """One page, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a cursor, a stage or a state is not valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    arguments, now = request.filters, backend.now()
    window = read_window(arguments.since, arguments.until, now=now)
    conditions = build_filter(arguments)
    question = question_digest(
        agent_id, request.sort, arguments.query.strip(), arguments.since, arguments.until,
        astuple(conditions),
    )  # fmt: skip
    start: Cursor | None = None
    if request.cursor:
        generation = backend.mirror_reader.generation
        start = Cursor.decode(request.cursor, question=question, generation=generation, now=now)
        window = from_seconds(start.window)
    conditions = replace(conditions, since=window[0], until=window[1])
    freshness = await backend.syncs.ensure_fresh(agent_id, _read_scope(conditions, request))
    page = await backend.read(
        _read_page, backend.mirror_reader, agent_id, conditions, request, start
    )
    answer = sanitize_object(
        ConversationList(
            conversations=[conversation_view(c, full=request.full) for c in page.rows],
            total=page.total,
            applied={"sort": request.sort} | applied_filters(page.conditions, arguments.query),
            excluded={},
            relax=page.relax,
            freshness=freshness_view(freshness),
        )
    )
    position = Cursor(
        question=question,
        generation=backend.mirror_reader.generation,
        sequence_number=page.sequence_number,
        issued=start.issued if start else int(now.timestamp()),
        window=to_seconds(window),
        after=(),
    )
    return _with_cursor(answer, page, position)


@dataclass(frozen=True, slots=True)
class _Page:
    """What was read from the mirror for one page."""

    conditions: Filter
    rows: list[Conversation]
    keys: list[SortKey]
    more: bool
    total: int
    sequence_number: int
    relax: dict[str, int] | None


def _read_scope(conditions: Filter, request: ConversationsRequest) -> ReadScope:
    """Only the first page of the newest conversations needs no more than its rows."""
    newest = request.sort == "newest" and not request.cursor and conditions == NO_CONDITIONS
    return ReadScope(since=conditions.since, rows=request.limit + 1 if newest else None)


def _read_page(
    mirror_reader: MirrorQueries,
    agent_id: str,
    conditions: Filter,
    request: ConversationsRequest,
    start: Cursor | None,
) -> _Page:
    """Everything that one page needs, read in one call in a thread."""
    conditions = with_canonical_values(mirror_reader, agent_id, conditions)
    sequence_number = start.sequence_number if start else mirror_reader.sequence_number()
    # Counted first: a sorted search that matches nothing would look at every conversation.
    total = mirror_reader.count(agent_id, conditions, at=sequence_number)
    found = []
    if total:  # one row more than asked for tells whether there is another page
        found = mirror_reader.find(
            agent_id,
            conditions,
            sort=request.sort,
            limit=request.limit + 1,
            at=sequence_number,
            after=start.after if start else None,
        )
    relax = None
    if not total:
        relax = count_without_each(mirror_reader, agent_id, conditions, sequence_number)
    return _Page(
        conditions=conditions,
        rows=[c for c, _ in found[: request.limit]],
        keys=[key for _, key in found[: request.limit]],
        more=len(found) > request.limit,
        total=total,
        sequence_number=sequence_number,
        relax=relax,
    )


def _with_cursor(answer: JsonObject, page: _Page, position: Cursor) -> JsonObject:
    """`answer` within the limit of characters: whole rows are dropped, the cursor leads to them."""
    rows = answer["conversations"]
    count = rows_within_limit(answer, "conversations", reserve=CURSOR_LENGTH)
    shown = answer | {"conversations": rows[:count]}
    if page.more or count < len(rows):
        shown["next_cursor"] = replace(position, after=page.keys[count - 1]).encode()
    return shown
