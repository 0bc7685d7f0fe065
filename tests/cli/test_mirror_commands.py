"""`convocore-mcp sync`, `status` and `purge`, as a person calls them."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine

VISITOR_TEXT = "Q0-what-a-visitor-wrote"


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=60)
    with serving(sandbox) as base_url:
        yield CommandLine(tmp_path, sandbox, base_url)


def test_an_agent_whose_id_looks_like_markup_is_named_as_it_is(command_line: CommandLine) -> None:
    """Ours: in a terminal, where a bar shows what is read."""
    done = command_line.run("sync", CONVOCORE_AGENT_ID="a[/b]", FORCE_COLOR="1")
    assert (done.returncode, "not know this agent" in done.stderr) == (1, True), done.stderr


def test_sync_reads_everything_and_then_what_is_new(command_line: CommandLine) -> None:
    """Promised by docs/operations.md, "Commands". `--full` reads everything again."""
    total = len(list(command_line.sandbox.rows()))
    assert "No mirror yet" in command_line.run_ok("status")
    assert not command_line.files

    first = command_line.run_ok("sync")
    assert "read everything" in first
    assert f"{total} created, 0 updated, 0 removed; {total} conversations" in first

    edited, deleted = (row["ID"] for row in list(command_line.sandbox.rows())[-2:])
    command_line.sandbox.insert(ID="new")
    command_line.sandbox.edit(edited, userName="Somebody Else")  # no incremental sync sees this
    command_line.sandbox.delete(deleted)
    second = command_line.run_ok("sync")
    assert "read what is new: " in second
    assert "1 created, 0 updated, 0 removed" in second

    third = command_line.run_ok("sync", "--full")
    assert "read everything" in third
    assert f"0 created, 1 updated, 1 removed; {total} conversations" in third


def test_status_shows_the_mirror_and_why_records_were_quarantined(
    command_line: CommandLine,
) -> None:
    """Promised by docs/operations.md, "Commands". Never what a visitor wrote."""
    unreadable = {row["ID"] for row in list(command_line.sandbox.rows())[-2:]}

    def without_usable_id(envelope: dict[str, Any], _: int) -> None:
        for row in envelope["data"]:
            row["ID"] = [VISITOR_TEXT] if row["ID"] in unreadable else row["ID"]

    command_line.sandbox.alter_page(without_usable_id)
    command_line.run_ok("sync")
    readable = len(list(command_line.sandbox.rows())) - 2
    requests = len(command_line.sandbox.requests)
    (mirror,) = command_line.home.rglob("*.sqlite3")

    output = command_line.run_ok("status")

    assert len(command_line.sandbox.requests) == requests
    assert str(mirror) in output
    assert f"conversations  {readable}, back to 20" in output
    assert "fresh          read just now" in output
    assert "complete       yes, full sync just now" in output
    assert "quarantined    2 that could not be read:\n    2 x  ID: does not fit" in output
    assert VISITOR_TEXT not in output


def test_purge_asks_and_deletes_every_file_of_the_mirror(command_line: CommandLine) -> None:
    """Promised by docs/operations.md, "Commands". Also the mirror's side files and copies."""
    command_line.run_ok("sync")
    (mirror,) = command_line.home.rglob("*.sqlite3")
    (sync_lock,) = command_line.home.rglob("*.sqlite3.full-*")
    assert sync_lock.stat().st_mode & 0o777 == 0o600
    for name in ("-wal", "-shm", ".aside-20260719T221103123456", ".aside-mine"):
        mirror.with_name(mirror.name + name).touch()
    before = command_line.files

    refused = command_line.run("purge", answer="n\n")
    assert refused.returncode == 1
    assert "Nothing was deleted." in refused.stderr
    assert str(mirror) in refused.stdout
    assert command_line.files == before

    assert "Deleted 5 files" in command_line.run_ok("purge", answer="y\n")
    assert command_line.files == {f"{mirror.name}.aside-mine"}
    assert "Nothing to delete" in command_line.run_ok("purge", "--yes")
    command_line.run_ok("sync")
    assert "Deleted 2 files, " in command_line.run_ok("purge", "--yes")


def test_purge_does_not_delete_a_file_that_is_no_mirror(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Ours: CONVOCORE_STORE may name another program's database by mistake."""
    foreign_file = tmp_path / "accounts.db"
    with closing(sqlite3.connect(foreign_file)) as connection:
        connection.execute("CREATE TABLE accounts (id)")

    done = command_line.run("purge", "--yes", CONVOCORE_STORE=str(foreign_file))

    assert f"Not deleted, because it is no mirror of this program: {foreign_file}" in done.stderr
    assert foreign_file.exists()
    own_file = {"CONVOCORE_STORE": str(tmp_path / "mirror.db")}
    command_line.run_ok("sync", **own_file)
    assert "Deleted" in command_line.run_ok("purge", "--yes", **own_file)
    assert not (tmp_path / "mirror.db").exists()


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_folder_as_the_mirror_is_no_mirror_that_is_still_to_be_made(
    command_line: CommandLine, command: str
) -> None:
    """Promised by docs/contract.md, "Configuration": a wrong setting is named as its variable."""
    done = command_line.run(command, CONVOCORE_STORE=str(command_line.home))
    assert done.returncode == 1
    text = " ".join((done.stdout + done.stderr).split())
    assert "CONVOCORE_STORE names a folder or a device" in text
    assert "mirror.db in that folder" in text


def test_sync_announces_no_details_that_nobody_will_read(command_line: CommandLine) -> None:
    """Ours: rows that say little are all that there is, once a trial has shown that."""
    now = 1_780_000_000
    rows = [{"ID": f"s{n}", "ts": now - n, "messagesNum": 2} for n in range(50)]
    command_line.sandbox.replace(rows)
    store = {"CONVOCORE_STORE": str(command_line.home / "sparse.db"), "CONVOCORE_DETAILS": "auto"}
    assert "details" not in command_line.run_ok("sync", **store)
    assert "details        not needed" in command_line.run_ok("status", **store)


def test_a_question_is_not_among_the_results(command_line: CommandLine) -> None:
    """Promised by docs/commands.md, "Everywhere": questions go to stderr."""
    command_line.run_ok("sync")
    asked = command_line.run("purge", answer="n\n")
    assert "Delete the mirror (" in asked.stderr
    assert "Delete the mirror (" not in asked.stdout


def test_a_mistyped_key_costs_nobody_their_mirror(command_line: CommandLine) -> None:
    """Promised by docs/architecture.md, "The mirror": Convocore has to accept the new key first."""
    store = {"CONVOCORE_STORE": str(command_line.home / "mirror.db")}
    command_line.run_ok("sync", **store)
    files, requests = command_line.files, len(command_line.sandbox.requests)

    wrong = command_line.run("status", CONVOCORE_API_KEY="mistyped", **store)
    assert (wrong.returncode, len(command_line.sandbox.requests)) == (1, requests)
    assert "belongs to another key, region or time zone" in wrong.stderr
    for _ in range(2):
        wrong = command_line.run("sync", CONVOCORE_API_KEY="mistyped", **store)
        assert wrong.returncode == 1
        assert "CONVOCORE_API_KEY" in wrong.stderr
    nowhere = {"CONVOCORE_BASE_URL": "http://127.0.0.1:1/v3"}
    assert command_line.run("sync", **nowhere, **store).returncode == 1
    assert command_line.files == files
    assert "complete       yes" in command_line.run_ok("status", **store)

    command_line.sandbox.key = "another-key"
    done = command_line.run("sync", CONVOCORE_API_KEY="another-key", **store)
    assert "read everything" in done.stdout
    assert sum(".aside-" in name for name in command_line.files) == 1


def test_purge_all_finds_the_mirrors_of_former_keys(
    command_line: CommandLine, tmp_path: Path
) -> None:
    """Promised by docs/operations.md, "Commands". It needs no key, and other files stay."""
    command_line.run_ok("sync")
    (mirror,) = command_line.home.rglob("*.sqlite3")
    command_line.sandbox.key = "another-key"
    command_line.run_ok("sync", CONVOCORE_API_KEY="another-key")
    own_file = {"CONVOCORE_STORE": str(tmp_path / "mirror.db")}
    command_line.run_ok("sync", CONVOCORE_API_KEY="another-key", **own_file)
    mirror.with_name("mirror-0123abcd.sqlite3.aside-20260719T221103123456").touch()
    mirror.with_name("mirror-mine.sqlite3").touch()

    refused = command_line.run("purge", "--all", answer="n\n")
    assert refused.returncode == 1
    assert len(command_line.files) > 5
    assert "Deleted" in command_line.run_ok(
        "purge", "--all", CONVOCORE_API_KEY="", **own_file, answer="y\n"
    )
    assert command_line.files == {"mirror-mine.sqlite3"}
    assert "Nothing to delete" in command_line.run_ok("purge", "--all", "--yes")


@pytest.mark.parametrize("command", ["sync", "status", "purge"])
def test_a_missing_key_is_reported_in_two_lines(command_line: CommandLine, command: str) -> None:
    """Promised by docs/operations.md, "Commands". No stack trace."""
    done = command_line.run(command, CONVOCORE_API_KEY="")

    assert (done.returncode, done.stdout) == (2, "")
    message, hint = done.stderr.splitlines()
    assert message == "No Convocore key is configured."
    assert "CONVOCORE_API_KEY" in hint


def test_an_unreachable_convocore_is_reported_in_two_lines_and_the_mirror_stays(
    command_line: CommandLine,
) -> None:
    """Promised by docs/operations.md, "Commands". Exit code 1."""
    store = {"CONVOCORE_STORE": str(command_line.home / "mirror.db")}
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}/v3"
        done = command_line.run("sync", CONVOCORE_BASE_URL=base_url, **store)

    assert (done.returncode, done.stdout) == (1, "")
    message, hint = done.stderr.splitlines()
    assert "can't be reached" in message
    assert "CONVOCORE_BASE_URL" in hint
    output = command_line.run_ok("status", CONVOCORE_BASE_URL=base_url, **store)
    assert "nothing has been read yet" in output


def test_one_agent_can_be_chosen_and_a_failing_agent_does_not_stop_the_others(
    command_line: CommandLine,
) -> None:
    """Promised by docs/operations.md, "Commands". `--agent`, or all agents."""
    both = {"CONVOCORE_AGENT_ID": f"nobody,{command_line.sandbox.agent_id}"}

    done = command_line.run("sync", **both)
    assert done.returncode == 1
    assert done.stderr.startswith("nobody: ")
    assert f"{command_line.sandbox.agent_id}: read everything" in done.stdout

    output = command_line.run_ok("status", "--agent", command_line.sandbox.agent_id, **both)
    assert "nobody" not in output
    assert "complete       yes" in output
    wrong = command_line.run("status", "--agent", "somebody", **both)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "'somebody' is not configured" in wrong.stderr
