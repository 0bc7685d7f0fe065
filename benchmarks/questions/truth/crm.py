"""What a raw conversation says of deals, handoffs, calls and captured data, in plain code."""

import re
import statistics
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from benchmarks.questions.truth.oracle import Row, alert, given, numeric, unix_seconds, usage

DAY = timedelta(days=1)
Due = tuple[float, float]
"""When something is due, and from when on it is overdue, in Unix seconds."""


# Dates of the CRM


def due(value: Any, zone: tzinfo = UTC) -> Due | None:
    """A day is overdue when it is over, a time when it has passed."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        first = datetime.fromisoformat(value).replace(tzinfo=zone)
        after = datetime.combine(first.date() + DAY, first.time(), zone)
        return first.timestamp(), after.timestamp()
    at = unix_seconds(value)
    return None if at is None else (int(at), int(at) + 1)


def open_due_times(row: Row, zone: tzinfo = UTC) -> list[Due]:
    """When the open activities are due."""
    planned = [a for a in row.get("crmActivities") or [] if not a.get("completed")]
    return [found for a in planned if (found := due(a.get("dueDate"), zone))]


def closed(row: Row) -> bool:
    """Whether the deal is won or lost."""
    return row.get("stage") in ("won", "lost")


def activity_overdue(row: Row, now: float, zone: tzinfo = UTC) -> bool:
    """Whether an open activity is past its due date; without any such date, what the CRM says."""
    due_times = open_due_times(row, zone)
    return any(end <= now for _, end in due_times) if due_times else alert(row, "overdueActivity")


def close_overdue(row: Row, now: float, zone: tzinfo = UTC) -> bool:
    """Whether the expected close date of an open deal is past; else what the CRM says."""
    if closed(row):
        return False
    expected = due(row.get("expectedCloseDate"), zone)
    return expected[1] <= now if expected else alert(row, "overdueECD")


def overdue(row: Row, now: float, zone: tzinfo = UTC) -> bool:
    """Whether an activity or the close is overdue."""
    return activity_overdue(row, now, zone) or close_overdue(row, now, zone)


def next_due(row: Row, now: float, zone: tzinfo = UTC) -> float | None:
    """The first open activity that is not overdue."""
    return min((start for start, end in open_due_times(row, zone) if end > now), default=None)


def expected_close(row: Row) -> date | None:
    """The expected close date; the sandbox writes days."""
    text = given(row.get("expectedCloseDate"))
    return date.fromisoformat(text) if text else None


def demo(row: Row, zone: tzinfo = UTC) -> float | None:
    """The time of the demo, in Unix seconds."""
    day, at = given(row.get("demoDate")), given(row.get("demoTime"))
    if not day:
        return None
    return datetime.fromisoformat(f"{day}T{at or '00:00'}").replace(tzinfo=zone).timestamp()


# Humans


def newest_handoff(row: Row) -> Row:
    """The newest request for a human, or nothing."""
    return (row.get("handoffHistory") or [{}])[-1]  # type: ignore[no-any-return]


def handoffs(row: Row) -> int:
    """How often a human was asked for."""
    return len(row.get("handoffHistory") or [])


def seconds_between(first: Any, last: Any) -> float | None:
    """Seconds between two times; None where they run backwards or one is missing."""
    begin, end = unix_seconds(first), unix_seconds(last)
    return None if begin is None or end is None or end < begin else int(end - begin)


def pickup(row: Row) -> float | None:
    """Seconds from asked to accepted, newest handoff."""
    one = newest_handoff(row)
    return seconds_between(one.get("requestedAt"), one.get("acceptedAt"))


def handling(row: Row) -> float | None:
    """Seconds from accepted to done, newest handoff."""
    one = newest_handoff(row)
    return seconds_between(one.get("acceptedAt"), one.get("completedAt"))


def accepted_by(row: Row) -> str | None:
    """Who accepted the newest handoff."""
    return newest_handoff(row).get("acceptedBy")


def team(row: Row) -> str | None:
    """The team that was asked for."""
    return row.get("requestedTeamKey") or newest_handoff(row).get("requestedTeamKey")


# Size and cost


def created(row: Row) -> float:
    """The first message, else the conversation's time."""
    return unix_seconds(row.get("firstMessageTS")) or unix_seconds(row.get("ts")) or 0


def duration(row: Row) -> float | None:
    """Seconds from the first to the last message."""
    return seconds_between(row.get("firstMessageTS"), row.get("lastMessageTS"))


def messages(row: Row) -> float:
    """The number of messages."""
    return numeric(row.get("messagesNum")) or 0


def call_seconds(row: Row) -> float | None:
    """The length of the phone call."""
    return numeric((row.get("vapi") or {}).get("callDuration"))


def call_usd(row: Row) -> float:
    """The cost of the phone call."""
    return numeric((row.get("vapi") or {}).get("cost")) or 0


def ai_usd(row: Row) -> float:
    """The cost of the AI."""
    return usage(row, "cumulativeUsd")


def model(row: Row) -> str | None:
    """The AI model of the last turn."""
    return (row.get("tokenUsage") or {}).get("lastTurnModelId")


def dollars_by_model(rows: list[Row]) -> dict[str, float]:
    """What each model cost, by each model's own share."""
    found: dict[str, float] = {}
    for row in rows:
        for name, share in ((row.get("tokenUsage") or {}).get("usagePerModel") or {}).items():
            found[name] = found.get(name, 0) + (numeric(share.get("usd")) or 0)
    return found


# Captured data


def data(row: Row, name: str) -> Any:
    """A captured variable by its name, else the extracted value."""
    captured, extracted = row.get("capturedVariables"), row.get("funnelExtractedData") or {}
    if isinstance(captured, list):
        captured = {one["name"]: one["value"] for one in captured if "name" in one}
    if isinstance(captured, dict) and given(captured.get(name)) is not None:
        return captured[name]
    return given(extracted.get(name))


def amount(value: Any) -> float | None:
    """The number that a captured value is: `5k` are five thousand."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)k", value)):
        return float(found[1]) * 1000
    return numeric(value)


# Numbers


def median(values: list[float]) -> float | None:
    """The median; `None` of nothing."""
    return statistics.median(values) if values else None
