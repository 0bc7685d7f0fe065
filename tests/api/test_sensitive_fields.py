"""What could be used against a visitor is not stored, unless a setting says so."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.api import wire
from convocore_mcp.models import Conversation, Quarantined
from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

SECRETS = {
    "ipAddress": "84.23.11.9",
    "voiceflowV4Session": {"sessionKey": "4711-s1", "projectId": "p1"},
    "vapi": {"recordingUrl": "https://4711.example/r", "stereoRecordingUrl": "4711", "cost": 1.5},
    "voice": {"listenUrl": "wss://4711.example", "listenUrlUNIX": 4711, "latestSessionId": "4711"},
    "capturedVariables": [
        {"name": "api_token", "value": "4711"}, {"name": "city", "value": "Köln"},
    ],
    "funnelExtractedData": {"login": {"password": "4711", "user": "ann"}, "note": "84.23.11.9"},
    "origin": {"channel": "web", "userIp": "84.23.11.9"},
    "crmActivities": [{"title": "Call", "metadata": {"audioUrl": "4711", "room": 5}}],
    "funnelScoreHistory": [{"stepId": "s", "extractedData": {"pwd": "4711", "seats": 3}}],
    "authHeader": "4711",
    "device": {"remoteAddr": "84.23.11.9", "os": "Android"},
}  # fmt: skip
"""In each of these fields stands something with 4711 or the address."""


def parsed(raw: dict[str, Any], *, sensitive: bool) -> Conversation:
    found = wire.parse_conversation({"ID": "c1"} | raw, "agent", sensitive=sensitive)
    assert isinstance(found, Conversation)
    return found


@pytest.mark.parametrize("field", SECRETS)
def test_what_is_sensitive_is_not_in_the_record_that_is_stored(field: str) -> None:
    """Promised by docs/security.md, "What is stored"."""
    raw = {field: SECRETS[field]}
    record = parsed(raw, sensitive=False).record
    assert "4711" not in record
    assert "84.23" not in record
    assert any(mark in parsed(raw, sensitive=True).record for mark in ("4711", "84.23"))


def test_everything_else_stays_in_the_record() -> None:
    """Promised by docs/contract.md, "Resources": the whole record; secrets are left out."""
    row = parsed(SECRETS, sensitive=False)
    record = json.loads(row.record)
    assert record["vapi"] == {"cost": 1.5}
    assert record["voiceflow_v4_session"] == {"project_id": "p1"}
    assert record["origin"] == {"channel": "web"}
    assert record["crm_activities"] == [{"title": "Call", "metadata": {"room": 5}}]
    assert record["device"] == {"os": "Android"}
    assert row.facts.data == {"login": {"user": "ann"}, "city": "Köln"}


def test_a_row_that_cannot_be_read_is_kept_without_what_is_sensitive() -> None:
    """Promised by docs/security.md, "What is stored": quarantined rows, too."""
    found = wire.parse_conversation({"userName": "Ann", **SECRETS}, "agent")
    assert isinstance(found, Quarantined)
    assert "4711" not in found.raw
    assert "84.23" not in found.raw
    assert "Ann" in found.raw


@pytest.mark.parametrize("store_sensitive", [False, True])
async def test_the_mirror_holds_it_only_where_a_setting_says_so(
    tmp_path: Path, *, store_sensitive: bool
) -> None:
    """Promised by docs/operations.md, "Settings": `CONVOCORE_STORE_SENSITIVE`."""
    sandbox = Sandbox(size=0)
    sandbox.insert(ID="c1", userName="Ann Lee", **SECRETS)
    file = tmp_path / "mirror.sqlite3"
    async with connected(
        sandbox, store=str(file), store_sensitive=store_sensitive, details="all"
    ) as client:
        await client.until_read()
        record = await client.read("convocore://agents/demo-agent/conversations/c1")
    with closing(sqlite3.connect(file)) as database:
        stored = "\n".join(database.iterdump())
    assert ("84.23" in stored) is store_sensitive
    assert ("4711-s1" in stored) is store_sensitive
    assert "84.23" not in json.dumps(record)
    assert "4711" not in json.dumps(record)
