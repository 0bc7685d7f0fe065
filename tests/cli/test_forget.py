"""`convocore-mcp forget`: one person is gone from the disk, and does not come back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine

WORD = "Quirinalia"
EMAIL = "quirinalia@x.example"
ROWS: list[dict[str, Any]] = [
    {"ID": "j1", "userName": f"{WORD} Doe", "userEmail": EMAIL,
     "lastMessage": f"I am {WORD}", "summary": f"{WORD} asked", "ts": 1_780_000_000},
    {"ID": "j2", "userName": f"{WORD} Doe", "userEmail": EMAIL},
    {"ID": "b1", "userName": "Bob Ray", "userEmail": "bob@x.example"},
]  # fmt: skip


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=0)
    for row in ROWS:
        sandbox.insert(**row)
    with serving(sandbox) as url:
        yield CommandLine(tmp_path, sandbox, url)


def on_disk(commands: CommandLine) -> bool:
    """Whether any file in the home folder holds the name, in any case."""
    files = [file for file in commands.home.rglob("*") if file.is_file()]
    return any(WORD.lower().encode() in file.read_bytes().lower() for file in files)


def test_a_forgotten_person_is_gone_from_the_disk_and_stays_away(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Erasing a person"; nothing happens without a yes."""
    assert "3 conversations are in the mirror" in commands.run_ok("sync")
    (mirror,) = (file for file in commands.home.rglob("mirror-*.sqlite3"))
    mirror.with_name(f"{mirror.name}.aside-20260101T000000000000").write_text(f"old {WORD}")
    declined = commands.run("forget", "j1", answer="n\n")
    assert (declined.returncode, "Nothing was erased." in declined.stderr) == (1, True)
    assert "2 conversations, 2 versions, 1 lead" in declined.stdout
    several = commands.run("forget", "example", "--yes")
    assert (several.returncode, "may be meant" in several.stderr) == (1, True)
    assert "Nothing was erased" in commands.run_ok("forget", "j1", "--dry-run", "--yes")
    assert on_disk(commands)

    agents = f"{commands.sandbox.agent_id},another"
    erased = commands.run_ok("forget", EMAIL, "--yes", CONVOCORE_AGENT_ID=agents)
    assert "erased 2 conversations" in erased
    assert not on_disk(commands)
    (kept,) = (file for file in commands.home.rglob("*.forgotten"))
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(kept.read_text().splitlines()) == 1 + 2 * len(("j1", "j2", EMAIL))

    assert "1 conversation is in the mirror" in commands.run_ok("sync", "--full")
    assert not on_disk(commands)
    commands.run_ok("purge", "--yes")
    assert "1 conversation is in the mirror" in commands.run_ok("sync")
    assert not on_disk(commands)


def test_with_masked_data_a_pseudonym_names_whom_to_erase(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Personal data": what an answer shows is read back."""
    masked = {"CONVOCORE_PII": "masked"}
    commands.run_ok("sync")
    asked = ("list_leads", f"query={EMAIL}", "fields=email", "--json")
    (lead,) = json.loads(commands.run_ok("ask", *asked, **masked))["leads"]
    assert lead["email"].startswith("email-")
    erased = commands.run_ok("forget", lead["email"], "--yes", **masked)
    assert "one lead: 2 conversations" in erased
    assert lead["lead_id"] not in erased
    assert not on_disk(commands)


def test_a_conversation_of_no_lead_is_erased_by_its_id(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Erasing a person": here one of which nothing is known."""
    commands.sandbox.insert(ID="anonymous-1", lastMessage=f"I am {WORD}")
    commands.run_ok("sync")
    assert "a conversation of no lead: 1 conv" in commands.run_ok("forget", "anonymous-1", "--yes")
    assert "2 conversations" in commands.run_ok("forget", "j1", "--yes")
    assert not on_disk(commands)


def test_what_a_sync_brings_while_the_command_asks_is_erased_too(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Erasing a person": every conversation of the person."""
    commands.run_ok("sync")

    program = [sys.executable, "-m", "convocore_mcp", "forget", "j1"]
    with subprocess.Popen(
        program, env=commands.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert "lead j1: 2 conversations" in process.stdout.readline()
        commands.sandbox.insert(ID="j3", userName=f"{WORD} Doe", userEmail=EMAIL)
        commands.sandbox.insert(ID="n1", userName="New Man", userEmail="new@x.example")
        assert "5 conversations are in the mirror" in commands.run_ok("sync")
        process.stdin.write("y\n")
        process.stdin.flush()
        assert "erased 3 conversations, 3 versions" in process.stdout.read()
    assert not on_disk(commands)
    commands.sandbox.touch("j3", summary=f"{WORD} again")
    assert "2 conversations are in the mirror" in commands.run_ok("sync", "--full")
    assert not on_disk(commands)
    changes = json.loads(commands.run_ok("ask", "list_changes", "since=1h", "--json"))["changes"]
    assert [(change["kind"], change["id"]) for change in changes] == [("created", "n1")]


def test_whoever_turns_out_to_be_a_forgotten_person_goes_at_once(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Erasing a person": a visitor tells the address later."""
    commands.run_ok("sync")
    commands.run_ok("forget", EMAIL, "--yes")
    commands.sandbox.insert(ID="later", lastMessage="Hello?")
    assert "2 conversations are in the mirror" in commands.run_ok("sync")
    commands.sandbox.touch("later", userEmail=EMAIL, userName=f"{WORD} Doe")
    for full in ([], ["--full"], ["--full"]):
        assert "1 conversation is in the mirror" in commands.run_ok("sync", *full)
    assert not on_disk(commands)
    changes = json.loads(commands.run_ok("ask", "list_changes", "since=1h", "--json"))["changes"]
    assert changes == []


def test_nobody_fits_in_a_mirror_that_lacks_something_is_no_promise(commands: CommandLine) -> None:
    """Promised by docs/security.md, "Erasing a person": not yet read is not "nothing to erase"."""
    unread = commands.run("forget", EMAIL, "--yes")
    assert (unread.returncode, unread.stdout) == (1, "")
    assert "a sync may bring them" in unread.stderr
    assert "Run convocore-mcp sync" in unread.stderr
    commands.run_ok("sync")
    (mirror,) = (file for file in commands.home.rglob("mirror-*.sqlite3"))
    mirror.with_name(f"{mirror.name}.aside-20260101T000000000000").write_text("old Nobody")
    nobody = commands.run("forget", "nobody@x.example", "--yes")
    assert "there is nothing to erase" in nobody.stderr
    assert "1 set-aside mirror" in nobody.stderr
    assert "erased 2 conversations" in commands.run_ok("forget", EMAIL, "--yes")
