"""Periods as people say them, computed from the calendar of a time zone."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from benchmarks.questions.truth.oracle import Row, active

DAY = timedelta(days=1)
Period = tuple[float, float]
"""From and up to, without the end, in Unix seconds."""


def between(first: date, after_last: date, zone: tzinfo = UTC) -> Period:
    """The whole days from `first` up to and without `after_last`."""
    start, end = (datetime.combine(day, time(), zone) for day in (first, after_last))
    return start.timestamp(), end.timestamp()


def today(now: datetime, zone: tzinfo = UTC, offset: int = 0) -> Period:
    """The day that is `offset` days from today."""
    day = now.astimezone(zone).date() + offset * DAY
    return between(day, day + DAY, zone)


def week(now: datetime, zone: tzinfo = UTC, offset: int = 0) -> Period:
    """The week, from Monday, that is `offset` weeks from this one."""
    day = now.astimezone(zone).date()
    monday = day - day.weekday() * DAY + offset * 7 * DAY
    return between(monday, monday + 7 * DAY, zone)


def month(now: datetime, zone: tzinfo = UTC, offset: int = 0) -> Period:
    """The calendar month that is `offset` months from this one."""
    return months(now, zone, offset=offset, count=1)


def quarter(now: datetime, zone: tzinfo = UTC, offset: int = 0) -> Period:
    """The calendar quarter that is `offset` quarters from this one."""
    months_before = (now.astimezone(zone).month - 1) % 3
    return months(now, zone, offset=offset * 3 - months_before, count=3)


def months(now: datetime, zone: tzinfo, *, offset: int, count: int) -> Period:
    """A period of `count` calendar months; the first is `offset` months from this one."""
    local_now = now.astimezone(zone)
    first = local_now.year * 12 + local_now.month - 1 + offset
    ends = [date(n // 12, n % 12 + 1, 1) for n in (first, first + count)]
    return between(ends[0], ends[1], zone)


def active_in(rows: Iterable[Row], period: Period) -> list[Row]:
    """The rows whose last activity lies in the period."""
    return [row for row in rows if period[0] <= active(row) < period[1]]
