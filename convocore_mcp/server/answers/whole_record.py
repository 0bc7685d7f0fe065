"""Answers the resource `conversation`: the whole record, without what must not leave the server."""

import json
import re

from convocore_mcp.errors import MissingError
from convocore_mcp.fields.secrets.secret_names import without_secrets
from convocore_mcp.models import EVERYTHING, Conversation
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.not_found import with_coverage
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import drop_largest_fields
from convocore_mcp.server.views.view_builders import freshness_view
from convocore_mcp.words.shown_ids import ids_shown_as

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FREE_FORM = frozenset(
    {"captured_variables", "extracted_data", "funnel_extracted_data", "metadata", "usage_per_model"}
)
"""Fields whose inner names are data, not Convocore's vocabulary."""
MAX_FIELD_LENGTH = 4_000
"""Characters of one field of a record."""
FRESHNESS_RESERVE = 1_500
"""Characters kept free for `freshness` and its notes."""


async def conversation_record(backend: Backend, agent_id: str, conversation_id: str) -> JsonObject:
    """The record as Convocore gave it, with names in snake_case, and `freshness`.

    Where the record is too long, the largest fields are left out.

    Raises:
        MissingError: there is no such conversation.
        ApiError: Convocore can't be read, and the mirror is still empty or lacks the conversation.
    """
    freshness = await backend.syncs.ensure_fresh(agent_id, EVERYTHING)
    conversation = await find_conversation(backend, agent_id, conversation_id)
    if conversation is None:
        missing = MissingError(
            f"There is no conversation {conversation_id[:80]!r}.",
            hint="list_conversations shows the ids.",
        )
        raise with_coverage(missing, freshness)
    fields = snake_case_names(without_secrets(json.loads(conversation.record)))
    record = sanitize_object(fields, length=MAX_FIELD_LENGTH)
    dropped = drop_largest_fields(record, reserve=FRESHNESS_RESERVE)
    notes = [f"{name} is left out: it has {size} characters." for name, size in dropped.items()]
    return record | {"freshness": sanitize_object(freshness_view(freshness, *notes))}


async def find_conversation(backend: Backend, agent_id: str, given: str) -> Conversation | None:
    """The conversation whose ID is `given`, else the one whose ID is shown like this."""
    for id_ in ids_shown_as(given):
        found = await backend.read(backend.mirror_reader.conversation, agent_id, id_)
        if found is not None:
            return found
    return None


def snake_case_names(record: JsonObject) -> JsonObject:
    """`record` with every field's name in snake_case; Convocore's newer fields are in camelCase."""
    renamed: JsonObject = {}
    for given, value in record.items():
        name = _CAPITAL.sub("_", given).lower()
        renamed.setdefault(name, value if name in _FREE_FORM else _snake_case_inside(value))
    return renamed


def _snake_case_inside(value: object) -> object:
    if isinstance(value, dict):
        return snake_case_names(value)
    if isinstance(value, list):
        return [_snake_case_inside(item) for item in value]
    return value
