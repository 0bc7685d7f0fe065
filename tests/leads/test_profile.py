from datetime import datetime, timedelta

from convocore_mcp.leads.profile import TIMELINE_LENGTH, Profile, timeline
from convocore_mcp.models import (
    Activity,
    ActivityNote,
    Assignment,
    Details,
    Handoff,
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
    newer = Details(funnel_extracted_data={"budget": 5})
    older = Details(summary="Wants a demo", captured_variables={"budget": 4, "size": "L"})
    profile = Profile(
        [
            conversation("n", details=newer, tags=("vip",), tokens=3, links=("@ann", "a.example")),
            conversation(
                "o",
                details=older,
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
    assert (profile.tags, profile.tokens, profile.usd) == (["vip", "new"], 7, 0.5)
    assert profile.links == ["@ann", "a.example", "b.example"]


def test_captured_variables_without_names_are_kept_as_they_came() -> None:
    """Ours: upstream promises no shape for `capturedVariables`."""
    newer, older = Details(captured_variables=["a", 1]), Details(captured_variables={"size": "L"})
    profile = Profile([conversation("n", details=newer), conversation("o", details=older)], now=NOW)
    assert profile.extracted == {"captured_variables": ["a", 1], "size": "L"}


def test_next_steps_are_planned_and_not_done_and_the_first_due_comes_first() -> None:
    """Promised by docs/contract.md, "Tools": `next_steps` with `overdue`."""
    activities = (
        Activity(type="Call", title="done", due_date=text_ago(5), completed=True),
        Activity(type="Call", title="tomorrow", due_date=text_ago(-24)),
        Activity(type="Email", title="late", due_date=text_ago(5)),
        Activity(title="someday", due_date="someday"),
        Activity(title="no date"),
    )
    profile = Profile([conversation("c", details=Details(crm_activities=activities))], now=NOW)
    assert [(step.title, step.overdue) for step in profile.next_steps] == [
        ("late", True), ("tomorrow", False), ("someday", False),
    ]  # fmt: skip


def test_the_timeline_has_what_happened_newest_first() -> None:
    """Promised by docs/contract.md, "Tools": `timeline` with `at`, `kind`, `text`."""
    details = Details(
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
    events = timeline([details])
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
    assert timeline([details, details]) == events


def test_an_event_with_an_implausible_time_is_left_out() -> None:
    """Ours: a year before 1980 or after 2199 is a slip or a placeholder."""
    long_ago = datetime(1970, 1, 2, tzinfo=NOW.tzinfo)
    details = Details(
        first_message_ts=long_ago,
        handoff_history=(Handoff(requested_at=long_ago, accepted_at=NOW),),
        funnel_score_history=(ScoreStep(timestamp=long_ago, new_score=5),),
    )
    assert [event.text for event in timeline([details])] == ["a human took over"]
    assert Profile([conversation("c", details=details)], now=NOW).score_history == []


def test_the_timeline_is_cut_to_the_newest_events() -> None:
    """Promised by docs/contract.md, "Tools": the newest 15."""
    steps = tuple(ScoreStep(timestamp=ago(hours), step_name=str(hours)) for hours in range(40))
    details = Details(funnel_score_history=steps)
    events = Profile([conversation("c", details=details)], now=NOW).timeline
    assert len(events) == TIMELINE_LENGTH
    assert events[0].at == NOW


def test_an_empty_conversation_has_an_empty_profile() -> None:
    """Promised by docs/contract.md, "Rules for every answer": what is unknown is left out."""
    profile = Profile([conversation("c")], now=NOW)
    assert not any(
        (profile.emails, profile.phones, profile.links, profile.summary, profile.wants,
         profile.tags, profile.extracted, profile.next_steps, profile.timeline, profile.tokens,
         profile.usd)
    )  # fmt: skip
