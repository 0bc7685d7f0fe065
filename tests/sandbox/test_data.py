"""The generated rows."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import phonenumbers
import pytest

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sandbox.data.crm_fields import STAGES
from convocore_mcp.sandbox.data.live_deviations import NEW_STAGE, NEW_STATE, UNKNOWN_FIELD
from convocore_mcp.sandbox.data.texts import HOSTILE

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
STATES = {"ai-chatting", "human-chatting", "requested_chat", "ended_chat"}


@pytest.fixture(scope="module")
def documented() -> list[dict[str, Any]]:
    return list(Sandbox(dialect="page", now=NOW).rows())


@pytest.fixture(scope="module")
def live() -> list[dict[str, Any]]:
    return list(Sandbox(now=NOW).rows())


def seconds(ts: float) -> float:
    return ts / 1000 if ts > 10**11 else ts


def test_the_same_seed_gives_the_same_data(live: list[dict[str, Any]]) -> None:
    """Ours: a failed test can be repeated."""
    assert list(Sandbox(now=NOW).rows()) == live
    assert list(Sandbox(now=NOW, seed=2).rows())[:50] != live[:50]


@pytest.mark.parametrize("size", [0, 1, 7, 2000, 20_000])
def test_rows_are_newest_first_and_unique(size: int) -> None:
    """Promised by docs/upstream.md, "The list endpoint". By `ts`, in seconds or milliseconds."""
    rows = list(Sandbox(size=size, now=NOW).rows())
    times = [int(seconds(row["ts"])) for row in rows]

    assert all(a > b for a, b in pairwise(times))
    assert len({row["ID"] for row in rows}) == len(rows)
    assert all(time <= NOW.timestamp() for time in times)


def test_rows_cover_a_year_and_many_are_recent(documented: list[dict[str, Any]]) -> None:
    """Ours: questions about this week and about months ago both have answers."""
    ages = [(NOW.timestamp() - row["ts"]) / 86_400 for row in documented]

    assert sum(age < 7 for age in ages) > 300
    assert 330 < max(ages) < 400


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_stage_state_and_kind_of_row_occurs(seed: int) -> None:
    """Ours: every value that a client must handle occurs."""
    rows = list(Sandbox(dialect="page", seed=seed, now=NOW).rows())

    assert {row.get("stage") for row in rows} == {None, *STAGES}
    assert {row.get("state") for row in rows} == {None, *STATES}
    assert {row.get("hotLabel") for row in rows} == {None, "hot", "warm", "cold"}
    assert {"web-chat", "whatsapp", "instagram", "phone", "messenger"} <= {
        row["origin"] for row in rows
    }
    assert {type(row.get("value")) for row in rows} == {int, float, str, type(None)}
    assert {type(row.get("capturedVariables")) for row in rows} == {
        dict, list, str, int, float, bool, type(None),
    }  # fmt: skip
    texts = {value for row in rows for value in row.values() if isinstance(value, str)}
    assert len(texts & set(HOSTILE)) > len(HOSTILE) / 2
    currencies = {row["currency"] for row in rows if "currency" in row}
    assert {"EUR", "eur", "USD"} <= currencies
    assert any(row.get("isTest") for row in rows)
    assert any(row.get("isBlocked") for row in rows)
    assert any(row["ID"].startswith("demo-agent_") for row in rows)


def test_scores_are_the_sum_of_their_history(documented: list[dict[str, Any]]) -> None:
    """Promised by docs/upstream.md, "What scores mean". A zero counts only once evaluated."""
    kinds = set()
    for row in documented:
        history = row["funnelScoreHistory"]
        assert row["leadScore"] == sum(step["pointsAdded"] for step in history)
        assert 0 <= row["leadScore"] <= 100
        kinds.add((row["leadScore"] > 0, "funnelLastEvaluated" in row))

    assert {(False, False), (False, True), (True, True)} <= kinds


def test_the_last_handoff_of_a_waiting_visitor_is_not_accepted(
    documented: list[dict[str, Any]],
) -> None:
    """Promised by docs/upstream.md, "The list endpoint". The last handoff holds since when."""
    waiting = [row for row in documented if row.get("state") == "requested_chat"]

    assert waiting
    for row in waiting:
        last = row["handoffHistory"][-1]
        assert last["requestedAt"] <= row["ts"]
        assert "acceptedAt" not in last


def test_some_activities_are_overdue(documented: list[dict[str, Any]]) -> None:
    """Ours: alerts follow from the activities."""
    flags = {row["crmAlerts"]["overdueActivity"] for row in documented if "crmAlerts" in row}

    assert flags == {True, False}


def test_a_person_has_one_identity_at_most() -> None:
    """Ours: an email has one identity. Two people may share a phone."""
    identities, phones, conversations = defaultdict(set), defaultdict(set), defaultdict(set)
    for row in Sandbox(dialect="page", now=NOW, size=6000).rows():
        email = row.get("userEmail", "").strip().lower()
        identity = row.get("contactIdentityId")
        if email:
            conversations[email].add(row["origin"])
        if email and identity:
            identities[email].add(identity)
        if identity and "userPhone" in row:
            number = phonenumbers.parse(_international(row["userPhone"]), None)
            phones[number.country_code, number.national_number].add(identity)

    assert {len(known) for known in identities.values()} == {1}
    assert {len(sharing) for sharing in phones.values()} == {1, 2}
    assert sum(len(origins) > 1 for origins in conversations.values()) > 100


def test_phone_numbers_are_valid_in_many_notations(documented: list[dict[str, Any]]) -> None:
    """Ours: people and channels write numbers in different ways."""
    written = [row["userPhone"] for row in documented if "userPhone" in row]
    valid = [
        phonenumbers.is_valid_number(phonenumbers.parse(_international(p), None)) for p in written
    ]

    assert sum(valid) > 0.9 * len(valid)
    assert any(p.startswith("00") for p in written)
    assert any(p[0].isdigit() and not p.startswith("00") for p in written)
    assert any(p != p.strip() for p in written)


def test_live_rows_deviate_from_the_document(live: list[dict[str, Any]]) -> None:
    """Promised by docs/upstream.md, "The list endpoint". Live rows deviate from the document."""
    assert any(UNKNOWN_FIELD in row for row in live)
    assert any(row.get("stage") == NEW_STAGE for row in live)
    assert any(row.get("state") == NEW_STATE for row in live)
    assert any(None in row.values() for row in live)
    assert any(row["ts"] > 10**11 for row in live)
    assert any(isinstance(row["messagesNum"], str) for row in live)
    assert any(isinstance(row["leadScore"], str) for row in live)
    assert any(isinstance(row["origin"], dict) for row in live)
    assert '\\ud83d"' in json.dumps(live)


def _international(written: str) -> str:
    digits = written.strip()
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return digits.replace("(+", "+") if "+" in digits else f"+{digits}"
