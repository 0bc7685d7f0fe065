"""The scalar types of the conversation record: numbers, times and amounts.

Only lossless conversions are made: `"5"` becomes 5, `"abc"` is an error.

Source: OpenAPI 1.0.4, `GET /agents/{agentId}/convos`; docs/upstream.md, "The list endpoint", for
seconds and milliseconds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import core_schema

_GROUPED = re.compile(r"-?\d{1,3}\.\d{3}")
"""`1.000` is one thousand in some countries, and one in others."""
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
MILLISECONDS_FROM, MICROSECONDS_FROM, INVALID_FROM = 1e11, 1e14, 1e17
"""Seconds stay below 1e11 until the year 5138; milliseconds passed 1e11 in 1973, and so on."""
_WINDOWS_UNTIL = 32_503_680_000
"""Unix seconds of the year 3000: on Windows, `fromtimestamp` raises an `OSError` soon after it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ID_LENGTH = 240
"""Characters of an ID: more does not fit into an index of the mirror."""


MAX_NUMBER = 2**53
"""Above it, neither JavaScript nor a float tells neighbouring integers apart. Sums stay finite."""
MAX_COUNT = 10**12
"""Sums of counts over millions of rows stay within 64 bits."""


def parse_number(value: object) -> int | float:
    """`value` as a number up to `MAX_NUMBER`, if it is one or is text that holds one."""
    # The fast way for nearly all values. Not a number compares as false.
    if (type(value) is int or type(value) is float) and -MAX_NUMBER <= value <= MAX_NUMBER:
        return value
    if isinstance(value, str):
        text = value.strip()
        if "_" in text:  # Python would accept `1_000`
            raise ValueError("should be a number")
        value = int(text) if text.removeprefix("-").isdecimal() else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a number")  # noqa: TRY004  pydantic wants a ValueError
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise ValueError("should be a finite number of at most 53 bits")
    return value


def parse_count(value: object) -> int | float:
    """A whole number of tokens, messages and the like."""
    number = parse_number(value)
    if isinstance(value, str) and _GROUPED.fullmatch(value.strip()):
        raise ValueError("should be a number that is not one thousand to some and one to others")
    if type(number) is float and not number.is_integer():
        raise ValueError("should be a whole number")
    if not -MAX_COUNT <= number <= MAX_COUNT:
        raise ValueError("should be a number of at most 12 digits")
    return number


def parse_instant(value: object) -> datetime | None:
    """A time in UTC from Unix seconds, milliseconds, microseconds or ISO 8601; 0 means unknown.

    Raises:
        ValueError: it is no time, or none between 1970 and 5138.
    """
    # The fast way for nearly all values.
    if type(value) is int:
        if 0 < value < _WINDOWS_UNTIL:
            return datetime.fromtimestamp(value, UTC)
        if MILLISECONDS_FROM <= value < _WINDOWS_UNTIL * 1000:
            return datetime.fromtimestamp(value / 1e3, UTC)
    if isinstance(value, str):
        return _instant_from_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("should be a time")  # noqa: TRY004  pydantic wants a ValueError
    return _instant_from_number(value)


def _instant_from_number(value: float) -> datetime | None:
    if value == 0:
        return None
    if not 0 < value < INVALID_FROM:  # compared first: an integer may be too large for a float
        raise ValueError("should be a time between 1970 and 5138")
    seconds = float(value)
    if seconds >= MICROSECONDS_FROM:
        seconds /= 1e6
    elif seconds >= MILLISECONDS_FROM:
        seconds /= 1e3
    return instant_of(seconds)


def instant_of(seconds: float) -> datetime:
    """A time in UTC from Unix seconds, also one that Windows' own functions refuse."""
    return _EPOCH + timedelta(seconds=seconds)


def _instant_from_text(text: str) -> datetime | None:
    if not text:
        return None
    if text.removeprefix("-").replace(".", "", 1).isdecimal():
        return _instant_from_number(float(text))
    instant = datetime.fromisoformat(text)
    if instant.year == 1:
        return None  # the zero of .NET and Go
    if not 1970 <= instant.year < 5138:
        raise ValueError("should be a time between 1970 and 5138")
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)


def parse_instant_or_text(value: object) -> datetime | str | None:
    """A time in UTC, or the text unchanged if it does not say which time it means."""
    try:
        return parse_instant(value)
    except ValueError:
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


def parse_identifier(value: object) -> object:
    """Text unchanged but for U+0000, and a whole number as text.

    Blanks stay: IDs that differ by one are different conversations.
    """
    if isinstance(value, str):
        identifier = value.replace("\0", "\ufffd") if "\0" in value else value
    elif type(value) is int:
        identifier = str(value)
    else:
        raise ValueError("should be text or a whole number")
    if not 0 < len(identifier) <= MAX_ID_LENGTH:
        raise ValueError(f"should have 1 to {MAX_ID_LENGTH} characters")
    return identifier


def parse_amount(value: object) -> int | float | str:
    """A value as somebody entered it: a number, or any text."""
    return value if isinstance(value, str) else parse_number(value)


def _without_nulls(value: object) -> object:
    return [item for item in value if item is not None] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Reads a number by a function, and writes it as it is.

    `pydantic.PlainValidator` would also call a Python function to write each value: a tenth of the
    time that a row takes.
    """

    read: Callable[[object], object]

    def __get_pydantic_core_schema__(self, *_: object) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


_NUMBER_SCHEMA = WithJsonSchema({"type": "number"})
_TEXT_SCHEMA = WithJsonSchema({"type": "string"})
_TIME_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
_AMOUNT_SCHEMA = WithJsonSchema({"type": ["number", "string"]})
_AS_RFC3339 = PlainSerializer(to_rfc3339)
Number = Annotated[int | float, _Parsed(parse_number), _NUMBER_SCHEMA]
Count = Annotated[int | float, _Parsed(parse_count), _NUMBER_SCHEMA]
Instant = Annotated[datetime, PlainValidator(parse_instant), _AS_RFC3339, _TIME_SCHEMA]
InstantOrText = Annotated[
    datetime | str, PlainValidator(parse_instant_or_text), _AS_RFC3339, _TEXT_SCHEMA
]
DayOrInstant = Annotated[
    datetime | str, PlainValidator(parse_day_or_instant), _AS_RFC3339, _TEXT_SCHEMA
]
Amount = Annotated[int | float | str, _Parsed(parse_amount), _AMOUNT_SCHEMA]
SkipNulls = BeforeValidator(_without_nulls)
"""Ignores `null` among the items of a list."""
Texts = Annotated[list[str], SkipNulls]
Identifier = Annotated[str, BeforeValidator(parse_identifier), Field(min_length=1)]
IndexedText = Annotated[str, Field(max_length=MAX_ID_LENGTH)]
"""Text that conversations are joined by."""
