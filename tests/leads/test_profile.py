from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from convocore_mcp.leads.history.timeline import timeline
from convocore_mcp.leads.profile import MAX_EVENTS, Profile
from convocore_mcp.models import (
    Activity,
    ActivityNote,
    Assignment,
    Call,
    Handoff,
    RecordParts,
    ScoreStep,
)
from tests.conversations import NOW, conversation


def ago(hours: int) -> datetime:
    return NOW - timedelta(hours=hours)


def text_ago(hours: int) -> str:
    return ago(hours).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_every_address_and_number_is_listed_once_however_it_is_written() -> None:
    """Promised by docs/contract.md, "Tools": `emails`, `phones`; ours: as last written."""
    profile = Profile(
        [
            conversation("n", email="Ann@X.example", phone="+49 151 29260773"),
            conversation("o", email=" ann@x.example", phone="0151 29260773", country="DE"),
            conversation("p", email="other@x.example", phone="n/a"),
        ],
        now=NOW,
    )
    assert profile.emails == ["Ann@X.example", "other@x.example"]
    assert profile.phones == ["+49 151 29260773", "n/a"]


def test_the_newest_known_value_wins_and_usage_is_added_up() -> None:
    """Promised by docs/contract.md, "A lead": newest wins; "Tools": `usage` of all of them."""
    newer = RecordParts(funnel_extracted_data={"budget": 5})
    older = RecordParts(summary="Wants a demo", captured_variables={"budget": 4, "size": "L"})
    profile = Profile(
        [
            conversation(
                "n", record_parts=newer, tags=("vip",), tokens=3, links=("@ann", "a.example")
            ),
            conversation(
                "o",
                record_parts=older,
                tags=("new", "vip"),
                country="DE",
                tokens=4,
                usd=0.5,
                links=("b.example", "@ann"),
            ),
        ],
        now=NOW,
    )
    assert (profile.summary, profile.wants, profile.country) == (
        "Wants a demo", "Wants a demo", "DE",
    )  # fmt: skip
    assert profile.extracted == {"budget": 5, "size": "L"}
    assert (profile.tags, profile.tokens, profile.ai_usd) == (["vip", "new"], 7, 0.5)
    assert profile.links == ["@ann", "a.example", "b.example"]


def test_captured_variables_without_names_are_kept_as_they_came() -> None:
    """Ours: upstream promises no shape for `capturedVariables`."""
    newer, older = (
        RecordParts(captured_variables=["a", 1]),
        RecordParts(captured_variables={"size": "L"}),
    )
    profile = Profile(
        [conversation("n", record_parts=newer), conversation("o", record_parts=older)], now=NOW
    )
    assert profile.extracted == {"captured_variables": ["a", 1], "size": "L"}


def test_what_comes_next_is_the_first_step_and_then_what_is_overdue_newest_first() -> None:
    """Promised by docs/contract.md, "Tools": `next_steps` with `overdue`.

    Holds docs/contract.md #next-steps.
    """
    activities = (
        Activity(type="Call", title="done", due_date=text_ago(5), completed=True),
        Activity(type="Call", title="tomorrow", due_date=text_ago(-24)),
        Activity(type="Call", title="in an hour", due_date=text_ago(-1)),
        Activity(type="Email", title="very late", due_date=text_ago(50)),
        Activity(type="Email", title="late", due_date=text_ago(5)),
        Activity(type=" ", title="today", due_date="2026-07-19"),
        Activity(title="someday", due_date="someday"),
        Activity(title="no date"),
    )
    profile = Profile(
        [conversation("c", record_parts=RecordParts(crm_activities=activities))], now=NOW
    )
    assert [(step.title, step.overdue) for step in profile.next_steps] == [
        ("today", False), ("in an hour", False), ("tomorrow", False), ("someday", False),
        ("late", True), ("very late", True),
    ]  # fmt: skip
    assert profile.next_steps[0].type is None


def test_a_day_that_is_over_in_the_time_zone_is_overdue() -> None:
    """Promised by docs/contract.md, "Tools": one rule for what is overdue."""
    parts = RecordParts(crm_activities=(Activity(title="Call", due_date="2026-07-19"),))
    one = [conversation("c", record_parts=parts, alerts=("responded",))]
    in_utc, in_auckland = (
        Profile(one, now=NOW, zone=zone) for zone in (UTC, ZoneInfo("Pacific/Auckland"))
    )
    assert [step.overdue for step in (*in_utc.next_steps, *in_auckland.next_steps)] == [False, True]
    assert (in_utc.activity_overdue, in_auckland.activity_overdue) == (False, True)
    assert in_utc.alerts == ["responded"]
    assert in_auckland.alerts == ["overdue_activity", "responded"]


def test_alerts_follow_the_dates_where_they_are_known() -> None:
    """Promised by docs/contract.md, "Tools": one rule in filters, counts, `alerts` and `why`."""
    wrong = conversation(
        "n", expected_close="2026-08-01", alerts=("overdue_ecd", "overdue_activity")
    )
    older = conversation("o", expected_close="2026-07-01", stage="proposal", alerts=("stale_lead",))
    assert Profile([wrong], now=NOW).alerts == ["overdue_activity"]
    assert Profile([wrong, older], now=NOW).alerts == [
        "overdue_ecd", "overdue_activity", "stale_lead",
    ]  # fmt: skip


def test_what_earned_most_score_is_quoted() -> None:
    """Promised by docs/contract.md, "Tools": `said`, up to three quotes that earned score."""
    newer, older = (
        RecordParts(
            funnel_score_history=tuple(
                ScoreStep(points_added=points, message_context=text) for points, text in steps
            )
        )
        for steps in (
            [(10, "We are ten"), (0, "Hello"), (-5, "Too expensive"), (None, "Hm")],
            [(30, "Budget is 25k"), (10, "Next month"), (30, "Budget is 25k"), (20, " "), (5, "x")],
        )
    )
    profile = Profile(
        [conversation("n", record_parts=newer), conversation("o", record_parts=older)], now=NOW
    )
    assert profile.said == ["Budget is 25k", "We are ten", "Next month"]


@pytest.mark.parametrize(
    ("day", "time", "shown"),
    [
        ("2026-08-01", "14:30", "2026-08-01T12:30:00Z"), ("2026-08-01", None, "2026-08-01"),
        ("2026-08-01", "noonish", "2026-08-01"), ("next week", "14:30", "next week"),
        ("2026-08-01T14:30:00Z", None, "2026-08-01T14:30:00Z"), (None, "14:30", None),
        ("2026-08-01T00:00:00.000Z", "14:30", "2026-08-01T12:30:00Z"),
        ("2026-08-01T00:00:00.000Z", "noonish", "2026-08-01T00:00:00Z"),
        ("2026-08-01T09:00:00Z", "14:30", "2026-08-01T09:00:00Z"),
    ],
)  # fmt: skip
def test_a_demo_has_its_date_and_time(day: str | None, time: str | None, shown: str | None) -> None:
    """Promised by docs/contract.md, "Fields": `demo`, its date and time."""
    parts = RecordParts(demo_date=day, demo_time=time)
    berlin = ZoneInfo("Europe/Berlin")
    assert Profile([conversation("c", record_parts=parts)], now=NOW, zone=berlin).demo == shown


def test_costs_are_added_up_by_kind() -> None:
    """Promised by docs/contract.md, "Tools": `usage` (`tokens`, `ai_usd`, `call_usd`)."""
    calls = [RecordParts(vapi=Call(cost=cost)) for cost in (0.5, 0.25, 1e308, None)]
    rows = [conversation(str(i), record_parts=d, usd=1.5) for i, d in enumerate(calls)]
    profile = Profile(rows, now=NOW)
    assert (profile.ai_usd, profile.call_usd) == (6.0, 0.75)


def test_the_timeline_has_what_happened_newest_first() -> None:
    """Promised by docs/contract.md, "Tools": `timeline` with `at`, `kind`, `text`."""
    parts = RecordParts(
        origin="whatsapp",
        first_message_ts=ago(9),
        last_message_ts=ago(1),
        last_message="See you",
        funnel_score_history=(
            ScoreStep(timestamp=ago(8), step_name="Budget", points_added=20, new_score=20.0),
        ),
        crm_activities=(
            Activity(
                type="Call",
                title="Called",
                date=text_ago(7),
                completed=True,
                notes_history=(
                    ActivityNote(timestamp=text_ago(6), text="No answer"),
                    ActivityNote(text="undated"),
                ),
            ),
        ),
        handoff_history=(Handoff(requested_at=ago(5), accepted_at=ago(4)),),
        assigned_to=Assignment(name="Lina", assigned_at=text_ago(3)),
    )
    events = timeline([parts], now=NOW)
    assert [(event.kind, event.text) for event in events] == [
        ("message", "See you"),
        ("assignment", "assigned to Lina"),
        ("handoff", "a human took over after 1 h"),
        ("handoff", "asked for a human"),
        ("note", "No answer"),
        ("call", "Called (done)"),
        ("score", "Budget: +20 points, score 20"),
        ("message", "first message by whatsapp"),
    ]
    assert timeline([parts, parts], now=NOW) == events


def test_what_is_only_planned_is_no_history() -> None:
    """Promised by docs/contract.md, "Tools": what is only planned is a next step.

    Holds docs/contract.md #timeline.
    """
    activities = (
        Activity(type="Call", title="planned", date=text_ago(5), due_date=text_ago(-5)),
        Activity(type="Call", title="late", date=text_ago(5), due_date=text_ago(2)),
        Activity(type="Demo", title="to come", date=text_ago(-5), completed=True),
        Activity(
            type="Call", title="called", date=text_ago(4), due_date=text_ago(2), completed=True
        ),
        Activity(type="", title="written down", date=text_ago(6)),
    )
    events = timeline([RecordParts(crm_activities=activities)], now=NOW)
    assert [(event.kind, event.text) for event in events] == [
        ("call", "called (done)"), ("activity", "written down"),
    ]  # fmt: skip


def test_an_event_with_an_implausible_time_is_left_out() -> None:
    """Ours: a year before 1980 or after 2199 is a slip or a placeholder."""
    long_ago = datetime(1970, 1, 2, tzinfo=NOW.tzinfo)
    parts = RecordParts(
        first_message_ts=long_ago,
        handoff_history=(Handoff(requested_at=long_ago, accepted_at=NOW),),
        funnel_score_history=(ScoreStep(timestamp=long_ago, new_score=5),),
    )
    assert [event.text for event in timeline([parts], now=NOW)] == ["a human took over"]
    assert Profile([conversation("c", record_parts=parts)], now=NOW).score_history == []


def test_the_timeline_is_cut_to_the_newest_events() -> None:
    """Promised by docs/contract.md, "Tools": the newest 15.

    Holds docs/contract.md #timeline.
    """
    steps = tuple(ScoreStep(timestamp=ago(hours), step_name=str(hours)) for hours in range(40))
    parts = RecordParts(funnel_score_history=steps)
    events = Profile([conversation("c", record_parts=parts)], now=NOW).timeline
    assert len(events) == MAX_EVENTS
    assert events[0].at == NOW


def test_an_empty_conversation_has_an_empty_profile() -> None:
    """Promised by docs/contract.md, "Rules for every answer": what is unknown is left out."""
    profile = Profile([conversation("c")], now=NOW)
    assert not any(
        (profile.emails, profile.phones, profile.links, profile.summary, profile.wants,
         profile.tags, profile.extracted, profile.next_steps, profile.timeline, profile.tokens,
         profile.ai_usd, profile.call_usd, profile.said, profile.alerts, profile.demo,
         profile.lost_reason, profile.campaign)
    )  # fmt: skip
