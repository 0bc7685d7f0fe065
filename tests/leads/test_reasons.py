from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.dates import format_day, format_duration, parse_date
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why
from convocore_mcp.models import WAITING, Activity, Conversation, Lead, RecordParts, ScoreStep
from tests.conversations import AGENT, NOW, conversation, lists_of_conversations

LEAD = Lead(AGENT, "l", ("l",), assignee="Lina")
NOTHING = Profile([], now=NOW)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"waiting": True}, ["waiting for a human"]),
        (
            {"waiting": True, "waiting_since": NOW - timedelta(minutes=190)},
            ["waiting for a human for 3 h 10 min"],
        ),
        ({"waiting": True, "waiting_since": NOW + timedelta(hours=1)}, ["waiting for a human"]),
        ({"state": WAITING, "waiting_since": NOW}, []),
        ({"stage": "demo_req"}, []),
        ({"stage": "negotiation", "expected_close": "2026-07-23"}, ["closes in 4 days"]),
        ({"expected_close": "2026-07-19"}, ["closes today"]),
        ({"expected_close": "2026-07-20"}, ["closes in 1 day"]),
        ({"expected_close": "2026-07-21T00:00:00Z"}, ["closes in 2 days"]),
        ({"expected_close": "2026-07-18"}, ["was to close 1 day ago"]),
        ({"expected_close": "2027-07-18"}, []),
        ({"expected_close": "soon"}, []),
        ({"expected_close": "2026-07-20", "stage": "won"}, []),
        ({"assignee": None}, ["assigned to nobody"]),
        ({"assignee": None, "stage": "lost"}, []),
    ],
)
def test_each_reason_is_a_sentence(fields: dict[str, object], reasons: list[str]) -> None:
    """Promised by docs/contract.md, "Tools": `why`, a list of reasons."""
    lead = replace(LEAD, **fields)  # type: ignore[arg-type]
    assert why(lead, NOTHING, now=NOW, hot=True)[1:] == reasons


@pytest.mark.parametrize(
    ("fields", "hot", "decision"),
    [
        ({"label": "hot", "score": 12.0}, True, "label hot decides"),
        ({"score": 91.0}, True, "score decides"),
        ({"score": 91.0, "label": "warm"}, False, "not hot: the label decides"),
        ({"score": 60.0}, False, "not hot: too few points"),
        ({}, False, "not hot: never scored"),
        ({"score": 91.0, "stage": "Won"}, False, "not hot: the deal is closed"),
    ],
)
def test_the_first_reason_is_what_decided(
    fields: dict[str, object], hot: bool, decision: str
) -> None:
    """Promised by docs/contract.md, "Tools": `why` says what decided."""
    lead = replace(LEAD, **fields)  # type: ignore[arg-type]
    assert why(lead, NOTHING, now=NOW, hot=hot)[0] == decision


@given(lists_of_conversations)
def test_no_reason_repeats_what_stands_beside_it(conversations: list[Conversation]) -> None:
    """Promised by docs/contract.md, "Tools": nothing that a neighbouring field says already.

    Holds docs/contract.md #lead-fields.
    """
    for lead in merge([(c, derive_keys(c)) for c in conversations]):
        profile = Profile([c for c in conversations if c.id in lead.conversation_ids], now=NOW)
        text = " ".join(why(lead, profile, now=NOW, hot=True))
        shown = {lead.label, lead.stage, lead.name, lead.company} - {None, "hot"}
        assert not shown & set(text.split())
        assert lead.score is None or f"score {lead.score:g}" not in text


def scored(*steps: tuple[int, float]) -> RecordParts:
    """The score on days of July 2026."""
    return RecordParts(
        funnel_score_history=tuple(
            ScoreStep(timestamp=datetime(2026, 7, day, 10, tzinfo=UTC), new_score=score)
            for day, score in steps
        )
    )


@pytest.mark.parametrize(
    ("parts", "fields", "expected"),
    [
        (
            scored((1, 35), (12, 60), (19, 70), (19, 86)),
            {"score": 86.0},
            "the score was 60 on 12 July",
        ),
        (scored((18, 35), (18, 60)), {"score": 60.0}, "this score since"),
        (scored((18, 35)), {"score": 60.0}, None),
        (scored((31, 60)), {"score": 60.0}, None),
        (RecordParts(demo_date="2026-08-01"), {}, "demo in 13 days"),
        (RecordParts(demo_date="2026-07-19", demo_time="9 am"), {}, "demo today"),
        (RecordParts(demo_date="2026-08-03"), {}, None),
        (RecordParts(demo_date="2026-07-18"), {}, None),
        (RecordParts(demo_date="tomorrow"), {}, None),
        (
            RecordParts(crm_activities=(Activity(type="Call", due_date="2025-08-01"),)),
            {"alerts": ("overdue_activity",)},
            "overdue since 1 Aug 2025: Call",
        ),
        (
            RecordParts(crm_activities=(Activity(title="Offer", due_date="2026-07-01T09:00:00Z"),)),
            {},
            "overdue since 1 July: Offer",
        ),
    ],
)
def test_a_reason_from_the_details_names_its_date(
    parts: RecordParts, fields: dict[str, object], expected: str | None
) -> None:
    """Promised by docs/contract.md, "Tools": `why` says what decided."""
    profile = Profile([conversation("c", record_parts=parts)], now=NOW)
    lead = replace(LEAD, **fields)  # type: ignore[arg-type]
    reasons = why(lead, profile, now=NOW, hot=True)[1:]
    assert [reason.removesuffix(" 18 July") for reason in reasons] == [expected] * bool(expected)


@pytest.mark.parametrize(
    ("alerts", "reasons"),
    [
        (("overdue_activity", "overdue_ecd"), ["an activity is overdue"]),
        (("overdue_ecd",), ["the expected close date has passed"]),
        ((), []),
    ],
)
def test_where_no_date_is_known_the_alert_is_the_reason(
    alerts: tuple[str, ...], reasons: list[str]
) -> None:
    """Promised by docs/contract.md, "Tools": one rule in filters, counts, `alerts` and `why`."""
    profile = Profile([conversation("c", alerts=alerts)], now=NOW)
    assert why(LEAD, profile, now=NOW, hot=True)[1:] == reasons


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-19", "2026-07-19T00:00:00+00:00"), (" 2026-07-19T22:11:03Z ", NOW.isoformat()),
        ("2026-07-20T00:11:03+02:00", NOW.isoformat()), ("1784499063", NOW.isoformat()),
        ("1784499063000", NOW.isoformat()), ("20260719", "2026-07-19T00:00:00+00:00"),
        *[(text, "2026-07-19T00:00:00+00:00") for text in (
            "2026/7/19", "19.07.2026", "19.7.2026", "19/07/2026", "7/19/2026", "19-07-2026",
            "19 July 2026", "Jul 19, 2026", "Sun, Jul 19th 2026", "the 19th of july 2026",
            "Jul 19 2026",
        )],
        ("02.03.2026", "2026-03-02T00:00:00+00:00"), ("3/3/2026", "2026-03-03T00:00:00+00:00"),
        ("Sept 19, 2026", "2026-09-19T00:00:00+00:00"),
        ("31.02.2026", None), ("July 2026", None), ("19 July", None), ("19/13/2026", None),
        ("02/03/2026", None), ("soon", None), ("", None), ("0001-01-01", None), ("0", None),
        ("9999-12-31", None), ("2026-02-30", None), ("NaN", None), ("12", None), (None, None),
    ],
)  # fmt: skip
def test_a_date_is_read_where_it_has_one_reading(text: str | None, expected: str | None) -> None:
    """Ours: upstream sends dates in several forms; a nonsensical one is not used."""
    found = parse_date(text)
    assert (found.astimezone(UTC).isoformat() if found else None) == expected


def test_a_day_has_a_year_only_if_it_is_not_the_current_year() -> None:
    """Ours: as a person says it."""
    assert format_day(NOW, now=NOW) == "19 July"
    assert format_day(NOW - timedelta(days=365), now=NOW) == "19 July 2025"


@given(lists_of_conversations)
def test_reasons_are_short_for_any_lead(
    conversations: list[Conversation],
) -> None:
    """Ours: a list may show fifty leads with their reasons."""
    for lead in merge([(c, derive_keys(c)) for c in conversations]):
        reasons = why(lead, NOTHING, now=NOW, hot=True)
        assert all(0 < len(reason) < 80 for reason in reasons)


@given(st.none() | st.text(st.characters(), max_size=30) | st.datetimes().map(str))
def test_any_text_is_read_as_an_aware_time_or_none(text: str | None) -> None:
    """Ours: upstream promises no format for date fields."""
    found = parse_date(text)
    assert found is None or found.tzinfo is not None


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_a_duration_is_never_rounded_up(time: timedelta) -> None:
    """Ours: two units, the smaller one rounded down."""
    units = {"d": 86400, "h": 3600, "min": 60}
    parts = format_duration(time).split()
    seconds = sum(int(n) * units[u] for n, u in zip(parts[::2], parts[1::2], strict=True))
    assert 0 <= time.total_seconds() - seconds < units[parts[-1]] or len(parts) == 2
    assert seconds <= time.total_seconds()
