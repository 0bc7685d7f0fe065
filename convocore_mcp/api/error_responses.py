"""What an error response means: status, headers and body in, one of our errors out."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pydantic_core

from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    BrokenRecordError,
    ContractError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)

MAX_RETRY_AFTER = 120.0
"""Seconds. A longer `Retry-After` is a mistake or an attack, so we ask again after this time."""
_BROKEN_RECORD = "output validation failed"
"""What Convocore says, in whatever case, of a record that it cannot serve."""


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> ApiError:
    """The error that a response with another status than 200 stands for.

    The names in `headers` are in lower case. The body may be the documented
    `{message, code, issues?}`, the HTML page of a proxy, or empty.
    """
    try:
        content = pydantic_core.from_json(body)
    except ValueError:
        content = {}
    message = message_in(content) if isinstance(content, dict) else ""
    if status == 429:
        return RateLimitedError(
            f"Convocore asks us to slow down (429). {message}".strip(),
            hint="Wait, then try again. The mirror still answers meanwhile.",
            retry_after=parse_retry_after(headers.get("retry-after"), now=now),
        )
    if status >= 500 and _BROKEN_RECORD in message.lower():
        return BrokenRecordError(
            f"Convocore can't serve this record ({status}). {message}",
            hint="The fault is in this record on Convocore's side; others are not affected.",
        )
    if status >= 500:
        return UnavailableError(
            f"Convocore failed ({status}). {message}".strip(),
            hint="The fault is on Convocore's side. Try again in a minute.",
            retry_after=parse_retry_after(headers.get("retry-after"), now=now),
        )
    if 300 <= status < 400:
        return ContractError(
            f"Convocore answered with a redirect ({status}). It is not followed, "
            "because the key must not be sent to another host.",
            hint="Check CONVOCORE_BASE_URL.",
        )
    codes = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
    return error_from_code(codes.get(status, f"status {status}"), message)


def error_from_code(code: str, message: str) -> ApiError:
    """The error that Convocore's error code stands for; its `message` may be empty."""
    if code == "UNAUTHORIZED":
        return UnauthorizedError(
            f"Convocore refused the key (401). {message}".strip(),
            hint="Check CONVOCORE_API_KEY. A correct key in the wrong region fails the same way: "
            "try CONVOCORE_REGION=eu or na.",
        )
    if code == "FORBIDDEN":
        return ForbiddenError(
            f"Convocore says the plan does not include this (403). {message}".strip(),
            hint="Ask the workspace's owner to check the plan and its add-ons.",
            said=message,
        )
    if code == "NOT_FOUND":
        return NotFoundError(
            f"Convocore does not know this agent or conversation (404). {message}".strip(),
            hint="Check that CONVOCORE_AGENT_ID belongs to this key and region.",
        )
    if code == "BAD_REQUEST":
        return BadRequestError(
            f"Convocore refused the request (400). {message}".strip(),
            hint="Check CONVOCORE_AGENT_ID. If it is correct, please report this error.",
            about_cursor="cursor" in message.lower(),
        )
    if code == "INTERNAL_SERVER_ERROR":
        return UnavailableError(
            f"Convocore failed. {message}".strip(), hint="Try again in a minute."
        )
    return ContractError(
        f"Convocore answered with an error. {message or code}".strip(), hint="Try again later."
    )


def message_in(error_body: Mapping[str, object]) -> str:
    """The messages of an error body and of its issues, shortened for use in our own message."""
    issues = error_body.get("issues")
    parts = [error_body.get("message"), *(issues if isinstance(issues, list) else ())]
    texts = [part.get("message") if isinstance(part, dict) else part for part in parts]
    return "; ".join(text[:200] for text in texts[:4] if isinstance(text, str))


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from a `Retry-After` in seconds or as a date; `None` if there is none.

    At most `MAX_RETRY_AFTER`. A header that is neither also gives `MAX_RETRY_AFTER`.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
        except (ValueError, OverflowError):
            return MAX_RETRY_AFTER
    return MAX_RETRY_AFTER if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER)
