"""Conversations come out of the mirror typed: with the parts of their record and an amount."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from sqlalchemy import select, update

from convocore_mcp.api import wire
from convocore_mcp.api.parsing.json_body import parse_json
from convocore_mcp.errors import DamagedRecordError
from convocore_mcp.leads.deals.money import read_deal
from convocore_mcp.models import (
    NO_RECORD_PARTS,
    Assignment,
    Call,
    Conversation,
    Filter,
    Handoff,
    RecordParts,
    ScoreStep,
)
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.parsed_records import record_parts_of
from convocore_mcp.store.database.schema import conversations, records
from tests.conversations import conversation, lists_of_conversations
from tests.store.agent_store import AgentStore
from tests.store.steps import examples_share_a_mirror

AT = datetime(2026, 7, 19, 22, 11, 3, tzinfo=UTC)


def read(**fields: object) -> Conversation:
    """A row of the list, as `api` reads it."""
    body = json.dumps({"ID": "c1", **fields}).encode()
    row = wire.parse_conversation(parse_json(body), "shop")
    assert isinstance(row, Conversation)
    return row


def test_a_record_gives_its_typed_parts() -> None:
    """Ours: what `api` typed is not read again as JSON with string keys."""
    seconds = int(AT.timestamp())
    row = read(
        origin="whatsapp",
        lastMessageTS=seconds * 1000 + 7,
        handoffHistory=[{"requestedAt": seconds, "acceptedBy": "lina"}],
        funnelScoreHistory=[{"timestamp": seconds, "stepId": "s", "newScore": "35"}],
        assignedTo={"name": "Lina", "assignedAt": "next week", "photoUrl": "https://x.example"},
        capturedVariables={"size": None, "colours": ["red"]},
        vapi={"cost": 0.5, "recordingUrl": "https://x.example"},
        crmActivities=None,
        aFieldOfTomorrow={"summary": 5},
    )
    assert record_parts_of(row.record) == RecordParts(
        origin="whatsapp",
        last_message_ts=AT,
        handoff_history=(Handoff(requested_at=AT, accepted_by="lina"),),
        funnel_score_history=(ScoreStep(timestamp=AT, step_id="s", new_score=35),),
        assigned_to=Assignment(name="Lina", assigned_at="next week"),
        captured_variables={"size": None, "colours": ["red"]},
        vapi=Call(cost=0.5),
    )


def test_every_row_of_the_sandbox_gives_details() -> None:
    """Ours: live rows differ from the documented shape; `api` reads them, so does the mirror."""
    lengths = ("handoffHistory", "crmActivities", "funnelScoreHistory")
    for raw in Sandbox(size=400, now=AT).rows():
        row = wire.parse_conversation(parse_json(json.dumps(raw).encode()), "shop")
        assert isinstance(row, Conversation)
        parts = record_parts_of(row.record)
        assert parts != NO_RECORD_PARTS
        found = (parts.handoff_history, parts.crm_activities, parts.funnel_score_history)
        assert [len(raw.get(name) or ()) for name in lengths] == list(map(len, found))


def test_a_record_of_another_shape_has_no_details() -> None:
    """Ours: one odd record does not spoil an answer."""
    assert (
        record_parts_of('{"crm_activities": 5}')
        == record_parts_of('"odd"')
        == record_parts_of("")
        == NO_RECORD_PARTS
    )


@examples_share_a_mirror
@given(lists_of_conversations)
def test_a_conversation_comes_with_the_amount_and_currency_of_its_value(
    database: Database, conversations: list[Conversation]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": a value is read, never guessed."""
    agent_store = AgentStore(database)
    agent_store.save(*conversations)
    at = agent_store.reader.sequence_number()
    found = agent_store.reader.find(
        agent_store.agent, Filter(), sort="newest", limit=99, at=at, after=None
    )
    assert len(found) == len(conversations)
    for c, _ in found:
        assert (c.amount, c.currency_key) == read_deal(c.value, c.currency)


def test_details_come_with_the_record_only(database: Database) -> None:
    """Ours: lists do not read records."""
    agent_store = AgentStore(database)
    agent_store.save(conversation("c1", record='{"demo_date": "tomorrow"}'))
    whole = agent_store.reader.conversation(agent_store.agent, "c1")
    assert whole is not None
    assert whole.record_parts == RecordParts(demo_date="tomorrow")
    assert [c.record_parts for c in agent_store.find()] == [NO_RECORD_PARTS]


def test_a_damaged_record_is_reported_once_and_read_again(database: Database) -> None:
    """Promised by docs/architecture.md, "The mirror": a damaged one heals by itself."""
    agent_store = AgentStore(database)
    row, other = (replace(read(ID=id_, summary="Wants a demo"), id=id_) for id_ in ("c1", "c2"))
    agent_store.save(row, other)
    agent_store.writer.update_coverage(agent_store.agent, as_of=AT, full_sync_at=AT)
    assert agent_store.writer.coverage(agent_store.agent).complete
    damaged = row.record[:-9]
    with database.writing() as connection:
        version = select(conversations.c.valid_from).where(
            conversations.c.agent_id == agent_store.agent, conversations.c.id == "c1"
        )
        in_version = records.c.valid_from.in_(version)
        connection.execute(update(records).where(in_version).values(record=damaged))

    with pytest.raises(DamagedRecordError) as caught:
        agent_store.reader.conversation(agent_store.agent, "c1")
    assert caught.value.code == "mirror_unavailable"
    coverage = agent_store.writer.coverage(agent_store.agent)
    assert not coverage.complete
    assert "damaged" in (coverage.gap or "")
    found = agent_store.reader.conversation(agent_store.agent, "c1")
    assert found is not None
    assert found.record_parts == NO_RECORD_PARTS

    assert agent_store.save(row, other, minute=1).updated == 1
    found = agent_store.reader.conversation(agent_store.agent, "c1")
    assert found is not None
    assert found.record_parts.summary == "Wants a demo"
