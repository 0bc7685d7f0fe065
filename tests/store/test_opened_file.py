"""Whether a file is still the one that was opened, where nothing else would tell."""

import os
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from convocore_mcp.store.database.sqlite_file import sqlite
from convocore_mcp.store.files.opened_file import FileFault, OpenedFile

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
    assert file.fault() is None
    replace(path)
    assert file.fault() is FileFault.GONE


def test_a_copy_that_comes_just_before_the_file_is_opened_is_another_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: the file is looked at by its name, and then opened by its name."""
    file, really_open = OpenedFile(path), os.open
    file.remember_header()
    file.close()

    def open_late(name: Path, flags: int) -> int:
        replace(path)
        return really_open(name, flags)

    monkeypatch.setattr(os, "open", open_late)
    assert file.fault() is FileFault.GONE


def test_a_file_that_is_missing_is_not_created_by_a_connection(tmp_path: Path) -> None:
    """Ours: beside a file that was deleted, its log may still be in use."""
    engine = sqlite(str(tmp_path / "missing"))
    with pytest.raises(OperationalError):
        engine.connect()
    engine.dispose()
    assert list(tmp_path.iterdir()) == []
