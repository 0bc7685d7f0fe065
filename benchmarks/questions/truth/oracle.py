"""Expected facts, computed from Convocore's rows in plain Python, by docs/contract.md.

Slow, obvious, and independent: neither this module nor `dataset`, which merges people, may import
the package. Shared code would share its mistakes.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

Row = dict[str, Any]
Facts = Any
"""JSON: exactly what a question asks for."""

READINGS: dict[str, tuple[float | None, str | None]] = {
    "12,500.50": (12500.5, None),
    "12.500,50 €": (12500.5, "EUR"),
    "$5k": (5000, None),  # a dollar of an unknown country
    "4800": (4800, None),
    "1 200": (1200, None),
    "€ 3.000": (None, "EUR"),  # three euros, or three thousand
    "abc": (None, None),
    "TBD": (None, None),
    "10-15k": (None, None),
}
"""Every text that the sandbox uses for money, with the amount and currency a person reads."""


def given(value: Any) -> Any:
    """The value, or None if it is null, blank text, or an empty list or object."""
    return (
        None if value in (None, [], {}) or (isinstance(value, str) and not value.strip()) else value
    )


def numeric(value: Any) -> float | None:
    """A number, also one that is written as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def unix_seconds(value: Any) -> float | None:
    """Unix seconds from seconds, milliseconds, or an ISO date or time."""
    number = numeric(value)
    if number is not None:
        return number / 1000 if number > 10**11 else number
    if given(value) is None:
        return None
    at = datetime.fromisoformat(value.strip())
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def rfc3339(at: float | None) -> str | None:
    """The time as answers show it."""
    return (
        None if at is None else datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )


def back(now: datetime, age: str) -> float:
    """The start of a window: `24h`, `7d`, `2w` before `now`."""
    hours = {"h": 1, "d": 24, "w": 168}[age[-1]] * int(age[:-1])
    return (now - timedelta(hours=hours)).timestamp()


# One conversation


def active(row: Row) -> float:
    """The last activity, in Unix seconds."""
    at = unix_seconds(row.get("ts"))
    assert at is not None
    return at


def score(row: Row) -> float | None:
    """`leadScore`; a zero that was never evaluated is no score."""
    points = numeric(row.get("leadScore"))
    evaluated = row.get("funnelScoreHistory") or row.get("funnelLastEvaluated")
    return points if points or evaluated else None


def channel(row: Row) -> str | None:
    """The channel (`origin`), which may be any JSON."""
    origin = given(row.get("origin"))
    if origin is None or isinstance(origin, str):
        return origin
    return json.dumps(origin, separators=(",", ":"), ensure_ascii=False)


def assignees(row: Row) -> list[str]:
    """Everything that identifies the assignee: name, email, id."""
    to = row.get("assignedTo") or {}
    called = (to.get("name"), to.get("email"), to.get("userId"), row.get("chatAssignedTo"))
    return [str(name) for name in called if given(name)]


def waits(row: Row) -> bool:
    """Whether the visitor waits for a human."""
    return bool(row.get("state") == "requested_chat")


def waits_since(row: Row) -> float | None:
    """Since when, in Unix seconds, if the row says so."""
    asked = (row.get("handoffHistory") or [{}])[-1]
    return (
        unix_seconds(asked.get("requestedAt")) if waits(row) and "acceptedAt" not in asked else None
    )


def alert(row: Row, *names: str) -> bool:
    """Whether one of these alerts is on."""
    return any((row.get("crmAlerts") or {}).get(name) is True for name in names)


def money(row: Row) -> tuple[float | None, str | None]:
    """Amount and currency; no amount where the text of the value names another currency."""
    value, sign = row.get("value"), None
    if isinstance(value, str):
        value, sign = READINGS[value] if value.strip() else (None, None)
    code = given(row.get("currency"))
    if sign and code and code.upper() != sign:
        value = None
    return value, code.upper() if code else sign


def email(row: Row) -> str | None:
    """The address in lower case, without blanks around it."""
    address = given(row.get("userEmail"))
    return address.strip().casefold() if address else None


def phone(row: Row) -> str | None:
    """The digits with the country code, which the sandbox always writes."""
    return re.sub(r"\D", "", row.get("userPhone") or "").removeprefix("00") or None


def language(row: Row) -> str | None:
    """The language spoken."""
    spoken: str | None = given(row.get("language")) or given(row.get("lang"))
    return spoken


def usage(row: Row, name: str) -> float:
    """One figure of `tokenUsage`, or 0."""
    return numeric((row.get("tokenUsage") or {}).get(name)) or 0


@lru_cache(maxsize=50_000)
def words(text: str) -> frozenset[str]:
    """Words without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(
        re.findall(r"\w+", "".join(c for c in decomposed if not unicodedata.combining(c)))
    )


def searched(row: Row) -> list[str]:
    """The texts that a search looks through."""
    names = ("userName", "userEmail", "userPhone", "userCompany", "title", "summary", "lastMessage")
    notes = given(row.get("notes")) or row.get("note")
    texts = [*(row.get(name) for name in names), notes, row.get("funnelSummary")]
    return [one for one in [*texts, *(row.get("tags") or [])] if isinstance(one, str)]


def text(row: Row) -> str:
    """All searched texts in lower case."""
    return " | ".join(searched(row)).casefold()


def says(row: Row, *wanted: str) -> bool:
    """Whether every text of `wanted` begins a word in the searched fields."""
    found = words(" ".join(searched(row)))
    return all(any(word.startswith(one) for word in found) for one in wanted)


def takes_part(row: Row) -> bool:
    """Whether it counts for leads: neither a test nor blocked."""
    return not row.get("isTest") and not row.get("isBlocked")


# Counting


def count_by(rows: Iterable[Any], of: Callable[[Any], str | None]) -> dict[str, int]:
    """The number of rows by value; `none` where there is no value."""
    return dict(Counter(given(of(row)) or "none" for row in rows))


def day(row: Row) -> str:
    """The day of the last activity, in UTC."""
    return datetime.fromtimestamp(active(row), UTC).date().isoformat()


def week(row: Row) -> str:
    """The ISO week of the last activity, in UTC."""
    year, number, _ = date.fromisoformat(day(row)).isocalendar()
    return f"{year}-W{number:02}"


def mean(values: Iterable[Any]) -> float | None:
    """The average of all numbers, to two decimal places."""
    numbers = [n for value in values if (n := numeric(value)) is not None]
    return round(sum(numbers) / len(numbers), 2) if numbers else None
