"""`convocore-mcp sync`, `status` and `purge`, as the processes that a person starts."""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.test_stdio import GENEROUS, environment

SECRET = "Q0-what-a-visitor-wrote"


class Shell:
    """Runs commands with the settings of one sandbox, and a home of its own."""

    def __init__(self, home: Path, sandbox: Sandbox, base_url: str) -> None:
        self.home = home
        self.sandbox = sandbox
        self.env = environment(
            home,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
        )

    def run(
        self, *arguments: str, answer: str = "", **settings: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "convocore_mcp", *arguments],
            env=self.env | settings,
            input=answer,
            capture_output=True,
            text=True,
            timeout=3 * GENEROUS,
            check=False,
        )

    def does(self, *arguments: str, answer: str = "", **settings: str) -> str:
        """What a command says that goes well, and says nothing on stderr."""
        done = self.run(*arguments, answer=answer, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    @property
    def files(self) -> set[str]:
        return {file.name for file in self.home.rglob("*") if file.is_file()}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    sandbox = Sandbox(size=60)
    with serving(sandbox) as base_url:
        yield Shell(tmp_path, sandbox, base_url)


def test_sync_reads_everything_and_then_what_is_new(shell: Shell) -> None:
    """Promised by the issue: `--full`, or a tail where everything has been read, and a summary."""
    held = len(list(shell.sandbox.rows()))
    assert "No mirror yet" in shell.does("status")
    assert not shell.files

    first = shell.does("sync")
    assert "read everything" in first
    assert f"{held} created, 0 updated, 0 removed; {held} conversations" in first

    old, gone = (row["ID"] for row in list(shell.sandbox.rows())[-2:])
    shell.sandbox.insert(ID="new")
    shell.sandbox.edit(old, userName="Somebody Else")  # which no tail sees
    shell.sandbox.delete(gone)
    second = shell.does("sync")
    assert "read what is new: " in second
    assert "1 created, 0 updated, 0 removed" in second

    third = shell.does("sync", "--full")
    assert "read everything" in third
    assert f"0 created, 1 updated, 1 removed; {held} conversations" in third


def test_status_tells_what_is_there_and_why_records_were_quarantined(shell: Shell) -> None:
    """Promised by the issue: what, how fresh, and the reasons; never what a visitor wrote."""
    (*_, one, another) = shell.sandbox.rows()
    for number, row in enumerate((one, another)):
        shell.sandbox.edit(row["ID"], ratingFrom5=f"{SECRET} {number}")
    shell.does("sync")
    held = len(list(shell.sandbox.rows())) - 2
    asked = len(shell.sandbox.requests)
    (mirror,) = shell.home.rglob("*.sqlite3")

    told = shell.does("status")

    assert len(shell.sandbox.requests) == asked
    assert str(mirror) in told
    assert f"conversations  {held}, back to 20" in told
    assert "fresh          read just now" in told
    assert "complete       yes, read as a whole just now" in told
    assert "quarantined    2 that could not be read:\n    2 x  ratingFrom5: could not con" in told
    assert SECRET not in told


def test_purge_asks_and_deletes_what_is_ours(shell: Shell) -> None:
    """Promised by the issue: with what belongs to the file, and the copies that were set aside."""
    shell.does("sync")
    (mirror,) = shell.home.rglob("*.sqlite3")
    (sync_lock,) = shell.home.rglob("*.sqlite3.full-*")
    assert sync_lock.stat().st_mode & 0o777 == 0o600
    for name in ("-wal", "-shm", ".aside-20260719T221103123456", ".aside-mine"):
        mirror.with_name(mirror.name + name).touch()
    before = shell.files

    refused = shell.run("purge", answer="n\n")
    assert refused.returncode == 1
    assert "Nothing was deleted." in refused.stderr
    assert str(mirror) in refused.stdout
    assert shell.files == before

    assert "Deleted 5 files" in shell.does("purge", answer="y\n")
    assert shell.files == {f"{mirror.name}.aside-mine"}
    assert "Nothing to delete" in shell.does("purge", "--yes")
    shell.does("sync")
    assert "Deleted 2 files, " in shell.does("purge", "--yes")


def test_purge_leaves_a_file_alone_that_is_no_mirror(shell: Shell, tmp_path: Path) -> None:
    """Ours: CONVOCORE_STORE may name somebody's own database by mistake."""
    theirs = tmp_path / "accounts.db"
    with closing(sqlite3.connect(theirs)) as connection:
        connection.execute("CREATE TABLE accounts (id)")

    done = shell.run("purge", "--yes", CONVOCORE_STORE=str(theirs))

    assert f"Left alone, as it is no mirror of this program: {theirs}" in done.stderr
    assert theirs.exists()
    with_one = {"CONVOCORE_STORE": str(tmp_path / "mirror.db")}
    shell.does("sync", **with_one)
    assert "Deleted" in shell.does("purge", "--yes", **with_one)
    assert not (tmp_path / "mirror.db").exists()


@pytest.mark.parametrize("command", ["sync", "status", "purge"])
def test_a_missing_key_is_said_in_two_lines(shell: Shell, command: str) -> None:
    """Promised by the issue: an error is a line or two, never a stack trace."""
    done = shell.run(command, CONVOCORE_API_KEY="")

    assert (done.returncode, done.stdout) == (2, "")
    message, hint = done.stderr.splitlines()
    assert message == "No Convocore key is configured."
    assert "CONVOCORE_API_KEY" in hint


def test_convocore_down_is_said_in_two_lines_and_the_mirror_stays(shell: Shell) -> None:
    """Promised by the issue: message and hint, and exit code 1."""
    kept = {"CONVOCORE_STORE": str(shell.home / "mirror.db")}
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}/v3"
        done = shell.run("sync", CONVOCORE_BASE_URL=down, **kept)

    assert (done.returncode, done.stdout) == (1, "")
    message, hint = done.stderr.splitlines()
    assert "can't be reached" in message
    assert "CONVOCORE_BASE_URL" in hint
    told = shell.does("status", CONVOCORE_BASE_URL=down, **kept)
    assert "nothing has been read yet" in told


def test_of_several_agents_one_can_be_chosen_and_a_failing_one_stops_no_other(
    shell: Shell,
) -> None:
    """Promised by the issue: `--agent`, all by default."""
    both = {"CONVOCORE_AGENT_ID": f"nobody,{shell.sandbox.agent_id}"}

    done = shell.run("sync", **both)
    assert done.returncode == 1
    assert done.stderr.startswith("nobody: ")
    assert f"{shell.sandbox.agent_id}: read everything" in done.stdout

    told = shell.does("status", "--agent", shell.sandbox.agent_id, **both)
    assert "nobody" not in told
    assert "complete       yes" in told
    wrong = shell.run("status", "--agent", "somebody", **both)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "'somebody' is not configured" in wrong.stderr
