"""The typed parts of a stored record, parsed once when the record is read."""

import logging

from pydantic import TypeAdapter, ValidationError

from convocore_mcp.errors import DamagedRecordError
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
