"""Times as people write them, and cursors."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.server.answers.time_window import (
    CURSOR_LIFE,
    Cursor,
    bound,
    moments,
    question_of,
    seconds,
    window,
)
from tests.conversations import NOW

FIRST = datetime(1000, 1, 1)  # noqa: DTZ001  hypothesis adds the zone


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("24h", NOW, NOW - timedelta(hours=24)),
        ("7d", NOW, NOW - timedelta(days=7)),
        (" 2 W ", NOW, NOW - timedelta(days=14)),
        ("0h", NOW, NOW),
        ("9999w", NOW, NOW - timedelta(weeks=9999)),
        ("1m", utc(2026, 3, 31, 12), utc(2026, 2, 28, 12)),
        ("1m", utc(2024, 3, 31), utc(2024, 2, 29)),
        ("1m", utc(2026, 1, 15), utc(2025, 12, 15)),
        ("12m", utc(2024, 2, 29), utc(2023, 2, 28)),
        ("13m", utc(2026, 1, 31), utc(2024, 12, 31)),
        ("3m", utc(2026, 12, 31), utc(2026, 9, 30)),
        ("9999m", utc(2026, 7, 1), utc(1193, 4, 1)),
        ("9999m", utc(833, 1, 1), utc(1, 1, 1)),
        ("2026-07-19T22:00:00Z", NOW, utc(2026, 7, 19, 22)),
        ("2026-07-19T22:00:00+02:00", NOW, utc(2026, 7, 19, 20)),
        ("2026-07-19 22:00", NOW, utc(2026, 7, 19, 22)),
        ("2026-07-19T22:00:00.999Z", NOW, utc(2026, 7, 19, 22)),
    ],
)
def test_a_time_means_the_same_for_both_bounds(text: str, now: datetime, meant: datetime) -> None:
    """Promised by contract.md: ISO date or time, or relative: `24h`, `7d`, `2w`, `3m`."""
    assert bound("since", text, now=now) == bound("until", text, now=now) == meant


@pytest.mark.parametrize("text", ["2026-07-19", "20260719"])
def test_a_bare_day_is_the_whole_day(text: str) -> None:
    """Promised by contract.md: both bound the last activity, inclusively."""
    assert bound("since", text, now=NOW) == utc(2026, 7, 19)
    assert bound("until", text, now=NOW) == utc(2026, 7, 19, 23, 59, 59)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_there_are_are_days(text: str) -> None:
    """Ours: whoever means "always" writes something like it."""
    assert bound("since", text, now=NOW) <= bound("until", text, now=NOW)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "7", "7y", "-7d", "1.5d", "12345d", "2026-13-01", "2026-02-30", "24:00",
        "2026-07-19T25:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "d", "½d",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    """Promised by contract.md: an error that names it and lists what is valid."""
    with pytest.raises(InvalidArgumentError, match=r"since: .* is no time") as caught:
        bound("since", text, now=NOW)
    assert "3m (months)" in caught.value.hint


@given(st.text(st.characters(), max_size=30), st.sampled_from(["since", "until"]))
def test_any_text_is_a_time_or_refused(text: str, name: str) -> None:
    """Ours: nothing else escapes."""
    with suppress(InvalidArgumentError):
        found = bound(name, text, now=NOW)
        assert (found is None) is (not text.strip())
        assert found is None or (found.tzinfo is UTC and not found.microsecond)


@given(st.datetimes(FIRST, timezones=st.just(UTC)), st.integers(0, 9999))
def test_months_before_are_the_same_day_or_the_last_of_its_month(now: datetime, m: int) -> None:
    """Promised by contract.md: `3m`."""
    found = bound("since", f"{m}m", now=now)
    assert found is not None
    assert (now.year - found.year) * 12 + now.month - found.month == m
    tomorrow = found + timedelta(days=1)
    assert found.day == now.day or (found.day < now.day and tomorrow.month != found.month)


def test_bounds_the_wrong_way_round_are_refused() -> None:
    """Promised by contract.md: nothing is silently ignored."""
    with pytest.raises(InvalidArgumentError, match="is later than until"):
        window("2d", "3d", now=NOW)
    assert window("", "", now=NOW) == (None, None)
    assert window("2026-07-19", "2026-07-19", now=NOW)[0] is not None


cursors = st.builds(
    Cursor,
    question=st.text("0123456789abcdef", min_size=12, max_size=12),
    generation=st.text("0123456789abcdef", min_size=8, max_size=8),
    sequence_number=st.integers(0, 2**62),
    issued=st.just(int(NOW.timestamp())),
    window=st.tuples(st.none() | st.integers(0, 2**40), st.none() | st.integers(0, 2**40)),
    after=st.lists(st.integers() | st.floats(allow_nan=False) | st.text(), max_size=3).map(tuple),
)


def decoded(text: str, like: Cursor, now: datetime = NOW) -> Cursor:
    return Cursor.decode(text, question=like.question, generation=like.generation, now=now)


@given(cursors)
def test_a_cursor_comes_back_as_it_was_given(cursor: Cursor) -> None:
    """Promised by contract.md: `next_cursor` leads on."""
    text = cursor.encode()
    assert text.isascii()
    assert decoded(text, cursor) == cursor


@given(cursors, st.data())
def test_any_damage_to_a_cursor_is_noticed(cursor: Cursor, data: st.DataObject) -> None:
    """Promised by contract.md: never another page than the next one."""
    text = cursor.encode()
    place = data.draw(st.integers(0, len(text)))
    piece = data.draw(st.text(st.characters(), max_size=3))
    gone = data.draw(st.integers(0, 3))
    damaged = text[:place] + piece + text[place + gone :]
    if damaged == text:
        return
    with pytest.raises(InvalidArgumentError, match="cursor: this is no cursor of ours") as caught:
        decoded(damaged, cursor)
    assert "Leave cursor out" in caught.value.hint


@given(
    st.binary(max_size=60)
    | st.text(st.characters(), max_size=60).map(lambda t: t.encode("utf-8", "replace"))
)
def test_no_cursor_of_somebody_elses_is_taken(content: bytes) -> None:
    """Ours: models make things up."""
    with pytest.raises(InvalidArgumentError):
        Cursor.decode(
            base64.urlsafe_b64encode(content).decode(), question="q", generation="e", now=NOW
        )


def test_a_cursor_goes_with_its_question_its_mirror_and_its_day() -> None:
    """Promised by contract.md: used with other filters it is an `invalid_argument`."""
    one = Cursor("q", "e", 7, int(NOW.timestamp()), (None, None), (1, "c"))
    text = one.encode()
    with pytest.raises(InvalidArgumentError, match="another question"):
        Cursor.decode(text, question="other", generation="e", now=NOW)
    with pytest.raises(InvalidArgumentError, match="expired"):
        Cursor.decode(text, question="q", generation="other", now=NOW)
    assert decoded(text, one, NOW + CURSOR_LIFE) == one
    with pytest.raises(InvalidArgumentError, match="expired"):
        decoded(text, one, NOW + CURSOR_LIFE + timedelta(seconds=1))
    assert Cursor.decode(text, question="q", generation="e", now=None) == one


def test_a_question_is_known_by_all_its_parts() -> None:
    """Ours: the order of a mapping is no part of a question."""
    assert question_of("a", {"x": 1, "y": 2}) == question_of("a", {"y": 2, "x": 1})
    assert question_of("a", None) != question_of("a", "None") != question_of("a")


def test_a_window_survives_the_cursor() -> None:
    """Promised by contract.md: `7d` must not mean another time on each page."""
    assert moments(seconds((NOW, None))) == (NOW, None)
