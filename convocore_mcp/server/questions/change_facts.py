"""What a change means: which fields it changed, and what the conversation or its lead became.

Source: docs/contract.md, "`list_changes`".
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, tzinfo

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.captured_data import folded_name
from convocore_mcp.fields.conditions import DataField, find_field
from convocore_mcp.fields.secrets.secret_names import without_secrets
from convocore_mcp.fields.table import DATA_PREFIX, FieldValue, Rows
from convocore_mcp.models import WAITING, Change, Conversation, ReadValue
from convocore_mcp.server.sanitize import JsonObject, sanitize_text
from convocore_mcp.server.views.row_views import field_view
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

UNKNOWN = "none"
"""Stands for a value that is missing before or after a change: an answer holds no `null`."""
NEVER_CHANGING = frozenset({"id", "lead_id", "agent_id"})
FOLLOWING = frozenset({"created", "duration_seconds"})
"""Fields computed from times that are shown themselves: shown only if `changed` names them."""
OVERDUE = ("overdue_activity", "overdue_close")
READ_FROM_RECORD = frozenset({
    "id", "user_name", "user_company", "origin", "state", "stage", "hot_label", "lead_score",
    "value", "currency", "tags", "assigned_to", "chat_assigned_to", "ts", "last_message_ts",
    "handoff_history", "messages_num", "last_message", "summary", "user_email", "user_phone",
    "title", "notes", "note", "source", "language", "lang", "country_code", "expected_close_date",
    "rating_from5", "is_test", "is_blocked", "first_message_ts", "last_modified", "last_viewed",
    "campaign_id", "lost_reason", "demo_date", "demo_time", "end_reason", "token_usage", "vapi",
    "captured_variables", "funnel_extracted_data", "funnel_steps_matched", "funnel_score_history",
    "funnel_last_evaluated", "requested_team_key", "human_last_replied_at", "user_id",
})  # fmt: skip
"""Fields of a record from which fields of the table are read: shown too, they would repeat them."""


def read_field_names(names: Sequence[str]) -> tuple[str, ...]:
    """The fields of the argument `changed`, by the names that changes have.

    Raises:
        InvalidArgumentError: a name is not a field, or its value never changes.
    """
    found: list[str] = []
    for name in names:
        field = find_field(name, rows=Rows.CONVERSATIONS, name="changed")
        if field.name in NEVER_CHANGING:
            raise InvalidArgumentError(
                f"changed: {field.name} of a conversation never changes.",
                hint="Name another field, e.g. stage, score, assignee, tags.",
            )
        found.append(
            DATA_PREFIX + folded_name(field.key) if isinstance(field, DataField) else field.name
        )
        if field.name == "value":
            found.append("value_text")
    return tuple(dict.fromkeys(found))


def wanted_changes(
    changed: Collection[str], became: Collection[str], since: datetime | None
) -> Callable[[Change], bool]:
    """Which changes an answer is about: later than `since`, and with what was asked for."""

    def wanted(change: Change) -> bool:
        if (since is not None and change.at < since) or _is_no_change(change):
            return False
        if became and not set(became).intersection(what_became(change)):
            return False
        return not changed or any(_differs(change, name) for name in changed)

    return wanted


def _is_no_change(change: Change) -> bool:
    """Whether it is a version that says the same as the one before: details filled in its row."""
    before = change.before.record if change.before is not None else None
    return (
        change.kind == "updated"
        and before == change.conversation.record
        and not (change.moment or what_became(change))
    )


def what_became(change: Change) -> list[str]:
    """What the conversation, or its lead, is after the change and was not before."""
    was_hot = is_hot(change.hot_score_before)
    made_hot = (is_hot(change.hot_score) and not was_hot) or bool(other_leads_made_hot(change))
    if change.kind == "removed":
        return ["hot"] * made_hot
    old, new = change.values_before, change.values
    found = {
        "hot": made_hot,
        "waiting": _turned(change, "state", WAITING),
        "won": _turned(change, "stage", "won"),
        "lost": _turned(change, "stage", "lost"),
        "assigned": bool(new.get("assignee")) and not old.get("assignee"),
        "overdue": any(new.get(name) and not old.get(name) for name in OVERDUE),
    }
    return [name for name, is_new in found.items() if is_new]


def other_leads_made_hot(change: Change) -> list[str]:
    """Other leads that became hot because of the change, as those that the conversation left."""
    raised = change.hot_scores_of_other_leads
    hot = (lead.lead_id for lead in raised if is_hot(lead.after) and not is_hot(lead.before))
    return list(dict.fromkeys(hot))


def is_hot(score: float | None) -> bool:
    """Whether a lead of this hot score is hot (`leads.hotness`)."""
    return score is not None and score >= DEFAULT_THRESHOLD


def _turned(change: Change, name: str, value: str) -> bool:
    return _folded(change.values.get(name)) == value != _folded(change.values_before.get(name))


def _folded(value: ReadValue) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""


def _differs(change: Change, name: str) -> bool:
    before = change.values_before.get(name)
    return change.kind == "updated" and change.values.get(name) != before


def changed_fields(change: Change, only: Collection[str], *, zone: tzinfo) -> JsonObject | None:
    """Each changed field, or each of `only`; a list by what was added and removed.

    A field that the table lacks is shown under its name in the record.
    """
    if change.kind != "updated":
        return None
    names = sorted(change.values_before.keys() | change.values.keys())
    if only:
        names = [name for name in names if name in only]
    shown: JsonObject = {
        name: _difference(name, change.values_before.get(name), change.values.get(name), zone)
        for name in names
        if _differs(change, name) and (only or name not in FOLLOWING)
    }
    if only or change.before is None:
        return shown
    old, new = _record(change.before), _record(change.conversation)
    others = {
        name: _plain_difference(old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
        and name not in shown
        and not (shown and name in READ_FROM_RECORD)
    }
    return shown | others


def _difference(name: str, before: FieldValue, after: FieldValue, zone: tzinfo) -> object:
    return _plain_difference(
        *(
            None if value is None else field_view(name, value, zone=zone)
            for value in (before, after)
        )
    )


def _plain_difference(before: object, after: object) -> object:
    lists = [value for value in (before, after) if isinstance(value, list)]
    if lists and all(value is None or isinstance(value, list) for value in (before, after)):
        old, new = before or [], after or []
        assert isinstance(old, list) and isinstance(new, list)  # noqa: PT018, S101
        found = {
            "added": [item for item in new if item not in old],
            "removed": [item for item in old if item not in new],
        }
        parts: dict[str, object] = {name: items for name, items in found.items() if items}
        # The same items in another order, or another number of times.
        return parts or {"reordered": True}
    return [_shown(before), _shown(after)]


def _shown(value: object) -> object:
    """The value, or `UNKNOWN` where sanitizing would drop it: a pair must keep two items."""
    if isinstance(value, str):
        return value if sanitize_text(value) else UNKNOWN
    return UNKNOWN if value is None or value == {} else value


def _record(c: Conversation) -> JsonObject:
    return without_secrets(json.loads(c.record)) if c.record else {}
