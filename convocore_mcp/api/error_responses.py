"""What a refusal means: a status, headers and a body in, one of our errors out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pydantic_core

from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    ContractError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)

LONGEST_WAIT = 300.0
"""A `Retry-After` beyond five minutes is a mistake or an attack; we come back sooner."""


def failure(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ApiError:
    """What an answer other than 200 means. Headers' names are lower case.

    The body may be the documented `{message, code, issues?}`, a proxy's HTML, or nothing.
    """
    try:
        answer = pydantic_core.from_json(body)
    except ValueError:
        answer = {}
    said = message(answer) if isinstance(answer, dict) else ""
    if status == 429:
        return RateLimitedError(
            f"Convocore asks us to slow down (429). {said}".strip(),
            hint="Wait, then ask again; answers from the mirror go on meanwhile.",
            retry_after=retry_after(headers.get("retry-after"), now=now),
        )
    if status >= 500:
        return UnavailableError(
            f"Convocore failed ({status}). {said}".strip(),
            hint="Nothing is wrong here; try again in a minute.",
            retry_after=retry_after(headers.get("retry-after"), now=now),
        )
    if 300 <= status < 400:
        return ContractError(
            f"Convocore answered with a redirect ({status}), which is not followed: "
            "the key must not go to another host.",
            hint="Check CONVOCORE_BASE_URL.",
        )
    names = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}
    return named_failure(names.get(status, f"status {status}"), said)


def named_failure(code: str, said: str) -> ApiError:
    """What Convocore means by an error code; `said` is its own message, or empty."""
    if code == "UNAUTHORIZED":
        return UnauthorizedError(
            f"Convocore refused the key (401). {said}".strip(),
            hint="Check CONVOCORE_API_KEY. A right key in the wrong region looks just the same: "
            "try CONVOCORE_REGION=eu or na.",
        )
    if code == "FORBIDDEN":
        return ForbiddenError(
            f"Convocore says the plan does not include this (403). {said}".strip(),
            hint="Ask the workspace's owner to check the plan and its add-ons.",
        )
    if code == "NOT_FOUND":
        return NotFoundError(
            f"Convocore does not know this (404). {said}".strip(),
            hint="Check CONVOCORE_AGENT_ID, and that it belongs to this key and region.",
        )
    if code == "BAD_REQUEST":
        return BadRequestError(
            f"Convocore refused the request (400). {said}".strip(),
            hint="Check CONVOCORE_AGENT_ID; if it is right, please report this.",
            speaks_of_cursor="cursor" in said.lower(),
        )
    if code == "INTERNAL_SERVER_ERROR":
        return UnavailableError(f"Convocore failed. {said}".strip(), hint="Try again in a minute.")
    return ContractError(
        f"Convocore answered with an error. {said or code}".strip(), hint="Try again later."
    )


def message(answer: Mapping[str, Any]) -> str:
    """What an error body says, its issues included, short enough to repeat."""
    issues = answer.get("issues")
    parts = [answer.get("message"), *(issues if isinstance(issues, list) else ())]
    texts = [part.get("message") if isinstance(part, dict) else part for part in parts]
    return "; ".join(text[:200] for text in texts[:4] if isinstance(text, str))


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait, from either form of `Retry-After`; `None` if it says nothing sensible."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None  # noqa: PLR0124  NaN
