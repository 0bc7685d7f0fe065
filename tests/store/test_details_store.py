"""Details in the mirror, on both engines: what is wanted, what was read, and what it changes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from convocore_mcp.api import wire
from convocore_mcp.models import (
    Conversation,
    DetailsOutcome,
    ReadDetails,
    Transcript,
    TrialResult,
    Turn,
    WantedDetails,
)
from convocore_mcp.models.transcript import Speaker
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.details.details_queue import DetailsQueue
from convocore_mcp.store.details.details_writer import DetailsWriter
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.sync.details.merge_records import merge_details
from tests.conversations import NOW
from tests.store.agent_store import RULES, AgentStore, at

READ, MISSING = DetailsOutcome.READ, DetailsOutcome.MISSING


class DetailsStore(AgentStore):
    """One agent whose rows are sparse."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.writer.rules = replace(RULES, merge_details=merge_details)
        self.queue = DetailsQueue(database)
        self.details_writer = DetailsWriter(self.writer)
        self.transcripts = TranscriptCache(database)

    def read(self, id_: str, minutes_ago: int = 0, **fields: Any) -> Conversation:
        """A row or a single conversation, as `api` reads it."""
        raw = {"ID": id_, "ts": int((NOW - timedelta(minutes=minutes_ago)).timestamp())} | fields
        found = wire.parse_conversation(raw, self.agent)
        assert isinstance(found, Conversation)
        return found

    def wanted(self, limit: int = 99) -> list[WantedDetails]:
        return self.queue.wanted(self.agent, limit=limit)

    def answer(self, *answers: tuple[WantedDetails, Conversation | None]) -> int:
        """Save what was read; returns how many singles add anything."""
        read = [
            ReadDetails(wanted, MISSING if single is None else READ, single)
            for wanted, single in answers
        ]
        return self.details_writer.save(self.agent, read, at=at(5))

    def stage(self, id_: str) -> str | None:
        found = self.reader.conversation(self.agent, id_)
        assert found is not None
        return found.stage

    def kinds_of_changes(self) -> list[str]:
        """The kinds of all changes since the mirror was made."""
        self.rebuild_leads()
        self.writer.update_coverage(self.agent, baseline=0)
        return [change.kind for change in self.changes(after=0)]


def test_sparse_rows_are_wanted_until_they_are_answered(database: Database) -> None:
    """Promised by docs/architecture.md, "Details": each version is asked for once."""
    store = DetailsStore(database)
    full: dict[str, Any] = {"state": "ended_chat", "summary": "s", "lastMessage": "m"}
    full["stage"] = "new"  # else it would lack what a single conversation adds to another row
    store.save(store.read("c1"), store.read("c2", 5), store.read("c3", 9, **full))
    one, two = store.wanted()
    assert (one.id, two.id) == ("c1", "c2")
    assert store.queue.state(store.agent).pending == 2
    assert store.queue.state(store.agent, since=NOW - timedelta(minutes=2)).pending == 1
    assert store.answer((one, store.read("c1", stage="won")), (two, None)) == 1
    state = store.queue.state(store.agent)
    assert (state.pending, state.refused) == (0, 1)
    assert store.stage("c1") == "won"
    store.save(store.read("c1"), store.read("c2", 5))  # the same rows again
    assert store.wanted() == []
    assert store.stage("c1") == "won"
    assert store.kinds_of_changes() == ["created"] * 3
    assert store.change_log.count_changes(store.agent, after=0).updated == 0


def test_a_new_version_keeps_the_details_until_its_own_are_in(database: Database) -> None:
    """Promised by docs/architecture.md, "Details"."""
    store = DetailsStore(database)
    store.save(store.read("c1"))
    store.answer((store.wanted()[0], store.read("c1", stage="won", userName="Ann")))
    store.rebuild_leads()
    store.save(store.read("c1", tags=["vip"]), minute=9)
    found = store.reader.conversation(store.agent, "c1")
    assert found is not None
    assert (found.stage, found.tags) == ("won", ("vip",))
    (wanted,) = store.wanted()
    assert store.kinds_of_changes() == ["created", "updated"]
    # The new details replace the old ones: the old name is no longer known.
    assert store.answer((wanted, store.read("c1", stage="lost"))) == 1
    found = store.reader.conversation(store.agent, "c1")
    assert found is not None
    assert (found.stage, found.tags, found.name) == ("lost", ("vip",), None)
    assert store.kinds_of_changes() == ["created", "updated", "updated"]  # it was won before


def test_details_are_pending_for_questions_about_people_until_leads_have_them(
    database: Database,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete` means that all was read.

    Leads are rebuilt after the details were saved, in another transaction.
    """
    store = DetailsStore(database)
    store.save(store.read("c1"), store.read("c2", 5))
    store.rebuild_leads()
    store.answer(*((wanted, store.read(wanted.id, userName="Ann")) for wanted in store.wanted()))
    assert store.queue.state(store.agent).pending == 0
    assert store.queue.state(store.agent, people=True).pending == 2
    store.rebuild_leads()
    assert store.queue.state(store.agent, people=True).pending == 0


def test_an_answer_for_an_older_version_is_dropped(database: Database) -> None:
    """Ours: the list has brought another version while the single one was asked for."""
    store = DetailsStore(database)
    store.save(store.read("c1"))
    (old,) = store.wanted()
    store.save(store.read("c1", tags=["vip"]), minute=3)
    assert store.answer((old, store.read("c1", stage="won"))) == 0
    assert store.stage("c1") is None
    assert [wanted.id for wanted in store.wanted()] == ["c1"]


def test_a_page_that_was_on_its_way_replaces_what_details_have_filled_in(
    database: Database,
) -> None:
    """Ours: a version counts as seen when the list was read, not when its details were."""
    store = DetailsStore(database)
    store.save(store.read("c1"))
    store.answer((store.wanted()[0], store.read("c1", stage="won")))  # at minute 5
    store.save(store.read("c1", tags=["vip"]), minute=3)
    (row,) = store.find()
    assert row.tags == ("vip",)


def test_a_full_row_forgets_older_details(database: Database) -> None:
    """Ours: what the list says in full is the truth."""
    store = DetailsStore(database)
    store.save(store.read("c1"))
    store.answer((store.wanted()[0], store.read("c1", stage="won", notes="old")))
    full: dict[str, Any] = {"state": "ended_chat", "summary": "s", "lastMessage": "m"}
    store.save(store.read("c1", **full), minute=8)
    assert store.stage("c1") == "won"  # this row lacks what the single conversation has added
    assert len(store.wanted()) == 1
    store.save(store.read("c1", **full, stage="new"), minute=9)
    assert store.stage("c1") == "new"
    assert store.find()[0].notes is None
    assert store.wanted() == []
    store.remove("c1")
    assert store.queue.state(store.agent).pending == 0


def test_a_trial_is_remembered_for_each_agent(database: Database) -> None:
    """Ours: several agents share a mirror."""
    store, other = DetailsStore(database), DetailsStore(database)
    store.details_writer.note_trial(store.agent, full_sync_at=NOW, result=TrialResult.ADDS)
    store.details_writer.note_trial(store.agent, full_sync_at=NOW, result=TrialResult.REFUSED)
    trial = store.queue.state(store.agent).trial
    assert trial is not None
    assert trial.result == TrialResult.REFUSED
    assert other.queue.state(other.agent).trial is None


def test_a_transcript_is_kept_for_its_version(database: Database) -> None:
    """Promised by docs/upstream.md, "The transcript"."""
    store = DetailsStore(database)
    store.save(store.read("c1"))
    version = store.transcripts.version(store.agent, "c1")
    assert version is not None
    transcript = Transcript(
        (Turn(Speaker.VISITOR, "Grüße 😀"), Turn(Speaker.AI, "Hi", "soon")), total=9
    )
    store.transcripts.save(store.agent, "c1", transcript, version=version, at=NOW)
    assert store.transcripts.get(store.agent, "c1") == transcript
    store.answer((store.wanted()[0], store.read("c1", stage="won")))
    assert store.transcripts.get(store.agent, "c1") == transcript  # details are no new version
    store.save(store.read("c1", tags=["vip"]), minute=9)
    assert store.transcripts.get(store.agent, "c1") is None


def test_details_change_who_is_one_person(database: Database) -> None:
    """Promised by docs/contract.md, "A lead"."""
    store = DetailsStore(database)
    store.save(store.read("c1"), store.read("c2", 5))
    store.rebuild_leads()
    email: dict[str, Any] = {"userEmail": "ann@x.example", "userName": "Ann"}
    store.answer(*((wanted, store.read(wanted.id, **email)) for wanted in store.wanted()))
    store.rebuild_leads()
    (lead,) = store.leads().values()
    assert sorted(lead.conversation_ids) == ["c1", "c2"]
