"""Answers `list_changes`: what happened since last time."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2s

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.models import EVERYTHING, Change, ChangePage, FeedPosition, Freshness
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.questions.change_facts import (
    changed_fields,
    is_hot,
    other_leads_made_hot,
    read_field_names,
    wanted_changes,
    what_became,
)
from convocore_mcp.server.questions.cursor import Cursor, question_digest
from convocore_mcp.server.questions.several_agents import read_agents
from convocore_mcp.server.questions.time_window import read_window
from convocore_mcp.server.rendering import compact
from convocore_mcp.server.requests import ChangesRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object, sanitize_rows
from convocore_mcp.server.size_limit import MAX_CHARACTERS, drop_largest_fields, rows_within_limit
from convocore_mcp.server.views.change_views import Changes, ChangeView
from convocore_mcp.server.views.view_builders import freshness_view, rfc3339

KINDS = ("created", "updated", "removed")
CURSOR_RESERVE = 1_500
"""Characters kept free for the cursor, which may hold two IDs, and the notes."""
MAX_CHANGE_LENGTH = 12_000
"""Characters of one change; of a longer one, the largest fields are left out."""
NO_BASELINE = "The first full sync is not complete, so nothing counts as a change yet."
ONLY_KNOWN = "nothing of it can be read now, so only changes that were known before are listed"
HELD_BACK = "Newer changes follow as soon as their leads have been computed."


async def list_changes(
    backend: Backend, agents: Sequence[str], request: ChangesRequest
) -> JsonObject:
    """Changes in order, sanitized and within the limit of characters, and the next cursor.

    Raises:
        InvalidArgumentError: a time, a field or a cursor is not valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    since, _ = read_window(request.since, "", clock=backend.clock())
    changed = read_field_names(request.changed)
    # Not a digest of the other arguments: the next call may ask for other kinds, or for fewer.
    question = question_digest("changes", *sorted(agents))
    generation = backend.mirror_reader.generation
    start = _position(request.cursor, question=question, generation=generation)
    # Every agent is asked, also one that can't be read now: else the cursor would skip its changes.
    _, freshness = await read_agents(backend, agents, EVERYTHING, note_on_failed=ONLY_KNOWN)
    now = backend.now()
    page = await backend.read(
        backend.change_feed.read,
        agents,
        start,
        now=now,
        limit=request.limit,
        since=since,
        kinds=request.kinds or KINDS,
        wanted=wanted_changes(changed, request.became, since),
    )
    views = [
        _change_view(change, changed, backend, several=len(agents) > 1)
        for change in page.changes[: request.limit]
    ]
    rows = [_shortened(row) for row in sanitize_rows(views)]
    answer = _answer(page, freshness, backend) | {"changes": rows}
    count = rows_within_limit(answer, "changes", reserve=CURSOR_RESERVE)
    more = page.more or count < len(page.changes)
    position = page.position_after(count)
    cursor = Cursor(
        question, generation, position.sequence_number, int(now.timestamp()), position.key()
    )
    return answer | {
        "changes": rows[:count],
        "next_cursor": cursor.encode(),
        "has_more": more,
        "next_poll_seconds": 0 if more else _poll_seconds(backend),
    }


def _position(text: str, *, question: str, generation: str) -> FeedPosition | None:
    if not text:
        return None
    cursor = Cursor.decode(text, question=question, generation=generation, now=None)
    try:
        return FeedPosition.of(cursor.sequence_number, cursor.after)
    except ValueError:
        raise InvalidArgumentError(
            "cursor: it was made by another version.", hint="Leave cursor out to start again."
        ) from None


def _poll_seconds(backend: Backend) -> int:
    """After how many seconds a call may find something new: earlier ones get the same data."""
    return max(1, int(backend.refresh_interval.total_seconds()))


def _answer(page: ChangePage, freshness: Freshness, backend: Backend) -> JsonObject:
    notes = []
    if page.without_baseline:
        named = f" ({', '.join(page.without_baseline)})" if len(backend.agents) > 1 else ""
        notes.append(f"{NO_BASELINE[:-1]}{named}.")
    if page.held_back:
        notes.append(HELD_BACK)
    view = Changes(
        changes=[],
        next_cursor="",
        has_more=False,
        truncated=page.truncated,
        next_poll_seconds=0,
        known_since=rfc3339(page.known_since),
        freshness=freshness_view(freshness, *notes),
    )
    return sanitize_object(view)


def _change_view(
    change: Change, changed: Sequence[str], backend: Backend, *, several: bool
) -> ChangeView:
    c = change.conversation
    return ChangeView(
        event_id=_event_id(change, backend.mirror_reader.generation),
        at=_to_second(change.at),
        seen=_to_second(change.seen),
        kind=change.kind,
        id=c.id,
        agent_id=c.agent_id if several else None,
        lead_id=c.lead_id,
        name=c.name,
        stage=c.stage,
        hot=is_hot(change.hot_score) if change.is_lead else None,
        became=what_became(change) or None,
        hot_lead_ids=other_leads_made_hot(change) or None,
        changed=changed_fields(change, changed, zone=backend.zone),
    )


def _event_id(change: Change, generation: str) -> str:
    """The ID of a change: the same for every reader of a mirror, at any time.

    The ID of a moment is made of what became overdue, and when: it is the same in every mirror.
    """
    c = change.conversation
    parts = change.moment or (generation, c.agent_id, c.id, change.kind, change.sequence_number)
    return blake2s(compact({"event": list(parts)}).encode(), digest_size=9).hexdigest()


def _to_second(moment: datetime) -> str:
    return rfc3339(moment) or ""


def _shortened(row: JsonObject) -> JsonObject:
    """A change; if it is too long, its largest fields are left out, and `left_out` names them."""
    room = MAX_CHARACTERS - MAX_CHANGE_LENGTH
    changed = row.get("changed")
    if changed is None or len(compact(row)) <= MAX_CHANGE_LENGTH:
        return row
    kept = dict(changed)
    dropped = drop_largest_fields(kept, reserve=room + len(compact(row | {"changed": {}})))
    return row | {"changed": kept, "left_out": sorted(dropped)}
