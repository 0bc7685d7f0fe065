"""Reading the facts of a conversation from its typed record, as the table of fields says."""

from typing import Any

from convocore_mcp.fields.captured_data import captured_data
from convocore_mcp.fields.table import FIELDS
from convocore_mcp.models.facts import Facts, ModelShare, PlannedActivity, ReadValue

READ_FIELDS = tuple(field for field in FIELDS if field.read is not None)
"""The fields whose values `Facts.values` holds, in its order."""
_READERS = tuple(field.read for field in FIELDS if field.read is not None)


def read_facts(record: Any) -> Facts:
    """The facts in a typed record (`api.conversation_record.ConversationRecord`)."""
    usage = record.token_usage
    return Facts(
        values=tuple(
            None if (value := read(record)) is None else _tidy(value) for read in _READERS
        ),
        activities=tuple(
            PlannedActivity(a.due_date, a.completed) for a in record.crm_activities or ()
        ),
        data=captured_data(record.captured_variables, record.funnel_extracted_data),
        shares=tuple(
            ModelShare(share.model_id or name, share.total_tokens, share.usd)
            for name, share in ((usage and usage.usage_per_model) or {}).items()
        ),
    )


def _tidy(value: ReadValue) -> ReadValue:
    if type(value) is str:
        return value.strip() or None
    if type(value) is tuple:
        return tuple(item.strip() for item in value if item.strip())
    return value
