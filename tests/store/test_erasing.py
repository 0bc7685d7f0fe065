"""A forgotten person is in no table any more, and no sync brings them back; on every engine."""

import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, inspect, text

from convocore_mcp.errors import MirrorError
from convocore_mcp.models import Conversation, Page, Quarantined, Speaker, Transcript, Turn
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.details.tables import enriched_versions
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.store.write.erasing import Eraser
from tests.conversations import NOW, conversation
from tests.store.agent_store import AgentStore, at
from tests.store.test_details_store import DetailsStore

JANE = "Quirinalia"
"""A word that is nowhere but in what is known of one person."""


def of_jane(id_: str, **fields: object) -> Conversation:
    known = {
        "name": f"{JANE} Doe", "email": "quirinalia@x.example", "phone": "+49 30 7654321",
        "summary": f"{JANE} asked", "identity": "ci-jane",
    } | fields  # fmt: skip
    record = json.dumps({"id": id_, "user_name": JANE, "stage": fields.get("stage")})
    return conversation(id_, **known, record=record)


def everything_in(store: AgentStore) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text, with the table's name; full-text indexes too."""
    with store.database.reading() as connection:
        names = inspect(connection).get_table_names()
        for name in (n for n in names if n.startswith("convocore_")):
            for row in connection.execute(text(f"SELECT * FROM {name}")):
                yield name, str(tuple(row))


def tables_with(store: AgentStore, *words: str) -> set[str]:
    return {
        name
        for name, row in everything_in(store)
        if any(word.lower() in row.lower() for word in words)
    }


def rows_of_enriched_versions(store: AgentStore) -> Iterator[str]:
    """The rows about versions that began with details: each is a number and the agent."""
    return (
        row
        for name, row in everything_in(store)
        if name == enriched_versions.name and repr(store.agent) in row
    )


@pytest.fixture
def filled(database: Database) -> AgentStore:
    """A mirror with Jane, all that can be known of somebody, and others with her phone number.

    Bob's conversation was first merged with Jane's.
    """
    store = DetailsStore(database)
    store.save(
        of_jane("j1", tags=("vip",)), of_jane("j2", phone=None), of_jane("j3", is_blocked=True),
        conversation("b1", name="Bob Ray", phone="+49 30 7654321"),
        conversation("x1", phone="+49 30 7654321"),
    )  # fmt: skip
    store.rebuild_leads()
    store.set_baseline()
    bob = conversation("b1", name="Bob Ray", phone="+49 30 7654321", identity="bob")
    store.save(of_jane("j1", stage="won"), bob, minute=1)
    store.rebuild_leads()
    for row in (
        f'{{"userName": "{JANE}", "userEmail": "quirinalia@x.example"}}',
        f'{{"ID": "J1", "userName": "{JANE}"}}',
        f'{{"contactIdentityId": "ci-jane", "userName": "{JANE}"}}',
    ):
        store.writer.save(store.agent, Page((), (Quarantined(row, "?"),)), read_at=at(2))
    transcripts = TranscriptCache(store.database)
    version = transcripts.version(store.agent, "j1")
    assert version is not None
    transcript = Transcript((Turn(Speaker.VISITOR, f"I am {JANE}", None),), total=1)
    transcripts.save(store.agent, "j1", transcript, version=version, at=NOW)
    # The leads are still dirty: no rebuild follows.
    (sparse,) = (wanted for wanted in store.wanted() if wanted.id == "j2")
    store.answer((sparse, store.read("j2", userName=JANE, lastMessage=f"I am {JANE}")))
    return store


def forget(store: AgentStore, *agents: str) -> Eraser:
    eraser = Eraser(store.database)
    eraser.forget(store.agent, ["j1", "j2"], agents=agents)
    return eraser


def test_nothing_of_a_forgotten_person_is_left_in_any_table(filled: AgentStore) -> None:
    """Promised by docs/security.md, "Erasing a person"."""
    before = tables_with(filled, JANE)
    parts = (
        "conversations", "records", "leads", "lead_fields", "quarantine", "transcripts", "details",
    )  # fmt: skip
    assert {f"convocore_{part}" for part in parts} <= before
    assert tables_with(filled, "j2'") >= {"convocore_dirty_conversations"}
    assert list(rows_of_enriched_versions(filled))
    number = filled.reader.sequence_number()
    forget(filled)
    assert tables_with(filled, JANE, "j1'", "j2'", "j3'", "ci-jane") == set()
    assert list(rows_of_enriched_versions(filled)) == []
    assert filled.leads().keys() == {"bob", "x1"}
    assert filled.writer.coverage(filled.agent).conversations == 2
    assert filled.reader.sequence_number() > number  # so that no cached answer is used


def test_postgresql_reclaims_each_table_that_held_a_forgotten_person(
    in_postgresql: Database,
) -> None:
    """Promised by docs/security.md, "Erasing a person": vacuumed (PostgreSQL)."""
    store, statements = AgentStore(in_postgresql), list[str]()
    store.save(of_jane("j1"))
    store.rebuild_leads()
    quarantined = Quarantined(f'{{"ID": "j1", "userName": "{JANE}"}}', "?")
    store.writer.save(store.agent, Page((), (quarantined,)), read_at=at(2))
    held = tables_with(store, JANE)

    def listen(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(in_postgresql.engine, "before_cursor_execute", listen)
    Eraser(in_postgresql).forget(store.agent, ["j1"])
    event.remove(in_postgresql.engine, "before_cursor_execute", listen)
    assert held <= {words[1] for words in map(str.split, statements) if words[0] == "VACUUM"}


def test_no_file_of_an_open_mirror_holds_a_forgotten_person(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Erasing a person": freed pages are overwritten."""

    def overwrite_nothing(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA secure_delete=OFF")

    def is_in_a_file() -> bool:
        return any(
            JANE.lower().encode() in file.read_bytes().lower() for file in tmp_path.iterdir()
        )

    with closing(open_database(tmp_path / "mirror.sqlite3", owner="me")) as database:
        # Some builds of SQLite overwrite what they delete by themselves.
        event.listen(database.engine, "checkout", overwrite_nothing)
        store = AgentStore(database)
        store.save(of_jane("j1"), conversation("b1", name="Bob"))
        with database.reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        assert is_in_a_file()
        Eraser(database).forget(store.agent, ["j1"])
        assert not is_in_a_file()


def test_a_test_of_what_would_be_erased_erases_nothing(filled: AgentStore) -> None:
    """Promised by docs/security.md, "Erasing a person": a dry run tells the same numbers."""
    traces = Eraser(filled.database).traces(filled.agent, ["j1", "j2"])
    assert traces.counts == {
        "conversations": 3, "versions": 5, "leads": 1, "transcripts": 1, "quarantined rows": 3,
    }  # fmt: skip
    assert tables_with(filled, JANE)
    erased = Eraser(filled.database).forget(filled.agent, ["j1", "j2"])
    assert erased.counts == traces.counts


def test_what_was_set_aside_goes_with_its_person(database: Database) -> None:
    """Promised by docs/security.md, "Erasing a person": test and blocked conversations too."""
    store = AgentStore(database)
    contact = {"email": "office@x.example", "phone": "+49 30 7654321"}
    store.save(
        of_jane("j1", **contact),
        of_jane("j2", identity=None, is_test=True, email="office@x.example", phone=None),
        of_jane("j3", identity=None, is_test=True, email=None),
        of_jane("j4", is_blocked=True, email=None, phone=None),
        conversation("o1", name="Otto", identity="otto", is_test=True, **contact),
    )
    store.rebuild_leads()
    Eraser(database).forget(store.agent, ["j1"])
    assert tables_with(store, JANE) == set()
    assert [row.id for row in store.find()] == ["o1"]


def test_a_lead_that_they_were_once_in_stays_without_what_it_was(database: Database) -> None:
    """Promised by docs/security.md, "Erasing a person": Bob's lead held Jane's values at first."""
    store = AgentStore(database)
    bob = conversation("b1", name="Bob Ray", phone="+49 30 7654321", identity="bob")
    store.save(bob, of_jane("j1", identity=None))
    store.rebuild_leads()
    assert store.lead_ids() == {"b1": "bob", "j1": "bob"}
    store.set_baseline()
    store.save(of_jane("j1", stage="won"), minute=1)
    store.rebuild_leads()
    assert store.lead_ids() == {"b1": "bob", "j1": "ci-jane"}
    Eraser(database).forget(store.agent, ["j1"])
    assert tables_with(store, JANE) == set()
    assert store.leads().keys() == {"bob"}


def test_a_sync_does_not_bring_a_forgotten_person_back(filled: AgentStore) -> None:
    """Promised by docs/security.md, "Erasing a person": by ID, and by what only they had."""
    eraser = forget(filled)
    if filled.database.engine.url.database == ":memory:":
        filled.writer.tombstones = eraser.tombstones  # there is no other process
    nothing = {"email": None, "phone": None}
    theirs = (
        of_jane("j1", identity=None, **nothing), of_jane("j8", **nothing),
        of_jane("j9", identity=None),
    )  # fmt: skip
    saved = filled.save(*theirs, conversation("n1", name="New"), minute=3)
    assert (saved.created, saved.unchanged) == (1, 3)
    assert saved.known == {"j1", "j8", "j9"}
    again = (
        Quarantined(f'{{"ID": "j2", "userName": "{JANE}"}}', "?", "j2"),
        Quarantined(f'{{"ID": 7, "contactIdentityId": "ci-jane", "userName": "{JANE}"}}', "?"),
        Quarantined(f'{{"n": "{JANE}", "userEmail": "Quirinalia\\u0040x.example "}}', "?"),
    )
    filled.writer.save(filled.agent, Page((), again), read_at=at(4))
    filled.rebuild_leads()
    assert tables_with(filled, JANE) == set()


def test_what_has_just_told_whose_it_is_goes_too_and_somebody_elses_stays(
    database: Database,
) -> None:
    """Promised by docs/security.md, "Erasing a person": also what no lead holds yet.

    A sparse row may be a lead of its own before its details are read.
    """
    store = DetailsStore(database)
    bob = conversation("b1", name="Bob Ray", email="bob@x.example")
    store.save(of_jane("j1"), conversation("told-1", score=90), bob)
    store.rebuild_leads()
    assert store.lead_ids() == {"j1": "ci-jane", "told-1": "told-1", "b1": "b1"}
    store.save(of_jane("told-1"), of_jane("told-2", email=None, phone=None), minute=1)
    store.save(conversation("b1", name="Bob Ray", email="quirinalia@x.example"), minute=1)
    erased = Eraser(database, store.writer.rules.merge_affected).forget(store.agent, ["j1"])
    assert erased.conversation_ids == {"j1", "told-1", "told-2"}
    left = tables_with(store, f"{JANE} Doe", f"{JANE} asked", "ci-jane", "'j1'", "told-")
    assert left == set()
    assert store.leads().keys() == {"b1"}
    assert [row.id for row in store.find()] == ["b1"]


def test_somebody_who_shares_a_number_with_them_stays(filled: AgentStore) -> None:
    """Ours: a phone number that two people have identifies neither of them."""
    forget(filled)
    bob = conversation("b2", name="Bob Ray", phone="+49 30 7654321", identity="bob")
    assert filled.save(bob, minute=3).created == 1


def test_somebody_in_the_mirror_who_gets_their_address_stays(filled: AgentStore) -> None:
    """Ours: an address may be given to somebody else, of whom the mirror knows already."""
    eraser = forget(filled)
    filled.writer.tombstones = eraser.tombstones
    email = "quirinalia@x.example"
    assert filled.save(conversation("b1", email=email, identity="bob"), minute=3).updated == 1
    Eraser(filled.database).forget(filled.agent, ["b1"])


def test_a_forgotten_person_comes_back_in_no_other_agent(filled: AgentStore) -> None:
    """Promised by docs/security.md, "Erasing a person": of all that are configured."""
    other, third = AgentStore(filled.database), AgentStore(filled.database)
    eraser = forget(filled, other.agent)
    other.writer.tombstones = third.writer.tombstones = eraser.tombstones
    assert other.save(of_jane("j1")).created == 0
    assert third.save(of_jane("j1")).created == 1
    Eraser(filled.database).forget(third.agent, ["j1"])


def test_nothing_is_erased_before_its_hashes_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/security.md, "Erasing a person": else the next sync would bring it back."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with closing(open_database(tmp_path / "mirror.sqlite3", owner="me")) as database:
        store = AgentStore(database)
        store.save(of_jane("j1"))
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(MirrorError, match="forgotten people can't be written") as caught:
            Eraser(database).forget(store.agent, ["j1"])
        assert "Nothing was erased" in caught.value.hint
        assert not (tmp_path / "mirror.sqlite3.forgotten").read_bytes()
        assert [row.id for row in store.find()] == ["j1"]


def test_a_torn_line_of_the_list_of_forgotten_people_damages_no_later_one(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Erasing a person": whatever ended the program."""
    path = tmp_path / "mirror.sqlite3"
    with closing(open_database(path, owner="me")) as database:
        store = AgentStore(database)
        store.save(of_jane("j1"), conversation("b1", email="bob@b.example"))
        Eraser(database).forget(store.agent, ["j1"])
        with (file := Path(f"{path}.forgotten")).open("a") as stream:
            stream.write("0123456789abcdef")
        Eraser(database).forget(store.agent, ["b1"])
        assert {len(line) for line in file.read_text().split()} == {len("salt"), 32}
        assert store.save(of_jane("j1"), conversation("b1", email="bob@b.example")).created == 0


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe garbage\n", b"salt zz\n", b"0" * 32 + b"\n", b"salt %s\n\n" % (b"a" * 32)]
)
def test_a_damaged_list_of_forgotten_people_stops_every_sync_and_says_what_to_do(
    tmp_path: Path, damage: bytes
) -> None:
    """Promised by docs/security.md, "Erasing a person": no sync brings them back."""
    path = tmp_path / "mirror.sqlite3"
    with closing(open_database(path, owner="me")) as database:
        store = AgentStore(database)
        Path(f"{path}.forgotten").write_bytes(damage)
        with pytest.raises(MirrorError, match="forgotten people is damaged") as caught:
            store.save(of_jane("j1"))
        assert "restore it, or delete it" in caught.value.hint
        with pytest.raises(MirrorError, match="forgotten people is damaged"):
            Eraser(database).forget(store.agent, ["j1"])
        assert Path(f"{path}.forgotten").read_bytes() == damage


def test_a_list_of_forgotten_people_that_cannot_be_read_stops_every_sync(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Erasing a person": no sync brings them back."""
    path = tmp_path / "mirror.sqlite3"
    with closing(open_database(path, owner="me")) as database:
        Path(f"{path}.forgotten").mkdir()
        with pytest.raises(MirrorError, match="forgotten people can't be read"):
            AgentStore(database).save(of_jane("j1"))


def test_a_change_of_a_forgotten_person_is_reported_to_nobody(filled: AgentStore) -> None:
    """Promised by docs/security.md, "Erasing a person": nor that they were removed."""
    assert any(change.conversation.id == "j1" for change in filled.changes(after=0))
    forget(filled)
    assert [c for c in filled.changes(after=0) if c.conversation.id.startswith("j")] == []


def test_the_hashes_say_nothing_without_the_salt_and_differ_between_mirrors(
    filled: AgentStore,
) -> None:
    """Promised by docs/security.md, "Erasing a person": a salted tombstone."""
    eraser = forget(filled)
    eraser.forget(filled.agent, ["b1"])
    with filled.database.writing() as connection:
        lines = set(eraser.tombstones.lines(connection))
    assert len([line for line in lines if line.startswith("salt ")]) == 1
    assert not any("quirinalia" in line or "j1" in line for line in lines)
    with closing(open_database("memory", owner="me")) as database:
        again = AgentStore(database)
        again.agent = filled.agent
        again.save(of_jane("j1"), of_jane("j2"))
        others = forget(again).tombstones
        with database.writing() as connection:
            assert lines.isdisjoint(others.lines(connection))
