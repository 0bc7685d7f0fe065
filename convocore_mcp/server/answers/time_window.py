"""What the arguments `since` and `until` mean."""

import re
from datetime import UTC, date, datetime, time, timedelta

from convocore_mcp.errors import InvalidArgumentError

_RELATIVE = re.compile(r"(\d{1,4})\s*([hdwm])", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_FORMS = "Use an ISO date or time (2026-07-19, 2026-07-19T22:00:00Z), or 24h, 7d, 2w, 3m (months)."
Window = tuple[datetime | None, datetime | None]
"""The first and the last second of a period; `None` is no bound."""


def read_bound(name: str, text: str, *, now: datetime) -> datetime | None:
    """The time that `text` means, in UTC and whole seconds, or `None` if it is empty.

    A day without a time means its first second in `since`, and its last one in `until`.

    Raises:
        InvalidArgumentError: the text has none of the forms of a time.
    """
    text = text.strip()
    if not text:
        return None
    now = now.replace(microsecond=0)  # answers and cursors carry whole seconds
    if relative := _RELATIVE.fullmatch(text):
        count, unit = int(relative[1]), relative[2].lower()
        if unit == "m":
            return _months_before(now, count)
        hours = {"h": 1, "d": 24, "w": 168}[unit]
        return now - timedelta(hours=count * hours)
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1, seconds=-1) if name == "until" else day
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgumentError(f"{name}: {text[:60]!r} is not a time.", hint=_FORMS) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise InvalidArgumentError(f"{name}: {text[:60]!r} is not a time.", hint=_FORMS) from None


def read_window(since: str, until: str, *, now: datetime) -> Window:
    """The window between both arguments.

    Raises:
        InvalidArgumentError: one of them is not a time, or `since` is later than `until`.
    """
    window = read_bound("since", since, now=now), read_bound("until", until, now=now)
    if window[0] and window[1] and window[0] > window[1]:
        raise InvalidArgumentError(
            f"since: {since!r} is later than until: {until!r}.", hint="Swap them."
        )
    return window


def _months_before(now: datetime, months: int) -> datetime:
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    if year < 1:
        return datetime(1, 1, 1, tzinfo=UTC)
    last = (datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(1)).day
    return now.replace(year=year, month=month + 1, day=min(now.day, last))
