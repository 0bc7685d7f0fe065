"""The scalar types of the conversation record: numbers, times and amounts.

Only lossless conversions are made: `"5"` becomes 5, `"abc"` is an error.

Source: OpenAPI 1.0.4, `GET /agents/{agentId}/convos`; docs/upstream.md, "The list endpoint", for
seconds and milliseconds.
"""

import math
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
MILLISECONDS_FROM, MICROSECONDS_FROM, INVALID_FROM = 1e11, 1e14, 1e17
"""Seconds stay below 1e11 until the year 5138; milliseconds passed 1e11 in 1973, and so on."""


def parse_number(value: object) -> int | float:
    """`value` as a finite number, if it is one or is text that holds one."""
    # The fast way for nearly all values.
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.removeprefix("-").isdecimal() else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number")  # noqa: TRY004  pydantic wants a ValueError
    if not math.isfinite(value):
        raise ValueError("should be a finite number")
    return value


def parse_count(value: object) -> int | float:
    """A number that a database can store as an integer."""
    number = parse_number(value)
    if abs(number) > 2**53:
        raise ValueError("should be a number of at most 53 bits")
    return number


def parse_instant(value: object) -> datetime | None:
    """A time in UTC from Unix seconds, milliseconds, microseconds or ISO 8601; 0 means unknown."""
    # The fast way for nearly all values.
    if type(value) is int and MILLISECONDS_FROM <= value < MICROSECONDS_FROM:
        return datetime.fromtimestamp(value / 1e3, UTC)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if not text.removeprefix("-").replace(".", "", 1).isdecimal():
            instant = datetime.fromisoformat(text)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    seconds = float(parse_number(value))
    if seconds == 0:
        return None
    if seconds < 0 or seconds >= INVALID_FROM:
        raise ValueError("should be a time between 1970 and 5138")
    if seconds >= MICROSECONDS_FROM:
        seconds /= 1e6
    elif seconds >= MILLISECONDS_FROM:
        seconds /= 1e3
    return datetime.fromtimestamp(seconds, UTC)


def parse_instant_or_text(value: object) -> datetime | str | None:
    """A time in UTC, or the text unchanged if it does not say which time it means."""
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        if isinstance(value, str):
            return value
        raise


def parse_day_or_instant(value: object) -> datetime | str | None:
    """As `parse_instant_or_text`, but a day without a time stays a day: it has no moment in UTC."""
    if isinstance(value, str) and _DAY.fullmatch(day := value.strip()):
        return day
    return parse_instant_or_text(value)


def to_rfc3339(value: datetime | str | None) -> str | None:
    """A UTC time as RFC 3339 to the second; text and `None` stay unchanged."""
    # A record has a dozen times, and this is five times as fast as `strftime`.
    return f"{value.isoformat()[:19]}Z" if isinstance(value, datetime) else value


def parse_amount(value: object) -> int | float | str:
    """A value as somebody entered it: a number, or any text."""
    return value if isinstance(value, str) else parse_number(value)


def _without_nulls(value: object) -> object:
    return [item for item in value if item is not None] if isinstance(value, list) else value


_NUMBER_SCHEMA = WithJsonSchema({"type": "number"})
_TEXT_SCHEMA = WithJsonSchema({"type": "string"})
_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
_AMOUNT_SCHEMA = WithJsonSchema({"type": ["number", "string"]})
_AS_RFC3339 = PlainSerializer(to_rfc3339)
Number = Annotated[int | float, PlainValidator(parse_number), _NUMBER_SCHEMA]
Count = Annotated[int | float, PlainValidator(parse_count), _NUMBER_SCHEMA]
Instant = Annotated[datetime, PlainValidator(parse_instant), _AS_RFC3339, _TIME_SCHEMA]
InstantOrText = Annotated[
    datetime | str, PlainValidator(parse_instant_or_text), _AS_RFC3339, _TEXT_SCHEMA
]
DayOrInstant = Annotated[
    datetime | str, PlainValidator(parse_day_or_instant), _AS_RFC3339, _TEXT_SCHEMA
]
Amount = Annotated[int | float | str, PlainValidator(parse_amount), _AMOUNT_SCHEMA]
Texts = Annotated[list[str], BeforeValidator(_without_nulls)]
