"""The fields of one conversation, read from its whole record as the table of fields says."""

import json
from collections.abc import Callable, Mapping

from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.fields.table import FIELDS, FieldValue, Rows, Storage
from convocore_mcp.models import Conversation

_COMPUTED: Mapping[str, Callable[[Conversation], FieldValue]] = {
    "created": lambda c: c.first_message or c.last_activity,
    "preview": lambda c: c.last_message or c.summary,
    "value": lambda c: c.amount,
    "currency": lambda c: c.currency_key,
    "ai_usd": lambda c: c.usd,
    "test": lambda c: c.is_test,
    "blocked": lambda c: c.is_blocked,
}
"""Fields that are no attribute of a conversation of the same name."""
_OF_CONVERSATIONS = tuple(
    field for field in FIELDS if field.rows is not Rows.LEADS and field.storage is not Storage.NONE
)


def read_fields(conversation: Conversation) -> dict[str, FieldValue]:
    """Every field that the conversation has, by name; what depends on the time is left out.

    Raises:
        ValueError: the record is not one of ours.
    """
    record = ConversationRecord.model_validate(
        json.loads(conversation.record), by_alias=False, by_name=True
    )
    values: dict[str, FieldValue] = {}
    for field in _OF_CONVERSATIONS:
        if field.reader is not None:
            values[field.name] = field.reader.value(record)
        elif field.name in _COMPUTED:
            values[field.name] = _COMPUTED[field.name](conversation)
        else:
            values[field.name] = getattr(conversation, field.name)
    return {name: value for name, value in values.items() if value not in (None, (), "")}
