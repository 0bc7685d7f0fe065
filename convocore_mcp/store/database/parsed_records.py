"""Reading what is stored as JSON, which a failing disk or somebody may have changed."""

import json
import logging
from typing import Any

from pydantic import TypeAdapter, ValidationError

from convocore_mcp.errors import DamagedMirrorError, DamagedRecordError
from convocore_mcp.models import NO_RECORD_PARTS, RecordParts

log = logging.getLogger(__name__)

_RECORD_PARTS = TypeAdapter(RecordParts)


def record_parts_of(record: str) -> RecordParts:
    """The typed parts of `record`, which is a record as `api` writes it, or empty.

    A record of another shape has no typed parts, so that one odd record does not spoil an answer.

    Raises:
        DamagedRecordError: it is no JSON, so the disk or somebody has changed it.
    """
    if not record:
        return NO_RECORD_PARTS
    try:
        return _RECORD_PARTS.validate_json(record)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] == "json_invalid":
            raise DamagedRecordError(
                "A stored conversation was damaged; it is read again from Convocore.",
                hint="Ask again. If it happens more than once, check the disk.",
                record=record,
            ) from None
        log.warning("A record has an unexpected shape: %s at %s", first["msg"], first["loc"])
        return NO_RECORD_PARTS


def stored_value(text: object) -> Any:
    """The value of a column that holds JSON.

    Raises:
        DamagedMirrorError: it holds something else.
    """
    try:
        return json.loads(str(text))
    except ValueError:
        raise _damaged() from None


def stored_list(text: object) -> list[Any]:
    """The value of a column that holds a list; errors as those of `stored_value`."""
    value = stored_value(text)
    if not isinstance(value, list):
        raise _damaged()
    return value


def stored_object(text: object) -> dict[str, Any]:
    """The value of a column that holds an object; errors as those of `stored_value`."""
    value = stored_value(text)
    if not isinstance(value, dict):
        raise _damaged()
    return value


def _damaged() -> DamagedMirrorError:
    return DamagedMirrorError(
        "A part of the mirror was damaged.",
        hint="Ask again: a new mirror is being filled from Convocore. If it happens more than "
        "once, check the disk.",
    )
