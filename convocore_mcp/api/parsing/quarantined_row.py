"""A row that can't be read, as it is kept: with the reason, and what can be read of it."""

from datetime import datetime

import pydantic_core

from convocore_mcp.api.conversation_record import last_activity
from convocore_mcp.api.parsing.record_fields import read_record
from convocore_mcp.api.record_scalars import MAX_ID_LENGTH
from convocore_mcp.fields.secrets.secret_names import without_secrets
from convocore_mcp.models import Quarantined

MAX_RAW_LENGTH = 100_000
"""Characters of a row that are kept."""


def quarantined_row(raw: object, reason: str, *, sensitive: bool) -> Quarantined:
    """The row `raw`; without `sensitive`, what could be used against the visitor is left out."""
    active, id_ = None, None
    if isinstance(raw, dict):
        active, id_ = _last_activity(raw), raw.get("ID")
        raw = raw if sensitive else without_secrets(raw)
    json_text = pydantic_core.to_json(raw, inf_nan_mode="strings", serialize_unknown=True).decode()
    if len(json_text) > MAX_RAW_LENGTH:
        json_text = pydantic_core.to_json(json_text[:MAX_RAW_LENGTH]).decode()
    return Quarantined(json_text, reason, None if id_ is None else str(id_)[:MAX_ID_LENGTH], active)


def _last_activity(raw: dict[str, object]) -> datetime | None:
    """Most rows are quarantined for their ID alone, so with another one the time can be read."""
    try:
        return last_activity(read_record(raw | {"ID": "unknown"})[0])
    except (ValueError, OverflowError, RecursionError):  # pydantic's errors are ValueErrors
        return None
