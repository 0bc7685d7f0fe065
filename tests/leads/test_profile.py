import json
from datetime import timedelta
from typing import Any

from convocore_mcp.leads.profile import TIMELINE, Profile, timeline
from convocore_mcp.models import Conversation
from tests.conversations import NOW, conversation

EARLIER = NOW - timedelta(days=1)


def when(hours: int) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def recorded(id_: str, record: dict[str, Any], **fields: Any) -> Conversation:
    return conversation(id_, record=json.dumps(record), **fields)


def test_every_address_and_number_is_listed_once_however_it_is_written() -> None:
    """Promised by contract.md: `emails`, `phones`; the newest way of writing it is shown."""
    found = Profile(
        [
            conversation("n", email="Ann@X.example", phone="+49 151 29260773"),
            conversation("o", email=" ann@x.example", phone="0151 29260773", country="DE"),
            conversation("p", email="other@x.example", phone="n/a"),
        ],
        now=NOW,
    )
    assert found.emails == ["Ann@X.example", "other@x.example"]
    assert found.phones == ["+49 151 29260773", "n/a"]


def test_the_newest_that_has_it_wins_and_what_adds_up_is_added() -> None:
    """Promised by contract.md: newest wins; `usage` is of all conversations."""
    found = Profile(
        [
            recorded("n", {"funnel_extracted_data": {"budget": 5}}, tags=("vip",), tokens=3),
            recorded(
                "o",
                {"summary": "Wants a demo", "captured_variables": {"budget": 4, "size": "L"}},
                tags=("new", "vip"),
                country="DE",
                tokens=4,
                usd=0.5,
            ),
        ],
        now=NOW,
    )
    assert (found.summary, found.wants, found.country) == ("Wants a demo", "Wants a demo", "DE")
    assert found.extracted == {"budget": 5, "size": "L"}
    assert (found.tags, found.tokens, found.usd) == (["vip", "new"], 7, 0.5)


def test_steps_are_what_is_planned_and_not_done_the_first_due_first() -> None:
    """Promised by contract.md: `next_steps` with `overdue`."""
    activities = [
        {"type": "Call", "title": "done", "due_date": when(5), "completed": True},
        {"type": "Call", "title": "tomorrow", "due_date": when(-24)},
        {"type": "Email", "title": "late", "due_date": when(5)},
        {"title": "someday", "due_date": "someday"},
        {"title": "no date"},
    ]
    steps = Profile([recorded("c", {"crm_activities": activities})], now=NOW).next_steps
    assert [(s.title, s.overdue) for s in steps] == [
        ("late", True), ("tomorrow", False), ("someday", False),
    ]  # fmt: skip


def test_the_timeline_tells_what_happened_newest_first() -> None:
    """Promised by contract.md: `timeline` (newest 15: `at`, `kind`, `text`)."""
    record = {
        "origin": "whatsapp",
        "first_message_ts": when(9),
        "last_message_ts": when(1),
        "last_message": "See you",
        "funnel_score_history": [
            {"timestamp": when(8), "step_name": "Budget", "points_added": 20, "new_score": 20.0}
        ],
        "crm_activities": [
            {"type": "Call", "date": when(7), "title": "Called", "completed": True,
             "notes_history": [{"timestamp": when(6), "text": "No answer"}, {"text": "undated"}]}
        ],
        "handoff_history": [{"requested_at": when(5), "accepted_at": when(4)}],
        "assigned_to": {"name": "Lina", "assigned_at": when(3)},
    }  # fmt: skip
    told = timeline([record])
    assert [(event.kind, event.text) for event in told] == [
        ("message", "See you"),
        ("assignment", "assigned to Lina"),
        ("handoff", "a human took over after 1 h"),
        ("handoff", "asked for a human"),
        ("note", "No answer"),
        ("call", "Called (done)"),
        ("score", "Budget: +20 points, score 20"),
        ("message", "first message by whatsapp"),
    ]
    assert timeline([record, record]) == told


def test_a_long_life_is_cut_to_its_newest_events() -> None:
    """Promised by contract.md: newest 15."""
    steps = [{"timestamp": when(hours), "step_name": str(hours)} for hours in range(40)]
    found = Profile([recorded("c", {"funnel_score_history": steps})], now=NOW).timeline
    assert len(found) == TIMELINE
    assert found[0].at == NOW


def test_of_nothing_nothing_is_said() -> None:
    """Promised by contract.md: what is unknown is left out."""
    found = Profile([conversation("c", record="{}")], now=NOW)
    assert not any(
        (found.emails, found.phones, found.links, found.summary, found.wants, found.tags,
         found.extracted, found.next_steps, found.timeline, found.tokens, found.usd)
    )  # fmt: skip
