"""How the mirror is, in words for a terminal."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from convocore_mcp.models import Coverage

_FIELD = re.compile(r"[A-Za-z_]\w{0,60}")
_PROBLEM = re.compile(
    r"Input should be a valid (?:string|number|integer|boolean|list|dictionary)"
    r"|Field required|String should have at least 1 character|has more than \d{1,5} characters"
    r"|should be a (?:finite )?number(?: of at most 53 bits)?"
    r"|should be a time between 1970 and 5138"
    r"|could not convert string to float|Invalid isoformat string"
)
"""What may be wrong, in these words alone: around them a reason quotes what it stumbled over."""


def shown(place: str | Path) -> str:
    """Where the mirror is, without the password in a URL."""
    if isinstance(place, Path):
        return str(place)
    parts = urlsplit(place)
    return f"PostgreSQL, {parts.hostname or 'this machine'}{parts.path}"


def lines(
    agent: str, coverage: Coverage, reasons: Mapping[str, int], *, now: datetime
) -> Iterator[str]:
    """What there is of an agent; `reasons` counts what could not be read."""
    yield agent
    if coverage.as_of is None:
        yield "  nothing has been read yet; convocore-mcp sync does it"
    oldest = f", back to {_moment(coverage.oldest)}" if coverage.oldest else ""
    yield f"  conversations  {coverage.conversations:,}{oldest}"
    if coverage.as_of:
        yield f"  fresh          read {_ago(coverage.as_of, now)}, {_moment(coverage.as_of)}"
    if coverage.full_sync_at is None:
        yield "  complete       no: the list has not been read to its end yet"
    else:
        since = (
            f"read as a whole {_ago(coverage.full_sync_at, now)}, {_moment(coverage.full_sync_at)}"
        )
        yield f"  complete       {'no' if coverage.gap else 'yes'}, {since}"
    if coverage.gap:
        yield f"  gap            {coverage.gap}"
    if not reasons:
        yield "  quarantined    none"
        return
    yield f"  quarantined    {sum(reasons.values()):,} that could not be read:"
    told: Counter[str] = Counter()
    for reason, count in reasons.items():
        told[_safe(reason)] += count
    for why, count in told.most_common():
        yield f"    {count:,} x  {why}"


def _safe(reason: str) -> str:
    """The field of a record's first problem, and what is wrong if it is in words of ours."""
    field, problem = _FIELD.match(reason), _PROBLEM.search(reason)
    return f"{field[0] if field else 'row'}: {problem[0] if problem else 'does not fit'}"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _ago(when: datetime, now: datetime) -> str:
    seconds = max(now - when, timedelta()).total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "just now"
