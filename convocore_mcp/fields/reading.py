"""Reads the facts of a conversation from its typed record, as the table of fields says."""

from typing import Any

from convocore_mcp.fields.captured_data import captured_data, is_cut, named_data
from convocore_mcp.fields.crm_dates import crm_date
from convocore_mcp.fields.table import FIELDS
from convocore_mcp.models.facts import Facts, ModelShare, PlannedActivity, ReadValue
from convocore_mcp.words.visible_text import visible

READ_FIELDS = tuple(field for field in FIELDS if field.reader is not None)
"""The fields whose values `Facts.values` holds, in its order."""
EXPECTED_CLOSE, DEMO, NEXT_DUE = "expected_close", "demo", "next_due"
"""The fields that are dates which a CRM takes any text for."""
CAPTURED_DATA = "data"
"""Stands among them where a captured value is too long to be compared as a whole."""
_READERS = tuple((f.reader.part, f.reader.read) for f in FIELDS if f.reader is not None)


def read_facts(record: Any, *, without_secrets: bool = False) -> Facts:
    """The facts in a typed record (`api.conversation_record.ConversationRecord`).

    `without_secrets` says that the record's secrets are already removed, which saves the search.
    """
    read_data = named_data if without_secrets else captured_data
    usage, parts = record.token_usage, record.__dict__
    activities = [PlannedActivity(a.due_date, a.completed) for a in record.crm_activities or ()]
    shares = [
        ModelShare(share.model_id or name, share.total_tokens, share.usd)
        for name, share in ((usage and usage.usage_per_model) or {}).items()
    ]
    data = read_data(record.captured_variables, record.funnel_extracted_data)
    too_long = (CAPTURED_DATA,) if any(map(is_cut, data.values())) else ()
    return Facts(
        tuple(
            [
                None if parts[part] is None else _visible_value(read(record))
                for part, read in _READERS
            ]
        ),
        tuple(activities),
        data,
        tuple(shares),
        (*_dates_that_are_none(record, activities), *too_long),
        record.funnel_summary,
    )


def _dates_that_are_none(record: Any, activities: list[PlannedActivity]) -> tuple[str, ...]:
    """The date fields with a text that is no date. A completed activity is due no more."""
    due = [activity.due_date for activity in activities if not activity.completed]
    texts = {
        EXPECTED_CLOSE: [record.expected_close_date], DEMO: [record.demo_date], NEXT_DUE: due,
    }  # fmt: skip
    return tuple(name for name, of_field in texts.items() if any(map(_is_unparsed, of_field)))


def _is_unparsed(written: object) -> bool:
    return isinstance(written, str) and bool(visible(written)) and crm_date(written) is None


def _visible_value(value: ReadValue) -> ReadValue:
    if value is None:
        return None
    if type(value) is str:
        return visible(value) or None
    if type(value) is tuple:
        return tuple(shown for item in value if (shown := visible(item)))
    return value
