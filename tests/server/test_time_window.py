"""The times that the arguments `since` and `until` mean."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.times import Clock
from convocore_mcp.server.questions.time_window import read_window
from tests.conversations import NOW

FIRST = datetime(1000, 1, 1)  # noqa: DTZ001  hypothesis adds the zone


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def read_bound(name: str, text: str, *, now: datetime, zone: tzinfo = UTC) -> datetime | None:
    since, until = (text, "") if name == "since" else ("", text)
    first, last = read_window(since, until, clock=Clock.at(now, zone))
    return first if name == "since" else last


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("24h", NOW, NOW - timedelta(hours=24)),
        ("7d", NOW, NOW - timedelta(days=7)),
        (" 2 W ", NOW, NOW - timedelta(days=14)),
        ("0h", NOW, NOW),
        ("now", NOW, NOW),
        ("90min", NOW, NOW - timedelta(minutes=90)),
        ("1y", utc(2024, 2, 29), utc(2023, 2, 28)),
        ("9999w", NOW, NOW - timedelta(weeks=9999)),
        ("1mo", utc(2026, 3, 31, 12), utc(2026, 2, 28, 12)),
        ("1mo", utc(2024, 3, 31), utc(2024, 2, 29)),
        ("1mo", utc(2026, 1, 15), utc(2025, 12, 15)),
        ("12mo", utc(2024, 2, 29), utc(2023, 2, 28)),
        ("13mo", utc(2026, 1, 31), utc(2024, 12, 31)),
        ("3mo", utc(2026, 12, 31), utc(2026, 9, 30)),
        ("9999mo", utc(2026, 7, 1), utc(1193, 4, 1)),
        ("9999mo", utc(833, 1, 1), utc(1, 1, 1)),
        ("2026-07-19T22:00:00Z", NOW, utc(2026, 7, 19, 22)),
        ("2026-07-19T22:00:00+02:00", NOW, utc(2026, 7, 19, 20)),
        ("2026-07-19 22:00", NOW, utc(2026, 7, 19, 22)),
        ("2026-07-19T22:00:00.999Z", NOW, utc(2026, 7, 19, 22)),
    ],
)
def test_a_time_means_the_same_for_both_bounds(text: str, now: datetime, meant: datetime) -> None:
    """Promised by docs/contract.md, "Times"."""
    assert read_bound("since", text, now=now) == read_bound("until", text, now=now) == meant


@pytest.mark.parametrize("text", ["2026-07-19", "20260719"])
def test_a_day_without_a_time_is_the_whole_day(text: str) -> None:
    """Promised by docs/contract.md, "Times": both bound the last activity, inclusively.

    Holds docs/contract.md #periods.
    """
    assert read_bound("since", text, now=NOW) == utc(2026, 7, 19)
    assert read_bound("until", text, now=NOW) == utc(2026, 7, 19, 23, 59, 59)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_possible_day_are_valid(text: str) -> None:
    """Ours: some write such a day when they mean "always"."""
    assert read_bound("since", text, now=NOW) <= read_bound("until", text, now=NOW)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "someday", "7", "-7d", "1.5d", "123456d", "tomorrow", "next_week",
        "2026-13-01", "2026-02-30", "24:00", "2026", "2026-13", "2025-W53", "2026-W29-8",
        "2026-07-19T25:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "d", "½d",
    ],
)  # fmt: skip
def test_an_invalid_time_is_refused_with_the_name_of_its_argument(text: str) -> None:
    """Promised by docs/contract.md, "Times": an error that names it and lists what is valid."""
    with pytest.raises(InvalidArgumentError, match=r"since: .* is not a time") as caught:
        read_bound("since", text, now=NOW)
    assert "3mo or 1y (ago)" in caught.value.hint


@given(st.text(st.characters(), max_size=30), st.sampled_from(["since", "until"]))
def test_any_text_is_either_a_time_or_refused(text: str, name: str) -> None:
    """Ours: no other error is raised."""
    with suppress(InvalidArgumentError):
        found = read_bound(name, text, now=NOW)
        assert (found is None) is (not text.strip())
        assert found is None or (found.tzinfo is UTC and not found.microsecond)


@given(st.datetimes(FIRST, timezones=st.just(UTC)), st.integers(0, 9999))
def test_months_before_are_the_same_day_or_the_last_of_its_month(now: datetime, m: int) -> None:
    """Promised by docs/contract.md, "Times": `3mo`."""
    found = read_bound("since", f"{m}mo", now=now)
    assert found is not None
    assert (now.year - found.year) * 12 + now.month - found.month == m
    tomorrow = found + timedelta(days=1)
    assert found.day == now.day or (found.day < now.day and tomorrow.month != found.month)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", utc(2026, 7, 18, 22), utc(2026, 7, 19, 21, 59, 59)),
        ("yesterday", utc(2026, 7, 17, 22), utc(2026, 7, 18, 21, 59, 59)),
        ("this week", utc(2026, 7, 12, 22), utc(2026, 7, 19, 21, 59, 59)),
        ("LAST_WEEK", utc(2026, 7, 5, 22), utc(2026, 7, 12, 21, 59, 59)),
        ("this_month", utc(2026, 6, 30, 22), utc(2026, 7, 31, 21, 59, 59)),
        ("last_month", utc(2026, 5, 31, 22), utc(2026, 6, 30, 21, 59, 59)),
        ("this_quarter", utc(2026, 6, 30, 22), utc(2026, 9, 30, 21, 59, 59)),
        ("last_quarter", utc(2026, 3, 31, 22), utc(2026, 6, 30, 21, 59, 59)),
        ("this_year", utc(2025, 12, 31, 23), utc(2026, 12, 31, 22, 59, 59)),
        ("2026-07-19", utc(2026, 7, 18, 22), utc(2026, 7, 19, 21, 59, 59)),
        ("2026-03-29", utc(2026, 3, 28, 23), utc(2026, 3, 29, 21, 59, 59)),  # of 23 hours
        ("2026-10-25", utc(2026, 10, 24, 22), utc(2026, 10, 25, 22, 59, 59)),  # of 25 hours
        # As groups by week and month are called.
        ("2026-02", utc(2026, 1, 31, 23), utc(2026, 2, 28, 22, 59, 59)),
        ("2026-w53", utc(2026, 12, 27, 23), utc(2027, 1, 3, 22, 59, 59)),
        ("2026-W29-3", utc(2026, 7, 14, 22), utc(2026, 7, 15, 21, 59, 59)),
    ],
)
def test_a_period_begins_and_ends_in_the_time_zone(
    text: str, first: datetime, last: datetime
) -> None:
    """Promised by docs/contract.md, "Times": `since` takes the beginning, `until` the end.

    Holds docs/contract.md #time-forms #periods.
    """
    now, zone = utc(2026, 7, 19, 12), ZoneInfo("Europe/Berlin")
    assert read_bound("since", text, now=now, zone=zone) == first
    assert read_bound("until", text, now=now, zone=zone) == last


def test_three_m_is_refused_with_both_meanings() -> None:
    """Promised by docs/contract.md, "Times": a bare `3m` is refused.

    Holds docs/contract.md #three-m.
    """
    with pytest.raises(InvalidArgumentError, match="minutes or months") as caught:
        read_bound("since", "3m", now=NOW)
    assert "3min" in caught.value.hint
    assert "3mo" in caught.value.hint


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    """Promised by docs/contract.md, "Times": nothing is silently ignored."""
    with pytest.raises(InvalidArgumentError, match="is later than until"):
        read_window("2d", "3d", clock=Clock.at(NOW))
    assert read_window("", "", clock=Clock.at(NOW)) == (None, None)
    assert read_window("2026-07-19", "2026-07-19", clock=Clock.at(NOW))[0] is not None
