from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.due_dates import DueDates, due_dates, due_of, find_due_dates
from convocore_mcp.models import Activity, Conversation, RecordParts
from tests.conversations import NOW, conversation

BERLIN, AUCKLAND, HONOLULU = map(
    ZoneInfo, ("Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu")
)
ZONES = st.sampled_from([UTC, BERLIN, AUCKLAND, HONOLULU])
MOMENTS = st.integers(0, 2 * 365 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def with_activities(*activities: Activity, **fields: object) -> Conversation:
    """A conversation with these activities."""
    return replace(conversation("c", **fields), record_parts=RecordParts(crm_activities=activities))


def due(text: str, *, completed: bool | None = False) -> Activity:
    return Activity(due_date=text, completed=completed)


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), ZONES, MOMENTS)
def test_a_day_is_overdue_when_it_is_over_in_the_time_zone(
    day: date, zone: ZoneInfo, now: datetime
) -> None:
    """Promised by docs/contract.md, "Tools": `overdue`.

    Holds docs/contract.md #crm-days.
    """
    found = due_of(day.isoformat(), zone)

    assert found is not None
    assert (found.overdue_at <= now) == (now.astimezone(zone).date() > day)
    assert (found.at <= now) == (now.astimezone(zone).date() >= day)


@given(MOMENTS, ZONES, MOMENTS)
def test_a_time_is_overdue_once_it_has_passed(
    moment: datetime, zone: ZoneInfo, now: datetime
) -> None:
    """Ours: at the second at which something is due, it is not past yet."""
    for text in (moment.isoformat(), str(int(moment.timestamp())), moment):
        found = due_of(text, zone)

        assert found is not None
        assert (found.overdue_at <= now) == (moment < now)
        assert found.at == moment


ACTIVITIES = st.lists(
    st.builds(
        Activity,
        due_date=st.none()
        | st.just("someday")
        | MOMENTS.map(datetime.isoformat)
        | st.dates(date(2026, 6, 1), date(2026, 9, 1)).map(date.isoformat),
        completed=st.none() | st.booleans(),
    ),
    max_size=4,
)


@given(ACTIVITIES, ZONES, MOMENTS, st.booleans())
def test_an_activity_is_overdue_exactly_if_an_open_one_is(
    activities: list[Activity], zone: ZoneInfo, now: datetime, alerted: bool
) -> None:
    """Promised by docs/contract.md, "Tools": `overdue`, and Fields: `next_due`.

    Holds docs/contract.md #overdue.
    """
    alerts = ("overdue_activity",) if alerted else None
    found = due_dates(with_activities(*activities, alerts=alerts), zone)
    known = [
        one
        for activity in activities
        if not activity.completed and (one := due_of(activity.due_date, zone)) is not None
    ]

    expected = any(one.overdue_at <= now for one in known) if known else alerted
    assert found.activity_overdue(now) == expected
    assert sorted(found.activities) == sorted(known)
    ahead = [one for one in known if one.overdue_at > now]
    assert found.next_due(now) == min(ahead, default=None)


def test_a_moment_of_today_that_has_passed_is_overdue_and_today_itself_is_next() -> None:
    """Promised by docs/contract.md, "Fields": `next_due` counts today; earlier ones are overdue.

    Holds docs/contract.md #next-due.
    """
    found = due_dates(
        with_activities(due("2026-07-19"), due("2026-07-19T09:00:00Z"), due("2026-07-21")), UTC
    )

    assert found.activity_overdue(NOW)
    following = found.next_due(NOW)
    assert following is not None
    assert following.at == datetime(2026, 7, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "overdue"),
    [
        ({"expected_close": "2026-07-18"}, True),
        ({"expected_close": "2026-07-19"}, False),
        ({"expected_close": "2026-07-18", "stage": "proposal"}, True),
        ({"expected_close": "2026-07-18", "stage": "Won"}, False),
        ({"expected_close": "2026-07-18", "stage": " lost "}, False),
        ({"expected_close": "2026-07-30", "alerts": ("overdue_ecd",)}, False),
        ({"expected_close": "soon", "alerts": ("overdue_ecd",)}, True),
        ({"alerts": ("overdue_ecd",)}, True),
        ({"alerts": ("overdue_ecd",), "stage": "won"}, False),
        ({"alerts": ("overdue_activity",)}, False),
        ({}, False),
    ],
)
def test_the_close_is_overdue_only_while_the_stage_is_open(
    fields: dict[str, object], overdue: bool
) -> None:
    """Promised by docs/contract.md, "Tools": the date, else the alert."""
    found = due_dates(conversation("c", **fields), UTC)

    assert found.close_overdue(NOW) == overdue
    assert (found.close_overdue_at is not None and found.close_overdue_at <= NOW) or (
        overdue == found.close_alert
    )


def test_either_makes_a_conversation_overdue() -> None:
    """Promised by docs/contract.md, "Tools": an open activity or the expected close date.

    Holds docs/contract.md #overdue.
    """
    assert not DueDates().overdue(NOW)
    late = with_activities(due("2026-07-01"))
    assert due_dates(late, UTC).overdue(NOW)
    assert due_dates(late, UTC).activity_overdue_at == datetime(2026, 7, 2, tzinfo=UTC)
    assert due_dates(conversation("c", expected_close="2026-07-01"), UTC).overdue(NOW)
    assert not due_dates(with_activities(due("2026-07-01", completed=True)), UTC).overdue(NOW)


def test_due_dates_are_read_from_typed_times_too() -> None:
    """Ours: a row that was just read has times where a stored record has text."""

    class Planned:
        completed = None
        due_date = NOW - timedelta(minutes=1)

    assert find_due_dates([Planned()], None, None, (), BERLIN).activity_overdue(NOW)
