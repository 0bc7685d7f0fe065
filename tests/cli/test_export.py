"""`convocore-mcp export`: all rows, in three formats, and never quietly too few."""

import csv
import io
import json
import os
import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from operator import add
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.cli.export import row_pages
from convocore_mcp.cli.export.formulas import escaped_formula
from convocore_mcp.cli.export.text_files import CsvWriter
from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
FORMULA = '=HYPERLINK("http://x.example")'


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=150)
    sandbox.insert(ID="f1", userName=FORMULA, userPhone="+49 170 1234567", tags=["a", "b"])
    with serving(sandbox) as url:
        yield CommandLine(tmp_path_factory.mktemp("home"), sandbox, url)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("kind", ["conversations", "leads"])
def test_every_row_of_the_list_is_written_once_with_its_values(
    commands: CommandLine, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Export": the same filters, fields and values as the tools."""
    monkeypatch.setattr(row_pages, "PAGE_ROWS", 40)  # several pages
    typed = ("where=messages>1", "fields=name", "fields=value", "fields=created", "fields=tags")
    asked: list[dict[str, Any]] = []
    cursor: tuple[str, ...] = ()
    while True:
        answer = json.loads(
            commands.run_ok("ask", f"list_{kind}", *typed, "limit=100", *cursor, "--json")
        )
        asked += answer[kind]
        if "next_cursor" not in answer:
            break
        cursor = (f"cursor={answer['next_cursor']}",)
    assert len(asked) == answer["total"] > 40

    lines = commands.run_ok("export", kind, *typed, "-f", "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == asked

    file = tmp_path / "rows.parquet"
    commands.run_ok("export", kind, *typed, "-o", str(file))
    table = pq.read_table(file)
    assert table.num_rows == len(asked)
    assert str(table.schema.field("value").type) == "double"
    assert str(table.schema.field("created").type) == "timestamp[ms, tz=UTC]"
    assert [row["value"] for row in table.to_pylist()] == [row.get("value") for row in asked]

    written = rows_of(commands.run_ok("export", kind, *typed))
    assert len(written) == len(asked)
    assert [row["created"] for row in written] == [row.get("created", "") for row in asked]


def test_a_file_appears_when_it_is_whole_and_for_its_owner_alone(
    commands: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Export". After a failure the old file is as it was."""
    file = tmp_path / "rows.csv"
    commands.run_ok("export", "conversations", "-o", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CsvWriter, "write", broken)
    done = commands.run("export", "conversations", "-o", str(file))
    assert (done.returncode, "No space left" in done.stderr) == (1, True)
    assert (file.read_bytes(), [f.name for f in tmp_path.iterdir()]) == (before, ["rows.csv"])


def test_a_pipe_is_written_to_and_not_replaced(commands: CommandLine, tmp_path: Path) -> None:
    """Ours: root would make a file of `/dev/null`, of which every program needs the device."""
    typed = ("export", "conversations", "fields=id", "-f", "csv")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        commands.run_ok(*typed, "-o", str(pipe))
        assert pipe.is_fifo()
        written = os.read(reader, 65_536).decode()
        assert written.splitlines() == commands.run_ok(*typed).splitlines()
    finally:
        os.close(reader)


def test_formulas_are_disarmed_and_phone_numbers_stay_usable(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Export". JSON Lines holds what was written."""
    typed = ("export", "conversations", "where=id=f1", "fields=name", "fields=phone", "fields=tags")
    (row,) = rows_of(commands.run_ok(*typed))
    assert row["name"] == "'" + FORMULA
    assert row["phone"].startswith("+49")
    assert row["tags"] == "a; b"
    assert json.loads(commands.run_ok(*typed, "-f", "jsonl"))["name"] == FORMULA


@given(st.text(max_size=30) | st.builds(add, st.sampled_from(SIGNS), st.text(max_size=30)))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    """Ours: whatever a visitor writes, and in full width, too."""
    cell = escaped_formula(text)
    assert cell in {text, "'" + text}
    if cell == text and text:
        phone = text[0] == "+" and set(text[1:]) <= set("0123456789 ")
        assert phone or text[0] not in SIGNS


@pytest.mark.parametrize(
    "text", ["+1+2", "+49-170-1234567", "+cmd|' /C calc'!A0", "-1", "@x", "\t=1"]
)
def test_only_a_plain_phone_number_keeps_its_plus(text: str) -> None:
    """Ours: what a spreadsheet would calculate is more than digits and blanks."""
    assert escaped_formula(text) == "'" + text
    assert escaped_formula("+49 170 1234567") == "+49 170 1234567"


def test_what_is_incomplete_is_reported_with_an_exit_code_of_its_own(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Export". What is known is written all the same."""
    sandbox = Sandbox(size=30)
    with serving(sandbox) as url:
        commands = CommandLine(tmp_path, sandbox, url)
        known = rows_of(commands.run_ok("export", "conversations"))
        sandbox.fail_next(500, times=1000)
        done = commands.run("export", "conversations")
        assert (done.returncode, rows_of(done.stdout)) == (3, known)
        assert "Incomplete: Convocore failed (500)" in done.stderr

        (mirror,) = commands.home.rglob("*.sqlite3")
        with closing(sqlite3.connect(mirror)) as connection, connection:
            connection.execute("UPDATE convocore_agents SET as_of = NULL")
        done = commands.run("export", "conversations")
        assert (done.returncode, rows_of(done.stdout)) == (3, known)

        commands.run_ok("purge", "--yes")
        done = commands.run("export", "conversations", "-o", str(tmp_path / "rows.csv"))
        assert (done.returncode, (tmp_path / "rows.csv").exists()) == (1, False)


def test_rows_that_were_quarantined_are_reported(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Export": rows that can't be read are missing in the file."""
    sandbox = Sandbox(size=30)
    sandbox.alter_page(lambda page, _: page["data"].append({"ID": []}))
    with serving(sandbox) as url:
        done = CommandLine(tmp_path, sandbox, url).run("export", "conversations")
    assert done.returncode == 3
    assert "Incomplete: " in done.stderr


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("conversations", "-o", "rows.xlsx"), ".parquet"),
        (("conversations", "limit=5"), "limit"),
        (("leads", "state=open"), "state"),
        (("leads", "fields=nome"), "name"),
        (("leads", "leads.csv"), "named with -o"),
        (("leads", "label=boiling"), "label"),
        (("conversations", "where=value>"), "where"),
        (("conversations", "-o", "/nonexistent/rows.csv"), "can't be written"),
        (("conversations", "-o", "~nobody-of-this-name/rows.csv"), "can't be written"),
    ],
)
def test_what_means_nothing_is_refused(
    commands: CommandLine, typed: tuple[str, ...], message: str
) -> None:
    """Promised by docs/commands.md, "Export". As the tools do, and nothing is written."""
    done = commands.run("export", *typed)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_memory_does_not_grow_with_the_number_of_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Export". Pages are held, and not the list."""
    monkeypatch.setattr(row_pages, "PAGE_ROWS", 100)
    peaks = {}
    for size in (250, 1000):
        sandbox = Sandbox(size=size, max_limit=100, dialect="page")
        with serving(sandbox) as url:
            commands = CommandLine(tmp_path / str(size), sandbox, url)
            commands.run_ok("sync")
            tracemalloc.start()
            commands.run_ok("export", "conversations", "-o", str(tmp_path / "rows.csv"))
            peaks[size] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peaks[1000] < peaks[250] * 1.5, peaks
