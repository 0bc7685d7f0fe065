"""Dates as a CRM holds them: a day, a time, Unix seconds as text, or words that are no date."""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache

EARLIEST, LATEST = date(1980, 1, 1), date(2200, 1, 1)
"""A date outside of these is a typing mistake or a placeholder."""
_NUMBERS = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})")
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OTHER_WORDS = frozenset({"st", "nd", "rd", "th", "of", "the"})


def crm_date(value: str | datetime | None) -> date | datetime | None:
    """The day (`date`) or moment (aware `datetime`, UTC) that a date field means.

    ISO dates and times, `20260719`, Unix seconds or milliseconds as text, and days that have one
    reading: `2026/7/19`, `19.07.2026`, `19/07/2026`, `19 July 2026`, `Jul 19, 2026`.
    `02/03/2026` may be a day in February or in March, so the result is `None`.
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

    The result of both is a naive `datetime`: a time on the clocks of the configured time zone. Many
    programs write a day as midnight UTC, so beside a time of day that is a day, too.
    """
    found = crm_date(day)
    at = _time_of_day(clock_time) if clock_time else None
    if found is None or at is None:
        return found
    if isinstance(found, datetime):
        return found if found.time() != time() else datetime.combine(found.date(), at)
    return datetime.combine(found, at)


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
    numbers = _NUMBERS.fullmatch(text)
    if numbers or (day := _day_of_words(text)):
        return _day_of_numbers(*numbers.group(1, 2, 3, 4)) if numbers else day
    if len(text) == len("2026-W29-7"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _day_of_numbers(first: str, separator: str, second: str, third: str) -> date | None:
    """The day that three numbers mean, if they have one reading."""
    if len(first) == 4:
        return date(int(first), int(second), int(third))
    if len(third) != 4:
        return None
    year, a, b = int(third), int(first), int(second)
    if separator == "." or a > 12:  # a point stands between numbers only where the day comes first
        return date(year, b, a)
    return date(year, a, b) if b > 12 or a == b else None


def _day_of_words(text: str) -> date | None:
    """The day of `19 July 2026` or `Sun, Jul 19th 2026`; `None` for other words."""
    words = [word for word in _WORDS.findall(text.lower()) if word not in _OTHER_WORDS]
    names = [word for word in words if not word.isdecimal() and not _begins_any(_WEEKDAYS, word)]
    numbers = [word for word in words if word.isdecimal()]
    if len(names) != 1 or len(numbers) != 2 or not _begins_any(_MONTHS, names[0]):
        return None
    years = [number for number in numbers if len(number) == 4]
    days = [number for number in numbers if len(number) <= 2]
    if len(years) != 1 or len(days) != 1:
        return None
    month = next(i for i, name in enumerate(_MONTHS, start=1) if name.startswith(names[0]))
    return date(int(years[0]), month, int(days[0]))


def _begins_any(names: tuple[str, ...], word: str) -> bool:
    """Whether `word` is one of `names`, or its beginning of three letters or more."""
    return len(word) >= 3 and any(name.startswith(word) for name in names)
