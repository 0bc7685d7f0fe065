"""Reads the facts of a conversation from its typed record, as the table of fields says."""

from typing import Any

from convocore_mcp.fields.table import FIELDS
from convocore_mcp.models.facts import Facts, ModelShare, PlannedActivity, ReadValue

READ_FIELDS = tuple(field for field in FIELDS if field.read is not None)
"""The fields whose values `Facts.values` holds, in its order."""
_READERS = tuple(field.read for field in FIELDS if field.read is not None)
CAPTURED = "captured_variables"
"""The name of captured variables that have no names of their own."""


def read_facts(record: Any) -> Facts:
    """The facts in a typed record (`api.conversation_record.ConversationRecord`)."""
    usage = record.token_usage
    return Facts(
        values=tuple(
            None if (value := read(record)) is None else _without_outer_blanks(value)
            for read in _READERS
        ),
        activities=tuple(
            PlannedActivity(a.due_date, a.completed) for a in record.crm_activities or ()
        ),
        data=_data(record.captured_variables, record.funnel_extracted_data),
        shares=tuple(
            ModelShare(share.model_id or name, share.total_tokens, share.usd)
            for name, share in ((usage and usage.usage_per_model) or {}).items()
        ),
    )


def _without_outer_blanks(value: ReadValue) -> ReadValue:
    if type(value) is str:
        return value.strip() or None
    if type(value) is tuple:
        return tuple(item.strip() for item in value if item.strip())
    return value


def _data(captured: object, extracted: dict[str, object] | None) -> dict[str, object]:
    """The extracted values, then the captured ones, which win where both have a name."""
    known = {name: value for name, value in (extracted or {}).items() if not _is_empty(value)}
    if isinstance(captured, dict):
        for name, value in captured.items():
            if not _is_empty(value):
                known.pop(name, None)
                known[name] = value
    elif not _is_empty(captured):
        known.setdefault(CAPTURED, captured)
    return known


def _is_empty(value: object) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())
