"""The last step of every call: an answer or an error as compact JSON."""

import json
import logging

from mcp_types import CallToolResult, TextContent

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.sanitize import JsonObject, sanitize_object

log = logging.getLogger(__name__)

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact(value: object) -> str:
    """`value` as JSON without blanks, and with characters instead of escapes."""
    return _encoder.encode(value)


def success(answer: JsonObject) -> CallToolResult:
    """A result whose text and structured content are the same object: a sanitized answer."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(answer))], structured_content=answer
    )


def failure(error: ConvocoreError) -> CallToolResult:
    """A tool error that a program can read and a person can act on."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(error_body(error)))], is_error=True
    )


def error_body(error: ConvocoreError) -> JsonObject:
    """The error object of docs/contract.md, "Rules for every answer"."""
    wait = None if error.retry_after is None else round(error.retry_after, 1)
    return sanitize_object(
        {
            "error": {
                "code": error.code,
                "message": error.message,
                "hint": error.hint or "Try again; if it stays, please report it.",
                "retry_after": wait,
            }
        }
    )


def internal_error(error: BaseException) -> ConvocoreError:
    """What a client is told of a bug: only that it happened. The log has the rest."""
    log.error("A call crashed.", exc_info=error)
    return ConvocoreError(
        "Something went wrong inside convocore-mcp.",
        hint="Try again; if it stays, please report it with the lines on stderr.",
    )
