"""Dates: read as the CRM holds them, and written as a person says them."""

from datetime import UTC, datetime, timedelta

_MONTHS = (
    "Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def parse_date(text: str | None) -> datetime | None:
    """The time that a date field means, or `None` where it has no plausible reading.

    Reads ISO dates and times, and Unix seconds or milliseconds written as text. `02/03/2026` has
    two readings and therefore none.
    """
    if text is None:
        return None
    stripped = text.strip()
    is_number = stripped.isascii() and stripped.isdecimal()
    try:
        moment = _parse_number(stripped) if is_number else _parse_iso(stripped)
    except (ValueError, OverflowError):
        return None
    return plausible(moment)


def plausible(moment: datetime | None) -> datetime | None:
    """`moment`, unless its year is before 1980 or after 2199: that is a slip or a placeholder."""
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None


def _parse_iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_number(text: str) -> datetime | None:
    if len(text) == 8:  # 20260719
        return _parse_iso(text)
    if len(text) not in {10, 13}:
        return None
    return datetime.fromtimestamp(int(text[:10]), UTC)


def format_day(moment: datetime, *, now: datetime) -> str:
    """A day as a person says it: `12 July`, with the year if that is not the current one."""
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}{year}"


def format_duration(duration: timedelta) -> str:
    """A duration in its two largest units, rounded down: `3 h 10 min`, `2 d 4 h`."""
    total_minutes = int(duration.total_seconds() // 60)
    days, hours, minutes = total_minutes // 1440, total_minutes // 60 % 24, total_minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"
