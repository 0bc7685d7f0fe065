"""Dates as a CRM holds them: a day, a time, Unix numbers as text, or words without a meaning."""

from datetime import UTC, date, datetime, time
from functools import lru_cache

EARLIEST, LATEST = date(1980, 1, 1), date(2200, 1, 1)
"""A year outside these is a slip or a placeholder."""


def crm_date(value: str | datetime | None) -> date | datetime | None:
    """The day (`date`) or moment (aware `datetime`, UTC) that a date field means.

    ISO dates and times, `20260719`, and Unix seconds or milliseconds as text. `02/03/2026` has two
    readings, so it has none here.
    """
    if value is None:
        return None
    try:
        found = value if isinstance(value, datetime) else _read(value.strip())
    except (ValueError, OverflowError):
        return None
    if found is None:
        return None
    day = found.date() if isinstance(found, datetime) else found
    return found if EARLIEST <= day < LATEST else None


def crm_date_at(day: str | None, clock_time: str | None) -> date | datetime | None:
    """A day and a time of day that stand in two fields; without a readable time, the day.

    The result of both is a naive `datetime`: a time on the clocks of the configured time zone.
    """
    found = crm_date(day)
    if found is None or isinstance(found, datetime) or not clock_time:
        return found
    at = _time_of_day(clock_time)
    return found if at is None else datetime.combine(found, at)


@lru_cache(maxsize=1024)
def _time_of_day(text: str) -> time | None:
    """The time that `14:30`, `2:30 pm` or `9am` means."""
    bare = text.strip().upper().replace(".", "").replace(" ", "")
    for form in ("%H:%M", "%H:%M:%S", "%I:%M%p", "%I%p"):
        try:
            return datetime.strptime(bare, form).time()  # noqa: DTZ007  a time of day has no zone
        except ValueError:
            continue
    return None


def _read(text: str) -> date | datetime | None:
    if text.isascii() and text.isdecimal():
        if len(text) == len("20260719"):
            return date.fromisoformat(text)
        if len(text) in {10, 13}:
            return datetime.fromtimestamp(int(text[:10]), UTC)
        return None
    if len(text) == len("2026-07-19"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
