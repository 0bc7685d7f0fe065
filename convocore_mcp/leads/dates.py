"""Dates: read in the forms of the CRM, and written for people."""

from datetime import UTC, datetime, time, timedelta

from convocore_mcp.fields.crm_dates import crm_date

_MONTHS = (
    "Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def parse_date(text: str | None) -> datetime | None:
    """The time that a date field means, a day as its midnight in UTC (`fields.crm_dates`)."""
    found = crm_date(text)
    if found is None or isinstance(found, datetime):
        return found
    return datetime.combine(found, time(), UTC)


def plausible(moment: datetime | None) -> datetime | None:
    """`moment`, unless its year is before 1980 or after 2199: a typing error or a placeholder."""
    return moment if moment is not None and _EARLIEST <= moment < _LATEST else None


def format_day(moment: datetime, *, now: datetime) -> str:
    """A day for people: `12 July`, with the year if that is not the current one."""
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
