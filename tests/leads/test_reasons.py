from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.leads.reasons import day, span, why
from convocore_mcp.models import WAITING, Conversation, Lead
from tests.talks import AGENT, NOW, lists_of_talks

LEAD = Lead(AGENT, "l", ("l",), assignee="Lina")


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
    assert why(replace(LEAD, **fields), now=NOW) == said  # type: ignore[arg-type]


@given(lists_of_talks)
def test_whoever_a_lead_is_there_are_reasons_of_few_words(talks: list[Conversation]) -> None:
    """Ours: one line each, for a list of fifty."""
    for lead in merge([(c, keys(c)) for c in talks]):
        assert all(0 < len(reason) < 80 for reason in why(lead, now=NOW))


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
