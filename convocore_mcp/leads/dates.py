"""Dates as the CRM holds them, and as a person says them."""

from datetime import UTC, datetime, timedelta

_MONTHS = (
    "Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def day(text: str | None) -> datetime | None:
    """The time that a date field means; `None` where nobody could tell, or it can't be meant.

    ISO dates and times, and Unix seconds or milliseconds written as text. `02/03/2026` has two
    readings and so has none; a year before 1980 or after 2199 is a slip or a placeholder.
    """
    if text is None:
        return None
    bare = text.strip()
    try:
        found = _unix(bare) if bare.isascii() and bare.isdecimal() else _iso(bare)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and _EARLIEST <= found < _LATEST else None


def _iso(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _unix(text: str) -> datetime | None:
    if len(text) == 8:  # 20260719
        return _iso(text)
    if len(text) not in {10, 13}:
        return None
    return datetime.fromtimestamp(int(text[:10]), UTC)


def spoken(moment: datetime, *, now: datetime) -> str:
    """A day: `12 July`, with the year if it is not this one."""
    moment = moment.astimezone(UTC)
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}{year}"


def span(time: timedelta) -> str:
    """A length of time in the two largest units that matter: `3 h 10 min`."""
    minutes = int(time.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"
