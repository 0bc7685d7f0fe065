"""What is too old leaves no trace in any table but one; on every engine."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from convocore_mcp.models import Conversation, Page, Quarantined, Speaker, Transcript, Turn
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from tests.conversations import NOW, conversation
from tests.store.agent_store import RULES, AgentStore, at
from tests.store.test_erasing import everything_in

MARK = "Quirinus"
"""A word that is nowhere but in what is too old."""
OLD, NEW = NOW - timedelta(days=40), NOW - timedelta(days=1)
KEPT = timedelta(days=30)


def old(id_: str, **fields: object) -> Conversation:
    return conversation(id_, summary=f"{MARK} said {id_}", last_activity=OLD, **fields)


def traces(store: AgentStore) -> set[str]:
    return {name for name, row in everything_in(store) if MARK.lower() in row.lower()}


@pytest.fixture(params=["memory", "in_file", "in_postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A mirror of its own: what is too old goes for all agents."""
    stores = {"memory": lambda: "memory", "in_file": lambda: str(tmp_path / "mirror.sqlite3")}
    store = stores.get(request.param) or request.getfixturevalue("postgresql")
    opened = open_database(store_location(store(), fingerprint="f"), owner="me")
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> AgentStore:
    """An agent that keeps everything so far: three old conversations, a newer one of the same
    person, one that Convocore has removed, and one without a time."""
    store = AgentStore(database)
    store.save(
        old("o1", name=f"{MARK} Doe", email="o1@x.example"), old("o2", email="both@x.example"),
        old("gone", email="gone@x.example"),
        conversation("n1", name="Ann Ray", email="both@x.example", last_activity=NEW),
        conversation("timeless", email="t@x.example", last_activity=None),
    )  # fmt: skip
    store.rebuild_leads()
    store.set_baseline()
    store.save(replace(old("o1", name=f"{MARK} Doe", email="o1@x.example"), stage="won"), minute=1)
    store.remove("gone", minute=1)
    store.rebuild_leads()
    transcripts = TranscriptCache(database)
    version = transcripts.version(store.agent, "o1")
    assert version is not None
    said = Transcript((Turn(Speaker.VISITOR, f"I am {MARK}", None),), total=1)
    transcripts.save(store.agent, "o1", said, version=version, at=NOW)
    return store


def test_what_is_too_old_leaves_no_trace(store: AgentStore) -> None:
    """Promised by docs/security.md, "Retention": rows, words, leads, changes, transcripts."""
    assert {"convocore_conversations", "convocore_leads", "convocore_transcripts"} <= traces(store)
    writer = MirrorWriter(store.database, RULES, kept=KEPT)
    number = store.reader.sequence_number()
    assert writer.retention.apply(NOW) >= 3
    writer.rebuild_leads(store.agent)
    writer.retention.overwrite_freed()
    # An earlier version of a lead that stays is deleted a week later (docs/security.md).
    assert traces(store) <= {"convocore_lead_fields"}
    assert {c.id for c in store.find()} == {"n1", "timeless"}
    assert {id_ for lead in store.leads().values() for id_ in lead.conversation_ids} == {
        "n1", "timeless",
    }  # fmt: skip
    assert store.changes(after=number) == []
    assert writer.coverage(store.agent).conversations == 2
    assert writer.retention.apply(NOW) == 0


def test_what_is_too_old_is_not_saved(database: Database) -> None:
    """Promised by docs/security.md, "Retention": quarantined rows neither."""
    store = AgentStore(database)
    writer = MirrorWriter(database, RULES, kept=KEPT)
    rows = store.of_agent([old("o1"), conversation("n1", last_activity=NEW)])
    unreadable = (
        Quarantined(f'{{"a": "{MARK}"}}', "row: does not fit", None, OLD),
        Quarantined('{"a": 1}', "row: does not fit", None, NEW),
        Quarantined('{"a": 2}', "row: does not fit"),
    )
    saved = writer.save(store.agent, Page(rows, unreadable), read_at=at(0))
    assert saved.created == 1
    assert saved.known == {"o1"}
    assert traces(store) == set()
    assert writer.coverage(store.agent).quarantined == 2
