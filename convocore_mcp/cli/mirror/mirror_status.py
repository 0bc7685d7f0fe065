"""The state of the mirror, as text for a terminal."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from convocore_mcp.models import Coverage, DetailsState, TrialResult
from convocore_mcp.store.engines.postgresql_connection import database_url

_FIELD = re.compile(r"[A-Za-z_]\w{0,60}")
_PROBLEM = re.compile(
    r"Input should be a valid (?:string|number|integer|boolean|list|dictionary)"
    r"|Field required|String should have at least 1 character|has more than \d{1,5} characters"
    r"|should be a (?:finite )?number(?: of at most 53 bits)?"
    r"|should be a time between 1970 and 5138"
    r"|could not convert string to float|Invalid isoformat string"
)
"""The parts of a quarantine reason that may be shown: the rest may quote what a visitor wrote."""


def location_text(location: str | Path) -> str:
    """Where the mirror is; of a URL only the host and the database, never the password.

    Raises:
        MirrorError: it is not a PostgreSQL URL.
    """
    if isinstance(location, Path):
        return str(location)
    url = database_url(location)
    return f"PostgreSQL, {url.host or 'this machine'}/{url.database or ''}"


def status_lines(
    agent: str,
    coverage: Coverage,
    details: DetailsState | None,
    reasons: Mapping[str, int],
    *,
    now: datetime,
) -> Iterator[str]:
    """The mirror of one agent; `reasons` counts the quarantined records by reason."""
    yield agent
    if coverage.as_of is None:
        yield "  nothing has been read yet; run convocore-mcp sync"
    oldest = f", back to {_time_text(coverage.oldest)}" if coverage.oldest else ""
    yield f"  conversations  {coverage.conversations:,}{oldest}"
    if coverage.as_of:
        age = age_text(coverage.as_of, now)
        yield f"  fresh          read {age}, {_time_text(coverage.as_of)}"
    if coverage.full_sync_at is None:
        yield "  complete       no: the list has not been read to its end yet"
    else:
        age = age_text(coverage.full_sync_at, now)
        complete = "no" if coverage.gap or coverage.doubt else "yes"
        yield f"  complete       {complete}, full sync {age}, {_time_text(coverage.full_sync_at)}"
    if coverage.gap:
        yield f"  gap            {coverage.gap}"
    if coverage.doubt:
        yield f"  doubt          {coverage.doubt}"
    yield f"  details        {details_text(details)}"
    yield from _quarantine_lines(reasons)


def details_text(details: DetailsState | None) -> str:
    """How far the reading of details is; `details` is about all conversations of the agent."""
    if details is None:
        return "off (CONVOCORE_DETAILS)"
    pending, trial = details.pending, details.trial and details.trial.result
    if trial == TrialResult.LIST_IS_FULL:
        return "not needed: single conversations add nothing to the list"
    if trial == TrialResult.REFUSED:
        return "Convocore gives no single conversations"
    text = f"{pending:,} still to be read" if pending else "nothing left to be read"
    return f"{text}; Convocore gives none of {details.refused:,}" if details.refused else text


def awaits_details(details: DetailsState | None) -> bool:
    """Whether a running server has details to read."""
    trial = details and details.trial and details.trial.result
    over = trial in {TrialResult.LIST_IS_FULL, TrialResult.REFUSED}
    return details is not None and details.pending > 0 and not over


def _quarantine_lines(reasons: Mapping[str, int]) -> Iterator[str]:
    if not reasons:
        yield "  quarantined    none"
        return
    yield f"  quarantined    {sum(reasons.values()):,} that could not be read:"
    safe_reasons: Counter[str] = Counter()
    for reason, count in reasons.items():
        safe_reasons[_safe_reason(reason)] += count
    for reason, count in safe_reasons.most_common():
        yield f"    {count:,} x  {reason}"


def _safe_reason(reason: str) -> str:
    """The name of the first field with a problem, and the problem if it is one that we know."""
    field, problem = _FIELD.match(reason), _PROBLEM.search(reason)
    return f"{field[0] if field else 'row'}: {problem[0] if problem else 'does not fit'}"


def _time_text(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def age_text(time: datetime, now: datetime) -> str:
    """How long ago `time` was, in its largest unit."""
    seconds = max(now - time, timedelta()).total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' * (number != 1)} ago"
    return "just now"
