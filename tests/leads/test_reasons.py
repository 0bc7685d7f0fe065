import json
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.dates import day, span, spoken
from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why
from convocore_mcp.models import WAITING, Conversation, Lead
from tests.conversations import AGENT, NOW, conversation, lists_of_conversations

LEAD = Lead(AGENT, "l", ("l",), assignee="Lina")
NOTHING = Profile([], now=NOW)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label": "hot", "score": 91.0}, ["label hot", "score 91"]),
        ({"state": WAITING}, ["waiting for a human"]),
        (
            {"state": WAITING, "waiting_since": NOW - timedelta(minutes=190)},
            ["waiting for a human for 3 h 10 min"],
        ),
        ({"state": WAITING, "waiting_since": NOW + timedelta(hours=1)}, ["waiting for a human"]),
        ({"state": "ended_chat", "waiting_since": NOW}, []),
        ({"stage": "demo_req"}, ["demo requested"]),
        ({"stage": "a-new-stage"}, []),
        (
            {"stage": "negotiation", "expected_close": "2026-07-23"},
            ["quote in negotiation, closes in 4 days"],
        ),
        ({"expected_close": "2026-07-19"}, ["closes today"]),
        ({"expected_close": "2026-07-20"}, ["closes in 1 day"]),
        ({"expected_close": "2026-07-21T00:00:00Z"}, ["closes in 2 days"]),
        ({"expected_close": "2026-07-18"}, ["was to close 1 day ago"]),
        ({"expected_close": "2027-07-18"}, []),
        ({"expected_close": "soon"}, []),
        ({"expected_close": "2026-07-20", "stage": "won"}, []),
        ({"alerts": ("overdue_activity", "overdue_ecd")}, ["an activity is overdue"]),
        ({"alerts": ("overdue_ecd",)}, ["the expected close date has passed"]),
        ({"assignee": None}, ["assigned to nobody"]),
        ({"assignee": None, "stage": "lost"}, []),
    ],
)
def test_each_fact_is_a_sentence(fields: dict[str, object], said: list[str]) -> None:
    """Promised by contract.md: `why`, a list of plain reasons."""
    assert why(replace(LEAD, **fields), NOTHING, now=NOW) == said  # type: ignore[arg-type]


def step(day_of_july: int, score: float) -> dict[str, object]:
    return {"timestamp": f"2026-07-{day_of_july:02}T10:00:00Z", "new_score": score}


@pytest.mark.parametrize(
    ("record", "fields", "said"),
    [
        (
            {"funnel_score_history": [step(1, 35), step(12, 60), step(19, 70), step(19, 86)]},
            {"score": 86.0},
            "score 86, was 60 on 12 July",
        ),
        ({"funnel_score_history": [step(18, 35), step(18, 60)]}, {"score": 60.0}, "score 60 since"),
        ({"funnel_score_history": [step(18, 35)]}, {"score": 60.0}, "score 60"),
        ({"funnel_score_history": [step(31, 60)]}, {"score": 60.0}, "score 60"),
        ({"demo_date": "2026-08-01"}, {"stage": "demo_conf"}, "demo confirmed for 1 Aug"),
        ({"demo_date": "tomorrow"}, {"stage": "demo_conf"}, "demo confirmed"),
        (
            {"crm_activities": [{"type": "Call", "due_date": "2025-08-01"}]},
            {"alerts": ("overdue_activity",)},
            "overdue: Call, due 1 Aug 2025",
        ),
        (
            {"crm_activities": [{"title": "Offer", "due_date": "2026-07-01T09:00:00Z"}]},
            {},
            "overdue: Offer, due 1 July",
        ),
    ],
)
def test_what_the_records_say_is_told_with_its_date(
    record: dict[str, object], fields: dict[str, object], said: str
) -> None:
    """Promised by issue 5, "Why hot", in its words."""
    details = Profile([conversation("c", record=json.dumps(record))], now=NOW)
    (reason,) = why(replace(LEAD, **fields), details, now=NOW)  # type: ignore[arg-type]
    assert reason.removesuffix(" 18 July") == said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-07-19", "2026-07-19T00:00:00+00:00"), (" 2026-07-19T22:11:03Z ", NOW.isoformat()),
        ("2026-07-20T00:11:03+02:00", NOW.isoformat()), ("1784499063", NOW.isoformat()),
        ("1784499063000", NOW.isoformat()), ("20260719", "2026-07-19T00:00:00+00:00"),
        ("02/03/2026", None), ("soon", None), ("", None), ("0001-01-01", None), ("0", None),
        ("9999-12-31", None), ("2026-02-30", None), ("NaN", None), ("12", None), (None, None),
    ],
)  # fmt: skip
def test_a_date_is_read_where_it_has_one_reading(text: str | None, found: str | None) -> None:
    """Promised by issue 5: all forms of the schema, and nonsense is not used in rules."""
    read = day(text)
    assert (read.astimezone(UTC).isoformat() if read else None) == found


def test_a_day_is_said_with_its_year_only_where_it_is_another() -> None:
    """Promised by issue 5: "12 July", "1 Aug"."""
    assert spoken(NOW, now=NOW) == "19 July"
    assert spoken(NOW - timedelta(days=365), now=NOW) == "19 July 2025"


@given(lists_of_conversations)
def test_whoever_a_lead_is_there_are_reasons_of_few_words(
    conversations: list[Conversation],
) -> None:
    """Ours: one line each, for a list of fifty."""
    for lead in merge([(c, keys(c)) for c in conversations]):
        assert all(0 < len(reason) < 80 for reason in why(lead, NOTHING, now=NOW))


@given(st.none() | st.text(st.characters(), max_size=30) | st.datetimes().map(str))
def test_no_date_field_is_too_odd(text: str | None) -> None:
    """Ours: upstream says string or number; a time has a zone or is UTC."""
    found = day(text)
    assert found is None or found.tzinfo is not None


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_a_span_never_says_more_than_has_passed(time: timedelta) -> None:
    """Ours: two units, rounded down."""
    units = {"d": 86400, "h": 3600, "min": 60}
    parts = span(time).split()
    seconds = sum(int(n) * units[u] for n, u in zip(parts[::2], parts[1::2], strict=True))
    assert 0 <= time.total_seconds() - seconds < units[parts[-1]] or len(parts) == 2
    assert seconds <= time.total_seconds()
