"""The last step of every call: an answer or an error, as compact JSON."""

import json
import logging
from typing import Any

from mcp_types import CallToolResult, TextContent

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.sanitize import sanitize

log = logging.getLogger(__name__)

LONGEST = 30_000
"""Characters in one answer."""


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact(answer: Any) -> str:
    """`answer` as JSON without a blank, in characters rather than escapes."""
    return _encoder.encode(answer)


def success(answer: dict[str, Any]) -> CallToolResult:
    """A result whose text and structured content are the same object; `answer` is clean."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(answer))], structured_content=answer
    )


def failure(error: ConvocoreError) -> CallToolResult:
    """A tool error that a program can read and a person can act on."""
    return CallToolResult(
        content=[TextContent(type="text", text=compact(error_body(error)))], is_error=True
    )


def error_body(error: ConvocoreError) -> dict[str, Any]:
    """The contract's error object."""
    wait = None if error.retry_after is None else round(error.retry_after, 1)
    body: dict[str, Any] = sanitize(
        {
            "error": {
                "code": error.code,
                "message": error.message,
                "hint": error.hint or "Try again; if it stays, please report it.",
                "retry_after": wait,
            }
        }
    )
    return body


def crashed(error: BaseException) -> ConvocoreError:
    """What a client may know of a bug: that it happened. The log has the rest."""
    log.error("A call crashed.", exc_info=error)
    return ConvocoreError(
        "Something went wrong inside convocore-mcp.",
        hint="Try again; if it stays, please report it with the lines on stderr.",
    )


def fit(rows: list[dict[str, Any]], *, room: int) -> int:
    """How many of `rows`, from the first on, fit into `room` characters; at least one does."""
    used = 0
    for count, row in enumerate(rows):
        used += len(compact(row)) + 1
        if used > room:
            return max(count, 1)
    return len(rows)
