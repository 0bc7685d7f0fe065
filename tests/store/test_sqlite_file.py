"""The mirror's file: private, and never that of another owner."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convocore_mcp.errors import ForeignMirrorError, MirrorError
from convocore_mcp.models import Conversation, Page, Quarantined
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import SEARCH, meta, metadata
from convocore_mcp.store.details.details_queue import DetailsQueue
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.store.files.set_aside import copies, set_aside
from tests.conversations import conversation
from tests.property_tests import examples
from tests.store.agent_store import AgentStore, at
from tests.store.steps import examples_share_a_mirror

CONVERSATIONS = [
    conversation(f"c{i}", name=f"Visitor {i}", summary="a long talk " * 40) for i in range(100)
]


def fill(path: Path, *conversations: Conversation, owner: str = "me") -> None:
    """Create a mirror with conversations in it, and close it."""
    database = open_database(path, owner=owner)
    AgentStore(database).save(*conversations)
    database.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def count_rows(database: Database) -> int:
    with database.reading() as connection:
        query = "SELECT count(*) FROM convocore_conversations"
        return int(connection.exec_driver_sql(query).scalar_one())


def test_the_open_file_is_readable_by_its_owner_only(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror". The log beside the file holds rows too."""
    old = os.umask(0)
    try:
        database = open_database(path, owner="me")
        AgentStore(database).save(*CONVERSATIONS)
    finally:
        os.umask(old)
    parts = {part.name: oct(part.stat().st_mode & 0o777) for part in path.parent.iterdir()}
    assert parts == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm"), "0o600")
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    database.close()


def test_a_file_that_others_could_read_becomes_private(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": private, also after a copy or an upgrade."""
    fill(path, conversation("c1"))
    path.chmod(0o644)
    open_database(path, owner="me").close()
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    """Ours: it may be a home folder."""
    tmp_path.chmod(0o755)
    open_database(tmp_path / "mirror.sqlite3", owner="me").close()
    assert oct(tmp_path.stat().st_mode & 0o777) == "0o755"


def test_an_existing_mirror_is_opened_again(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": it is filled once."""
    fill(path, conversation("c1"))
    first, second = open_database(path, owner="me"), open_database(path, owner="me")
    assert first.generation == second.generation != ""
    assert count_rows(second) == 1
    assert names(path.parent) == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    first.close()
    second.close()


@pytest.mark.parametrize("name", ["what?.db", "50%.db", "a#b.db", "ü ber.db", ":memory:"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Ours: a file's name is not a URL."""
    fill(tmp_path / name, conversation("c1"))
    assert names(tmp_path) == {name}


def test_another_owners_file_is_neither_read_nor_touched(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": a mistyped key costs nothing."""
    fill(path, conversation("c1"), owner="somebody else")
    before = path.read_bytes()
    for _ in range(6):
        with pytest.raises(ForeignMirrorError) as caught:
            open_database(path, owner="me")
        assert caught.value.code == "mirror_unavailable"
        assert "CONVOCORE_API_KEY" in caught.value.hint
    assert names(path.parent) == {path.name}
    assert path.read_bytes() == before


def test_another_owners_file_is_set_aside_for_an_accepted_key(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": nobody reads another credential's rows."""
    fill(path, conversation("c1"), owner="somebody else")
    database = open_database(path, owner="me", replace_foreign=True)
    assert count_rows(database) == 0
    database.close()
    (aside,) = names(path.parent) - {path.name}
    assert aside.startswith(f"{path.name}.aside-")
    assert oct((path.parent / aside).stat().st_mode & 0o777) == "0o600"
    again = open_database(path.parent / aside, owner="somebody else")
    assert count_rows(again) == 1
    again.close()


def test_only_the_newest_copies_are_kept(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": three, and no file that is not ours goes."""
    foreign = path.with_name(f"{path.name}.aside-20260101T000000000000")
    fill(path, conversation("c1"), owner="owner 0")
    foreign.write_text("somebody's own file")
    for number in range(1, 7):
        database = open_database(path, owner=f"owner {number}", replace_foreign=True)
        AgentStore(database).save(*CONVERSATIONS[:number])
        database.close()
    kept = sorted(names(path.parent) - {path.name, foreign.name})
    assert foreign.exists()
    for name, number in zip(kept, (3, 4, 5), strict=True):
        copy = open_database(path.parent / name, owner=f"owner {number}")
        assert count_rows(copy) == number
        copy.close()


def test_a_file_that_another_process_has_made_in_the_meantime_is_not_set_aside(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": only the file that can't be used is."""
    fill(path, conversation("c1"))
    set_aside(path, path.stat().st_ino + 1, "it is damaged")
    assert path.exists()
    inode = path.stat().st_ino
    for _ in range(2):  # the second of two processes finds nothing any more
        set_aside(path, inode, "it is damaged")
        assert not path.exists()


def test_a_file_is_set_aside_with_what_only_its_log_holds(path: Path) -> None:
    """Ours: the copy can be opened as it was."""
    database = open_database(path, owner="me")
    AgentStore(database).save(*CONVERSATIONS)
    set_aside(path, path.stat().st_ino, "it is damaged")
    copy = open_database(copies(path)[0], owner="me")
    assert count_rows(copy) == len(CONVERSATIONS)
    copy.close()
    database.close()


TABLES = sorted(table.name for table in metadata.tables.values() if table is not meta)


def drop(path: Path, table: str) -> None:
    execute(path, f"DROP TABLE {table}")


@pytest.mark.parametrize("table", [*TABLES, SEARCH])
def test_a_file_that_lacks_a_table_is_replaced_when_it_is_opened(path: Path, table: str) -> None:
    """Promised by docs/architecture.md, "The mirror": a damaged one heals by itself."""
    fill(path, *CONVERSATIONS)
    drop(path, table)
    agent_store = AgentStore(open_database(path, owner="me"))
    assert agent_store.save(*CONVERSATIONS).created == 100
    assert agent_store.rebuild_leads() == 100
    assert len(agent_store.find()) == 100
    agent_store.database.close()


def test_a_file_whose_search_index_is_no_longer_kept_up_to_date_is_replaced(path: Path) -> None:
    """Ours: every search would quietly find what is gone."""
    fill(path, *CONVERSATIONS)
    execute(path, f"DROP TRIGGER {SEARCH}_deleted")
    database = open_database(path, owner="me")
    assert count_rows(database) == 0
    database.close()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_is_dropped_while_the_mirror_is_in_use_leads_to_a_new_one(
    path: Path, table: str
) -> None:
    """Promised by docs/architecture.md, "The mirror". Within one failed call, which says so."""
    database = open_database(path, owner="me")
    agent_store = AgentStore(database)
    agent_store.save(*CONVERSATIONS)
    drop(path, table)

    def use() -> None:
        agent_store.save(*CONVERSATIONS[:50], conversation("new"), minute=1)
        agent_store.rebuild_leads()
        bad = Page((), (Quarantined("{}", "row: does not fit"),))
        agent_store.writer.save(agent_store.agent, bad, read_at=at(2))
        agent_store.terms()
        agent_store.writer.update_coverage(agent_store.agent, baseline=0)
        assert agent_store.changes(after=0)
        DetailsQueue(database).state(agent_store.agent)
        TranscriptCache(database).get(agent_store.agent, "new")

    with pytest.raises(MirrorError, match="damaged and has been set aside") as caught:
        use()
    assert caught.value.code == "mirror_unavailable"
    assert "convocore_" not in f"{caught.value.message} {caught.value.hint}"
    use()
    assert len(agent_store.find()) == 51
    database.close()


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE convocore_meta SET value = '1' WHERE key = 'schema'",
        "UPDATE convocore_meta SET value = 'x' WHERE key = 'schema'",
        "DELETE FROM convocore_meta",
        "ALTER TABLE convocore_meta RENAME TO notes",
        "ALTER TABLE convocore_meta DROP COLUMN value",
    ],
)
def test_a_database_of_another_schema_is_set_aside(path: Path, statement: str) -> None:
    """Promised by docs/architecture.md, "The mirror": a new schema means a new mirror."""
    fill(path, conversation("c1"))
    execute(path, statement)
    before = path.read_bytes()
    database = open_database(path, owner="me")
    assert count_rows(database) == 0
    database.close()
    (aside,) = names(path.parent) - {path.name}
    assert (path.parent / aside).read_bytes() == before


def test_an_older_version_leaves_the_mirror_of_a_newer_one_alone(path: Path) -> None:
    """Promised by docs/guarantees.md: else each sets the other's aside, at every start."""
    fill(path, conversation("c1"))
    execute(path, "UPDATE convocore_meta SET value = '9999' WHERE key = 'schema'")
    before = path.read_bytes()
    for _ in range(4):
        with pytest.raises(MirrorError, match="newer version") as caught:
            open_database(path, owner="me", replace_foreign=True)
        assert "CONVOCORE_STORE" in caught.value.hint
        assert "Update" in caught.value.hint
    assert names(path.parent) == {path.name}
    assert path.read_bytes() == before


def test_an_older_version_that_is_running_when_a_newer_one_takes_over_says_so(path: Path) -> None:
    """Promised by docs/guarantees.md: it does not go on in a copy that nobody reads."""
    database = open_database(path, owner="me")
    AgentStore(database).save(conversation("c1"))
    execute(path, "UPDATE convocore_meta SET value = '1' WHERE key = 'schema'")
    open_database(path, owner="me").close()  # the newer one: for it, the file is an old one
    execute(path, "UPDATE convocore_meta SET value = '9999' WHERE key = 'schema'")
    for _ in range(2):
        with pytest.raises(MirrorError, match="newer version"):
            count_rows(database)
    assert len(names(path.parent) - {path.name, f"{path.name}-wal", f"{path.name}-shm"}) <= 3
    database.close()


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"hello", b"SQLite format 3\0", os.urandom(8192), b"\0" * 100_000]
)
def test_a_file_that_is_no_database_is_set_aside_or_filled(path: Path, content: bytes) -> None:
    """Ours: the server answers although the file can't be read."""
    path.parent.mkdir()
    path.write_bytes(content)
    database = open_database(path, owner="me")
    assert AgentStore(database).save(conversation("c1")).created == 1
    database.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
@pytest.mark.parametrize("make", [os.mkdir, getattr(os, "mkfifo", os.mkdir)])
def test_what_is_no_file_is_refused_and_stays_as_it_is(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """Ours: as root, a device such as `/dev/null` became readable by its owner only."""
    place = tmp_path / "place"
    make(place)
    place.chmod(0o777)
    before = place.stat()
    with pytest.raises(MirrorError, match="CONVOCORE_STORE names a folder or a device"):
        open_database(place, owner="me")
    assert (place.stat().st_mode, place.stat().st_ino) == (before.st_mode, before.st_ino)
    assert names(tmp_path) == {"place"}


@settings(examples_share_a_mirror, max_examples=examples(7))
@given(seed=st.integers(0, 2**32), cut=st.booleans())
def test_a_damaged_file_is_never_an_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: bool
) -> None:
    """Ours: disks fill up, machines are switched off; the mirror can be filled again."""
    random, path = Random(seed), tmp_path_factory.mktemp("damaged") / "mirror.sqlite3"
    fill(path, *CONVERSATIONS[: random.randrange(100)])
    content = bytearray(path.read_bytes())
    if cut:
        del content[random.randrange(len(content)) :]
    else:
        begin = random.randrange(len(content))
        content[begin : begin + 2000] = random.randbytes(len(content[begin : begin + 2000]))
    path.write_bytes(content)
    # The damage may have hit the name of the owner.
    database = open_database(path, owner="me", replace_foreign=True)
    agent_store = AgentStore(database)
    assert agent_store.save(*CONVERSATIONS, minute=1).created == 100
    assert agent_store.rebuild_leads() == 100
    database.close()


def test_damage_that_is_found_later_leads_to_a_new_mirror(path: Path) -> None:
    """Ours: a large file is not checked at each start, and disks fail while it is in use."""
    fill(path, *CONVERSATIONS)
    database = open_database(path, owner="me")
    agent_store, generation = AgentStore(database), database.generation
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle:] = os.urandom(len(content) - middle)
    path.write_bytes(content)
    database.close()  # drops cached pages of the file; connections are opened again as needed

    def use() -> None:
        agent_store.save(*CONVERSATIONS, minute=1)
        with database.reading() as connection:
            for column, table in (("record", "records"), ("search", "conversations")):
                query = f"SELECT sum(length({column})) FROM convocore_{table}"
                connection.exec_driver_sql(query).all()

    with pytest.raises(MirrorError, match="damaged and has been set aside"):
        use()
    assert database.generation != generation
    assert count_rows(database) == 0
    assert agent_store.save(*CONVERSATIONS, minute=1).created == 100
    database.close()


@pytest.mark.parametrize("file_name", ["folder", "file/below", "/proc/nowhere/mirror"])
def test_a_path_that_can_hold_no_file_is_refused(tmp_path: Path, file_name: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": a hint, and no path."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(MirrorError) as caught:
        open_database(tmp_path / file_name, owner="me")
    assert caught.value.code == "mirror_unavailable"
    assert "CONVOCORE_STORE" in caught.value.hint
    assert str(tmp_path) not in caught.value.message


WRITER = """
import sys
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from tests.store.agent_store import AgentStore
from tests.conversations import conversation

agent_store = AgentStore(open_database(store_location(sys.argv[1], fingerprint="f"), owner="me"))
for i in range(30):
    agent_store.save(conversation(f"{sys.argv[2]}-{i}", email=f"v{i}@x.example"), minute=i)
    agent_store.rebuild_leads()
print(agent_store.database.generation)
"""


def test_processes_share_a_file_from_its_creation_on(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": one writer at a time, and nothing is lost."""
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE)
        for name in ("one", "two", "three")
    ]
    generations = {writer.communicate()[0] for writer in writers}
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(generations) == 1
    database = open_database(store_location(str(path), fingerprint="f"), owner="me")
    with database.reading() as connection:
        counts = connection.exec_driver_sql(
            "SELECT count(*), count(DISTINCT valid_from), count(lead_id) "
            "FROM convocore_conversations"
        ).one()
        leads = connection.exec_driver_sql("SELECT count(*) FROM convocore_leads").scalar_one()
    assert (*counts, leads) == (90, 90, 90, 30)
    database.close()
