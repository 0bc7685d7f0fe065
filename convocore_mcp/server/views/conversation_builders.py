"""Views of one conversation and its transcript, named as docs/contract.md says."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from convocore_mcp.fields.captured_data import captured_data
from convocore_mcp.fields.table import FieldValue
from convocore_mcp.fields.times import Clock
from convocore_mcp.leads.due_dates import due_dates
from convocore_mcp.models import Activity, Conversation, Handoff, ScoreStep, Turn
from convocore_mcp.server.views.conversation_views import ActivityView, HandoffView, ScoreView
from convocore_mcp.server.views.row_views import field_view
from convocore_mcp.server.views.view_builders import plain_number, rfc3339

T = TypeVar("T")
MAX_ITEMS = 100
"""Entries of each list, and captured values; a note tells how many there are."""
CHRONOLOGICAL = frozenset({"handoffs_history", "activities", "score_history"})
"""Lists of which the newest entries, the last ones, are shown where there are too many."""


def conversation_fields(
    c: Conversation, values: Mapping[str, FieldValue], *, clock: Clock
) -> tuple[dict[str, object], dict[str, int]]:
    """Every field that a conversation has, with its data and histories.

    `values` has those that do not depend on the time. Also how many entries each list has, of
    which at most `MAX_ITEMS` are in the fields.
    """
    fields: dict[str, object] = {
        name: field_view(name, value, zone=clock.zone)
        for name, value in (*values.items(), *_due_values(c, clock).items())
        if value is not None and value is not False
    }
    if c.value is not None and c.amount is None:
        fields["value_text"] = str(c.value)
    parts = c.record_parts
    data = captured_data(parts.captured_variables, parts.funnel_extracted_data)
    fields["data"] = dict(list(data.items())[:MAX_ITEMS]) or None
    lists: dict[str, Sequence[object]] = {
        "handoffs_history": [_handoff(handoff) for handoff in parts.handoff_history],
        "activities": [_activity(activity) for activity in parts.crm_activities],
        "score_history": [_score(step) for step in parts.funnel_score_history],
    }
    for name in ("tags", "links", "funnel_step"):
        if isinstance(listed := fields.get(name), list):
            lists[name] = listed
    for name, items in lists.items():
        shown = items[-MAX_ITEMS:] if name in CHRONOLOGICAL else items[:MAX_ITEMS]
        fields[name] = shown or None
    return fields, {"data": len(data)} | {name: len(items) for name, items in lists.items()}


def _due_values(c: Conversation, clock: Clock) -> dict[str, FieldValue]:
    """The fields that say what is due or overdue at present."""
    due = due_dates(c, clock.zone)
    next_due = due.next_due(clock.now)
    return {
        "next_due": next_due and next_due.at,
        "overdue_activity": due.activity_overdue(clock.now),
        "overdue_close": due.close_overdue(clock.now),
    }


MAX_TURN = 20_000
"""Characters of one turn that are looked at: more than any answer shows."""


def turn_view(turn: Turn) -> dict[str, object]:
    """One turn of a transcript; of a very long one, more than can be shown."""
    text = turn.text if len(turn.text) <= MAX_TURN else f"{turn.text[:MAX_TURN]}…"
    return {"at": turn.at, "from": turn.speaker.value, "text": text}


def _handoff(handoff: Handoff) -> HandoffView:
    return HandoffView(
        asked=rfc3339(handoff.requested_at),
        accepted=rfc3339(handoff.accepted_at),
        done=rfc3339(handoff.completed_at),
        by=handoff.accepted_by,
    )


def _activity(activity: Activity) -> ActivityView:
    return ActivityView(
        type=activity.type,
        title=activity.title,
        due=activity.due_date,
        done=activity.completed,
        note=activity.note,
    )


def _score(step: ScoreStep) -> ScoreView:
    return ScoreView(
        at=rfc3339(step.timestamp),
        step=step.step_name or step.step_id,
        points=plain_number(step.points_added),
        score=plain_number(step.new_score),
        quote=step.message_context,
    )
