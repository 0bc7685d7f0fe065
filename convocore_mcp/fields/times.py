"""Times as people say them: `7d`, `today`, `last_week`, `2026-07-19`, in a time zone.

A period (a day, a week, a month) has a beginning and an end; an instant begins and ends at the same
moment. `since` takes the beginning of a period and `until` its end.

Source: docs/contract.md, "Times".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from convocore_mcp.errors import InvalidArgumentError

AGO_FORMS = "30min, 24h, 7d, 2w, 3mo or 1y (ago)"
PERIOD_NAMES = (
    "now", "today", "yesterday", "this_week", "last_week", "this_month", "last_month",
    "this_quarter", "last_quarter", "this_year",
)  # fmt: skip
FUTURE_NAMES = ("tomorrow", "next_week", "next_month")
_UNITS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS = {"mo": 1, "y": 12}
_RELATIVE = re.compile(r"(\+)?\s*(\d{1,5})\s*(min|mo|h|d|w|y|m)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?(\d))?", re.IGNORECASE)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` up to and without `end`, both aware and UTC; equal where an instant is meant."""

    begin: datetime
    end: datetime

    @property
    def is_instant(self) -> bool:
        """Whether this is a moment, not a stretch of time."""
        return self.begin == self.end

    @property
    def last_second(self) -> datetime:
        """The last whole second inside: what `until` means."""
        return self.end if self.is_instant else self.end - _SECOND


@dataclass(frozen=True, slots=True)
class Clock:
    """The present moment (UTC, whole seconds) and the time zone in which days begin."""

    now: datetime
    zone: tzinfo = UTC

    @classmethod
    def at(cls, now: datetime, zone: tzinfo = UTC) -> "Clock":
        """A clock that shows `now` without fractions of a second, as answers repeat it."""
        return cls(now.replace(microsecond=0), zone)

    @property
    def today(self) -> date:
        """The day it is in the time zone."""
        return self.now.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """The first moment of `day` in the time zone, as UTC; the calendar's bounds clamp it."""
        try:
            return datetime.combine(day, time(), self.zone).astimezone(UTC)
        except OverflowError:
            return datetime.combine(day, time(), UTC)

    def first_day_from(self, moment: datetime) -> date:
        """The first day that begins at `moment` or later."""
        day = moment.astimezone(self.zone).date()
        return day if self.midnight(day) >= moment else day + timedelta(days=1)

    def days(self, first: date, last: date) -> Period:
        """The period of whole days from `first` to `last`, both included."""
        end = _LAST if last == date.max else self.midnight(last + timedelta(days=1))
        return Period(self.midnight(first), end)


def read_period(name: str, text: str, *, clock: Clock, future: bool = False) -> Period:
    """The time that `text` means; `future` also allows `+7d`, `tomorrow`, `next_week`.

    Raises:
        InvalidArgumentError: `text` is none of the forms; the message names the argument `name`.
    """
    bare = text.strip().strip("\"'").strip()
    word = bare.lower().replace(" ", "_").replace("-", "_")
    named = _NAMED.get(word)
    if named is not None and (future or word in PERIOD_NAMES):
        return named(clock)
    if relative := _RELATIVE.fullmatch(bare):
        return _relative(name, text, relative, clock=clock, future=future)
    try:
        if days := _days(bare):
            return clock.days(*days)
        moment = datetime.fromisoformat(bare)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=clock.zone)
        moment = moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} is not a time.", hint=f"Use {time_forms(future=future)}."
        ) from None
    return Period(moment, moment)


def _days(text: str) -> tuple[date, date] | None:
    """The first and the last day of a date, a month (`2026-07`) or a week (`2026-W29`).

    Raises:
        ValueError: the calendar does not have it.
    """
    if _DATE.fullmatch(text):
        day = date.fromisoformat(text)
        return day, day
    if week := _WEEK.fullmatch(text):
        year, number, weekday = int(week[1]), int(week[2]), int(week[3] or 0)
        first = date.fromisocalendar(year, number, weekday or 1)
        return first, first if weekday else first + timedelta(days=6)
    if month := _MONTH.fullmatch(text):
        first = date(int(month[1]), int(month[2]), 1)
        return first, _last_of_month(first)
    return None


def time_forms(*, future: bool = False) -> str:
    """Every form that a time may have, for hints and descriptions."""
    names = PERIOD_NAMES + (FUTURE_NAMES if future else ())
    ahead = ", +7d (ahead)" if future else ""
    iso = "an ISO date or time (2026-07-19, 2026-07-19T22:00:00Z)"
    return f"{iso}, {AGO_FORMS}{ahead}, or {', '.join(names)}"


def _relative(name: str, text: str, found: re.Match[str], *, clock: Clock, future: bool) -> Period:
    ahead, count, unit = found[1], int(found[2]), found[3].lower()
    if unit == "m":
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} can mean minutes or months.",
            hint=f"Write {count}min for minutes, or {count}mo for months.",
        )
    if ahead and not future:
        raise InvalidArgumentError(
            f"{name}: {text[:60]!r} lies in the future, and this argument looks back.",
            hint=f"Use {time_forms()}.",
        )
    sign = 1 if ahead else -1
    try:
        if unit in _MONTHS:
            moment = _add_months(clock, sign * count * _MONTHS[unit])
        else:
            moment = clock.now + sign * count * _UNITS[unit]
    except (OverflowError, ValueError):
        moment = _LAST if ahead else _FIRST
    return Period(moment, moment)


def _add_months(clock: Clock, months: int) -> datetime:
    """The same time of day `months` months away; a day that the month lacks is its last one."""
    local = clock.now.astimezone(clock.zone)
    first = _month(local.date(), months)
    day = min(local.day, _last_of_month(first).day)
    return local.replace(year=first.year, month=first.month, day=day, fold=0).astimezone(UTC)


def _last_of_month(first: date) -> date:
    """The last day of the month that begins on `first`."""
    if (first.year, first.month) == (date.max.year, date.max.month):
        return date.max
    return _month(first, 1) - timedelta(days=1)


def _month(day: date, offset: int) -> date:
    """The first day of the month that lies `offset` months from the one of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + offset, 12)
    return date(year, month + 1, 1)


def _quarter(day: date, offset: int) -> date:
    """The first day of the quarter that lies `offset` quarters from the one of `day`."""
    return _month(day, offset * 3 - (day.month - 1) % 3)


def _days_from_today(first: int, last: int) -> Callable[[Clock], Period]:
    def period(clock: Clock) -> Period:
        today = clock.today
        return clock.days(today + timedelta(days=first), today + timedelta(days=last))

    return period


def _week(offset: int) -> Callable[[Clock], Period]:
    def period(clock: Clock) -> Period:
        monday = clock.today - timedelta(days=clock.today.weekday()) + timedelta(weeks=offset)
        return clock.days(monday, monday + timedelta(days=6))

    return period


def _between(start: Callable[[date, int], date], offset: int) -> Callable[[Clock], Period]:
    def period(clock: Clock) -> Period:
        first, following = start(clock.today, offset), start(clock.today, offset + 1)
        return clock.days(first, following - timedelta(days=1))

    return period


def _year(day: date, offset: int) -> date:
    return date(day.year + offset, 1, 1)


_NAMED: dict[str, Callable[[Clock], Period]] = {
    "now": lambda clock: Period(clock.now, clock.now),
    "today": _days_from_today(0, 0),
    "yesterday": _days_from_today(-1, -1),
    "tomorrow": _days_from_today(1, 1),
    "this_week": _week(0),
    "last_week": _week(-1),
    "next_week": _week(1),
    "this_month": _between(_month, 0),
    "last_month": _between(_month, -1),
    "next_month": _between(_month, 1),
    "this_quarter": _between(_quarter, 0),
    "last_quarter": _between(_quarter, -1),
    "this_year": _between(_year, 0),
}
