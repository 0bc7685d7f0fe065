"""Whether a file is still the one that was opened, in cases that SQLite does not notice."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from convocore_mcp.errors import ReplacedMirrorError
from convocore_mcp.store.database import sqlite_file
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sqlite_file import sqlite
from convocore_mcp.store.files.opened_file import FileProblem, OpenedFile

CONTENT = bytes(range(200))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mirror.sqlite3"
    path.write_bytes(CONTENT)
    return path


def replace(path: Path) -> None:
    """Put a copy in the file's place, as a backup program does."""
    copy = path.with_name("copy")
    copy.write_bytes(CONTENT)
    copy.rename(path)


def test_a_copy_in_the_place_of_a_file_is_another_file(path: Path) -> None:
    """Promised by docs/guarantees.md: a mirror's file that is replaced while it is used."""
    file = OpenedFile(path)
    assert file.problem() is None
    replace(path)
    assert file.problem() is FileProblem.GONE


def test_a_copy_that_comes_just_before_the_file_is_opened_is_another_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: between the check of the name and the opening of the name, the file may change."""
    file, really_open = OpenedFile(path), os.open
    file.remember_header()
    file.close()

    def open_late(name: Path, flags: int) -> int:
        replace(path)
        return really_open(name, flags)

    monkeypatch.setattr(os, "open", open_late)
    assert file.problem() is FileProblem.GONE


def test_a_file_that_grows_while_several_threads_look_at_it_is_still_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: a size that one thread has read is older than what another one has seen meanwhile."""
    file, really_stat = OpenedFile(path), Path.stat
    found: list[FileProblem | None] = []
    other = threading.Thread(target=lambda: found.append(file.problem()))

    def stat(which: Path) -> os.stat_result:
        state = really_stat(which)
        if threading.current_thread() is not other and not other.ident:
            path.write_bytes(CONTENT * 2)
            other.start()
            other.join(0.2)  # it ends by then, unless it waits for this check to end
        return state

    monkeypatch.setattr(Path, "stat", stat)
    found.append(file.problem())
    other.join()
    assert found == [None, None]


def test_a_file_that_is_missing_is_not_created_by_a_connection(tmp_path: Path) -> None:
    """Ours: the write-ahead log of a deleted file may still be in use."""
    engine = sqlite(str(tmp_path / "missing"))
    with pytest.raises(OperationalError):
        engine.connect()
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reads", [True, False])
def test_a_mirror_whose_mark_comes_late_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, reads: bool
) -> None:
    """Ours: `application_id` marks a mirror; while others use the file, it can't be written."""
    monkeypatch.setattr(sqlite_file, "_SQLITE_WAIT_MILLISECONDS", 10)
    path.unlink()
    open_database(path, owner="me").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA application_id=0")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.execute("UPDATE convocore_meta SET value=value")
        other.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
        other.execute("SELECT * FROM convocore_meta").fetchall()
        first = open_database(path, owner="me")
        other.execute("ROLLBACK")
        second = open_database(path, owner="me")
        assert other.execute("PRAGMA application_id").fetchone() != (0,)
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for database in (first, second):
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA application_id").scalar()
        database.close()


def test_a_connection_changes_nothing_in_a_file_that_has_come_in_its_place(tmp_path: Path) -> None:
    """Ours: even the journal mode of somebody else's database stays as it was (not WAL)."""
    path = tmp_path / "mirror.sqlite3"
    with closing(sqlite3.connect(path)) as others:
        others.execute("CREATE TABLE theirs (x)")
    content = path.read_bytes()

    def refuse() -> None:
        raise ReplacedMirrorError("The mirror can't be used any more.")

    engine = sqlite(str(path), check=refuse)
    with pytest.raises(ReplacedMirrorError):
        engine.raw_connection()
    engine.dispose()
    assert path.read_bytes() == content


def test_the_log_of_a_deleted_file_is_not_shared_with_a_new_one(path: Path) -> None:
    """Ours: a process that still has the deleted file open goes on writing into its log."""
    path.unlink()
    old = open_database(path, owner="me")
    with old.writing() as connection:
        connection.exec_driver_sql("INSERT INTO convocore_meta VALUES ('old', 'x')")
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    before = [log.stat().st_ino for log in logs]
    path.unlink()
    new = open_database(path, owner="me")
    assert not set(before) & {log.stat().st_ino for log in logs}
    new.close()
    old.close()
