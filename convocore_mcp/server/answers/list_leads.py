"""Answers `list_leads`: a page of people, with the merged values of their conversations."""

from collections.abc import Sequence

from convocore_mcp.fields.table import Rows
from convocore_mcp.models import ReadScope
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.excluded import count_excluded
from convocore_mcp.server.questions.known_values import with_known_values
from convocore_mcp.server.questions.question import applied_sort, build_question, read_sort
from convocore_mcp.server.questions.row_list import page_start, read_page, with_cursor
from convocore_mcp.server.questions.several_agents import read_agents
from convocore_mcp.server.questions.unknown_values import unknown_values
from convocore_mcp.server.questions.unread_fields import unread_fields
from convocore_mcp.server.requests import LeadsRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.views.answer_views import LeadList
from convocore_mcp.server.views.row_views import (
    BRIEF_LEAD,
    brief_lead_view,
    row_view,
    shown_fields,
)
from convocore_mcp.server.views.view_builders import freshness_view

LEADS_MOVED_NOTE = (
    "Leads changed since the first page: the pages go on as of that moment. Start again without "
    "cursor for the present state."
)


async def list_leads(backend: Backend, agents: Sequence[str], request: LeadsRequest) -> JsonObject:
    """One page, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a cursor, a condition, a field or a stage is not valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    start = page_start(backend, "list_leads", agents, request)
    question = build_question(Rows.LEADS, agents, request.filters, clock=start.clock)
    sort = read_sort(request.sort, rows=Rows.LEADS)
    fields = shown_fields(request.fields or BRIEF_LEAD, rows=Rows.LEADS, agents=len(agents))
    show = row_view if request.fields else brief_lead_view
    scope = ReadScope(since=question.window[0], people=True)
    read, freshness = await read_agents(backend, agents, scope)
    question = await with_known_values(backend, question.about(read), freshness)
    page = await backend.read_one_state(
        read_page, backend.rows, question, fields, sort, start, request.limit,
        lambda row: show(row, fields, zone=backend.zone),
    )  # fmt: skip
    shown = fields if request.fields else ()
    unknown = await unknown_values(backend, question)
    unread = await unread_fields(backend, question, [sort.field, *shown])
    excluded = await backend.read(count_excluded, backend.rows, question)
    view = LeadList(
        leads=[],
        total=page.total,
        applied={"sort": applied_sort(request.sort, rows=Rows.LEADS)} | question.applied(),
        excluded=excluded,
        relax=page.hints.relax,
        valid=page.hints.valid,
        freshness=freshness_view(
            freshness, *page.hints.notes, *unknown, *unread, *[LEADS_MOVED_NOTE] * page.moved
        ),
    )
    answer = sanitize_object(view) | {"leads": [sanitize_object(row) for row in page.rows]}
    return with_cursor(answer, "leads", page, start)
