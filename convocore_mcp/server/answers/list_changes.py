"""Answers `list_changes`: what happened since last time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.captured_data import without_secrets
from convocore_mcp.leads.hotness import is_hot
from convocore_mcp.models import EVERYTHING, Change, Conversation, Lead
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.mirror_queries import ChangeQueries, MirrorQueries
from convocore_mcp.server.questions.cursor import Cursor, question_digest
from convocore_mcp.server.questions.time_window import read_window
from convocore_mcp.server.requests import ChangesRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object, sanitize_rows
from convocore_mcp.server.size_limit import rows_within_limit
from convocore_mcp.server.views.answer_views import ChangeView, ConversationView
from convocore_mcp.server.views.view_builders import conversation_view, freshness_view, rfc3339

KINDS = ("created", "updated", "removed")
UNKNOWN = "none"
"""Stands for a value that is missing before or after a change: an answer holds no `null`."""
CURSOR_LENGTH = 1_000
"""Characters kept free for the cursor and the notes."""
SHOWN_FIELDS = tuple(f.name for f in fields(ConversationView) if f.name != "lead_id")
"""The fields of a conversation that are compared under the names that answers use."""
RENAMED_FIELDS = frozenset({
    "id", "user_name", "user_company", "origin", "state", "stage", "hot_label", "lead_score",
    "value", "currency", "tags", "assigned_to", "chat_assigned_to", "ts", "last_message_ts",
    "handoff_history", "messages_num", "last_message", "summary", "user_email", "user_phone",
    "title", "notes", "note", "source", "language", "lang", "country_code", "expected_close_date",
    "rating_from5", "is_test", "is_blocked",
})  # fmt: skip
"""Fields of a record that a view shows under a name of its own."""


async def list_changes(backend: Backend, agent_id: str, request: ChangesRequest) -> JsonObject:
    """Changes, oldest first, sanitized and within the limit of characters, and the next cursor.

    Raises:
        InvalidArgumentError: a time or a cursor is not valid, or the cursor is too old.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    now = backend.now()
    since, _ = read_window(request.since, "", clock=backend.clock())
    freshness = await backend.syncs.ensure_fresh(agent_id, EVERYTHING)
    generation = backend.mirror_reader.generation
    # Not a digest of the other arguments: the next call may ask for other kinds, or for fewer.
    question = question_digest("changes", agent_id)
    start: int | None = None
    if request.cursor:
        start = Cursor.decode(
            request.cursor, question=question, generation=generation, now=None
        ).sequence_number
    start_at = _Start(start, None if start else since)
    page = await backend.read(
        _read_changes, backend.change_log, backend.mirror_reader, agent_id, request, start_at
    )
    rows = sanitize_rows([_change_view(change, page.leads) for change in page.changes])
    without_notes = {"changes": rows, "freshness": sanitize_object(freshness_view(freshness))}
    count = rows_within_limit(without_notes, "changes", reserve=CURSOR_LENGTH)
    more = page.more or count < len(page.changes)
    following = Cursor(
        question=question,
        generation=generation,
        sequence_number=page.changes[count - 1].sequence_number if more else page.upto,
        issued=int(now.timestamp()),
        after=(),
    )
    return {
        "changes": rows[:count],
        "next_cursor": following.encode(),
        "has_more": more,
        "freshness": sanitize_object(freshness_view(freshness, *page.notes)),
    }


@dataclass(frozen=True, slots=True)
class _Start:
    """Where to begin: behind a change, else at a time; with neither there are no changes yet."""

    sequence_number: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Page:
    """What was read from the mirror for one answer."""

    changes: list[Change]
    leads: dict[str, Lead]
    more: bool
    upto: int
    notes: list[str]


def _read_changes(
    change_log: ChangeQueries,
    mirror_reader: MirrorQueries,
    agent_id: str,
    request: ChangesRequest,
    start: _Start,
) -> _Page:
    """Everything that the answer needs, read in one call in a thread."""
    horizon, newest, baseline = change_log.bounds(agent_id)
    notes = []
    if baseline is None:
        notes.append("The first reading is not complete, so nothing counts as a change yet.")
        return _Page([], {}, more=False, upto=newest, notes=notes)
    if start.sequence_number is None and start.since is None:
        return _Page([], {}, more=False, upto=newest, notes=notes)
    after = max(start.sequence_number or 0, baseline)
    if after < horizon and start.sequence_number is not None:
        raise InvalidArgumentError(
            "cursor: it is older than the changes that are kept, so some of them are lost.",
            hint="Call without cursor to begin again from now, or with since to see what is kept.",
        )
    if after < horizon:
        notes.append("Changes of more than a week ago may be missing.")
    found = change_log.changes(
        agent_id,
        after=after,
        upto=newest,
        kinds=request.kinds or KINDS,
        since=start.since,
        limit=request.limit + 1,
    )
    changes = found[: request.limit]
    lead_ids = {id_ for change in changes if (id_ := change.conversation.lead_id)}
    leads = mirror_reader.leads(agent_id, lead_ids=sorted(lead_ids))
    by_id = {lead.lead_id: lead for lead in leads}
    return _Page(changes, by_id, len(found) > request.limit, newest, notes)


def _change_view(change: Change, leads: dict[str, Lead]) -> ChangeView:
    c = change.conversation
    lead = leads.get(c.lead_id or "")
    return ChangeView(
        at=rfc3339(change.at) or "",
        kind=change.kind,
        id=c.id,
        lead_id=c.lead_id,
        name=c.name,
        stage=c.stage,
        hot=is_hot(lead) if lead else None,
        changed=_changed_fields(change.before, c) if change.before else None,
    )


def _changed_fields(before: Conversation, after: Conversation) -> dict[str, list[object]]:
    """The value before and after of each changed field, under the names that answers use."""
    shown = dict(_changed_shown_fields(before, after))
    old, new = _record(before), _record(after)
    others = {
        name: _pair(old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and not (shown and name in RENAMED_FIELDS)
    }
    return shown | {name: pair for name, pair in others.items() if name not in shown}


def _changed_shown_fields(
    before: Conversation, after: Conversation
) -> Iterator[tuple[str, list[object]]]:
    old, new = conversation_view(before, full=True), conversation_view(after, full=True)
    for name in SHOWN_FIELDS:
        values = getattr(old, name), getattr(new, name)
        if values[0] != values[1]:
            yield name, _pair(*values)


def _pair(before: object, after: object) -> list[object]:
    return [UNKNOWN if value in (None, "") else value for value in (before, after)]


def _record(c: Conversation) -> JsonObject:
    return without_secrets(json.loads(c.record))
