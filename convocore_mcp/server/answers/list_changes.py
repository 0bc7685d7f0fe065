"""What happened since last time: what `list_changes` answers with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.leads.hotness import is_hot
from convocore_mcp.models import Change, Conversation, Lead
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.answers.conversation_record import without_secrets
from convocore_mcp.server.answers.time_window import Cursor, bound, question_of
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.rendering import LONGEST, compact, fit
from convocore_mcp.server.sanitize import sanitize

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.change_log import ChangeLog
    from convocore_mcp.store.read.mirror_reader import MirrorReader

KINDS = ("created", "updated", "removed")
UNKNOWN = "none"
"""Stands for a value that was not there, before or after: an answer holds no `null`."""
_BETTER_NAMES = frozenset({
    "id", "user_name", "user_company", "origin", "state", "stage", "hot_label", "lead_score",
    "value", "currency", "tags", "assigned_to", "chat_assigned_to", "ts", "last_message_ts",
    "handoff_history", "messages_num", "last_message", "summary", "user_email", "user_phone",
    "title", "notes", "note", "source", "language", "lang", "country_code", "expected_close_date",
    "rating_from5", "is_test", "is_blocked",
})  # fmt: skip
"""Fields of a record that a view shows under a name of its own."""


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """How changes are asked for."""

    cursor: str = ""
    since: str = ""
    kinds: Sequence[str] = ()
    limit: int = 50


async def list_changes_answer(backend: Backend, agent: str, ask: ChangesRequest) -> dict[str, Any]:
    """Changes, oldest first, clean and within the limit of characters; and where to go on.

    Raises:
        InvalidArgumentError: a time or a cursor that means nothing, or one too old.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    now = backend.now()
    since = bound("since", ask.since, now=now)
    fresh = await backend.agent_sync.fresh(agent)
    generation = backend.mirror_reader.generation
    # Not the other arguments: whoever goes on may want other kinds, or fewer at a time.
    question = question_of("changes", agent)
    start: int | None = None
    if ask.cursor:
        start = Cursor.decode(
            ask.cursor, question=question, generation=generation, now=None
        ).sequence_number
    found = await backend.read(
        _read,
        backend.change_log,
        backend.mirror_reader,
        agent,
        ask,
        start,
        None if start else since,
    )
    shown = sanitize([_view(change, found.leads) for change in found.changes])
    room = LONGEST - len(compact(view_builders.freshness(fresh))) - 1_000
    count = fit(shown, room=room) if shown else 0
    more = found.more or count < len(shown)
    sequence_number = found.changes[count - 1].sequence_number if more else found.upto
    following = Cursor(
        question, generation, sequence_number, int(now.timestamp()), (None, None), ()
    )
    answer: dict[str, Any] = {
        "changes": shown[:count],
        "next_cursor": following.encode(),
        "has_more": more,
        "freshness": sanitize(view_builders.freshness(fresh, *found.notes)),
    }
    return answer


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read for one answer."""

    changes: list[Change]
    leads: dict[str, Lead]
    more: bool
    upto: int
    notes: list[str]


def _read(
    change_log: "ChangeLog",
    mirror_reader: "MirrorReader",
    agent: str,
    ask: ChangesRequest,
    start: int | None,
    since: Any,
) -> _Found:
    horizon, newest, baseline = change_log.bounds(agent)
    notes = []
    if baseline is None:
        notes.append("The first reading is not complete, so nothing counts as a change yet.")
        return _Found([], {}, more=False, upto=newest, notes=notes)
    if start is None and since is None:
        return _Found([], {}, more=False, upto=newest, notes=notes)
    after = max(start or 0, baseline)
    if start is not None and after < horizon:
        raise InvalidArgumentError(
            "cursor: it has fallen off the end of what is kept; changes behind it are gone.",
            hint="Call without cursor to begin again from now, or with since to see what is kept.",
        )
    if start is None and after < horizon:
        notes.append("Changes of more than a week ago may be missing.")
    found = change_log.changes(
        agent,
        after=after,
        upto=newest,
        kinds=ask.kinds or KINDS,
        since=since,
        limit=ask.limit + 1,
    )
    kept = found[: ask.limit]
    ids = {change.conversation.lead_id for change in kept if change.conversation.lead_id}
    leads = {lead.lead_id: lead for lead in mirror_reader.leads(agent, lead_ids=sorted(ids))}
    return _Found(kept, leads, len(found) > ask.limit, newest, notes)


def _view(change: Change, leads: dict[str, Lead]) -> dict[str, Any]:
    c = change.conversation
    lead = leads.get(c.lead_id or "")
    return {
        "at": view_builders.when(change.at),
        "kind": change.kind,
        "id": c.id,
        "lead_id": c.lead_id,
        "name": c.name,
        "stage": c.stage,
        "hot": is_hot(lead) if lead else None,
        "changed": _changed(change.before, c) if change.before else None,
    }


def _changed(before: Conversation, after: Conversation) -> dict[str, list[Any]]:
    """Field by field what it was and what it is, under the names that answers use."""
    old = view_builders.conversation(before, full=True)
    new = view_builders.conversation(after, full=True)
    changed = {
        name: _pair(old[name], new[name])
        for name in new
        if name != "lead_id" and old[name] != new[name]
    }
    raw_old, raw_new = _record(before), _record(after)
    others = {
        name: _pair(raw_old.get(name), raw_new.get(name))
        for name in sorted(raw_old.keys() | raw_new.keys())
        if raw_old.get(name) != raw_new.get(name) and not (changed and name in _BETTER_NAMES)
    }
    return changed | {name: pair for name, pair in others.items() if name not in changed}


def _pair(before: Any, after: Any) -> list[Any]:
    return [UNKNOWN if value in (None, "") else value for value in (before, after)]


def _record(c: Conversation) -> dict[str, Any]:
    record: dict[str, Any] = without_secrets(json.loads(c.record))
    return record
