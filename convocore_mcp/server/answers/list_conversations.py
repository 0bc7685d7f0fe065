"""Answers `list_conversations` and the resource `conversations`: a page of conversations.

A plain question (one agent, named filters, a named order) is answered from the indexes that the
mirror has for it (`_read_plain_page`), any other one from the field rows (`questions.row_list`).
"""

from collections.abc import Sequence

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.table import Field, Rows
from convocore_mcp.models import ReadScope
from convocore_mcp.server.answers.filters import (
    NO_CONDITIONS,
    build_filter,
    count_without_each,
)
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.empty_lists import hints
from convocore_mcp.server.questions.known_values import with_known_values
from convocore_mcp.server.questions.question import (
    NAMED_SORTS,
    Question,
    applied_sort,
    build_question,
    read_sort,
)
from convocore_mcp.server.questions.row_list import (
    Page,
    PageStart,
    page_start,
    read_page,
    with_cursor,
)
from convocore_mcp.server.questions.several_agents import read_agents
from convocore_mcp.server.questions.unknown_values import unknown_values
from convocore_mcp.server.questions.unread_fields import unread_fields
from convocore_mcp.server.requests import ConversationsRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.views.answer_views import ConversationList
from convocore_mcp.server.views.row_views import (
    BRIEF_CONVERSATION,
    FULL_CONVERSATION,
    brief_view,
    row_view,
    shown_fields,
)
from convocore_mcp.server.views.view_builders import conversation_view, freshness_view


async def list_conversations(
    backend: Backend, agents: Sequence[str], request: ConversationsRequest
) -> JsonObject:
    """One page, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a cursor, a condition, a field, a stage or a state is not
            valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    # With `fields`, rows come from the field tables, whose sort keys differ in the cursor.
    tool = "list_conversations with fields" if request.fields else "list_conversations"
    start = page_start(backend, tool, agents, request)
    arguments = request.filters
    question = build_question(Rows.CONVERSATIONS, agents, arguments, clock=start.clock)
    sort = read_sort(request.sort, rows=Rows.CONVERSATIONS)
    named = FULL_CONVERSATION if request.full else BRIEF_CONVERSATION
    fields = shown_fields(request.fields or named, rows=Rows.CONVERSATIONS, agents=len(agents))
    plain = _is_plain(agents, request)
    scope = _read_scope(question, request, [*fields, sort.field], plain=plain)
    read, freshness = await read_agents(backend, agents, scope)
    question = await with_known_values(backend, question.about(read), freshness)
    if plain:
        page = await backend.read_one_state(
            _read_plain_page, backend, agents[0], request, question, start
        )
    else:
        show = row_view if request.fields else brief_view
        page = await backend.read_one_state(
            read_page, backend.rows, question, fields, sort, start, request.limit,
            lambda row: show(row, fields, zone=backend.zone),
        )  # fmt: skip
    shown = fields if request.fields else ()
    unknown = await unknown_values(backend, question)
    unread = await unread_fields(backend, question, [sort.field, *shown])
    view = ConversationList(
        conversations=[],
        total=page.total,
        applied={"sort": applied_sort(request.sort, rows=Rows.CONVERSATIONS)} | question.applied(),
        relax=page.hints.relax,
        valid=page.hints.valid,
        freshness=freshness_view(freshness, *page.hints.notes, *unknown, *unread),
    )
    answer = sanitize_object(view) | {"conversations": [sanitize_object(r) for r in page.rows]}
    return with_cursor(answer, "conversations", page, start)


def _is_plain(agents: Sequence[str], request: ConversationsRequest) -> bool:
    """Whether the mirror has indexes for the question. What is overdue depends on the time."""
    filters = request.filters
    return (
        len(agents) == 1
        and request.sort.strip().lower() in NAMED_SORTS
        and not request.fields
        and not filters.where
        and "overdue" not in filters.attention
    )


def _read_scope(
    question: Question,
    request: ConversationsRequest,
    used: Sequence[FieldName | None],
    *,
    plain: bool,
) -> ReadScope:
    """What the answer depends on; it shows and sorts by the fields `used`.

    Only the first page of the newest conversations needs no more than its rows.
    """
    newest = (
        plain
        and request.sort.strip().lower() == "newest"
        and not request.cursor
        and build_filter(question) == NO_CONDITIONS
    )
    compared = [c.field for r in question.query.requirements for c in r.conditions]
    listed = all(isinstance(f, Field) and f.listed for f in (*used, *compared))
    return ReadScope(
        since=question.window[0],
        rows=request.limit + 1 if newest else None,
        details=bool(question.query.search) or not listed,
    )


def _read_plain_page(
    backend: Backend,
    agent_id: str,
    request: ConversationsRequest,
    question: Question,
    start: PageStart,
) -> Page:
    """Everything that one page needs, read in one call in a thread."""
    reader, conditions = backend.mirror_reader, build_filter(question)
    at = reader.sequence_number() if start.is_first else start.position.sequence_number
    # Counted first: a sorted search that matches nothing would look at every conversation.
    total = reader.count(agent_id, conditions, at=at)
    if not total:
        relax = count_without_each(reader, agent_id, conditions, at)
        empty_hints = hints(backend.rows, question, at=at, relax=relax)
        return Page([], [], more=False, total=0, sequence_number=at, hints=empty_hints)
    # One row more than asked for tells whether there is another page.
    found = reader.find(
        agent_id,
        conditions,
        sort=request.sort.strip().lower(),
        limit=request.limit + 1,
        at=at,
        after=start.after,
    )
    shown = found[: request.limit]
    return Page(
        rows=[sanitize_object(conversation_view(c, full=request.full)) for c, _ in shown],
        keys=[key for _, key in shown],
        more=len(found) > request.limit,
        total=total,
        sequence_number=at,
    )
