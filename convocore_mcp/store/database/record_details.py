"""The typed parts of a stored record, parsed once when the record is read."""

import logging

from pydantic import TypeAdapter, ValidationError

from convocore_mcp.models import NO_DETAILS, Details

log = logging.getLogger(__name__)

_DETAILS = TypeAdapter(Details)


def details_of(record: str) -> Details:
    """The details in `record`, which is a record as `api` writes it, or empty.

    A record of another shape has no details, so that one odd record does not spoil an answer.
    """
    if not record:
        return NO_DETAILS
    try:
        return _DETAILS.validate_json(record)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        log.warning("A record has an unexpected shape: %s at %s", first["msg"], first["loc"])
        return NO_DETAILS
