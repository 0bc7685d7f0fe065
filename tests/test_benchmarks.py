"""`python -m benchmarks --quick`: all is measured, and what does not depend on time holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.table import Row, printed

ROOT = Path(__file__).parent.parent
QUESTIONS = (
    "list_conversations()",
    "list_conversations(cursor)",
    "list_conversations(query, stage)",
    "summarize_hot_leads()",
    'summarize_hot_leads(since="7d")',
    "get_lead(lead)",
    "conversation_stats()",
    'conversation_stats(group_by=["stage"])',
)
WALKS = ("50 ms upstream latency, cursors", "50 ms upstream latency, page numbers",
         "no latency, cursors", "no latency, page numbers")  # fmt: skip
Line = dict[str, str]


@pytest.fixture(scope="module")
def table() -> list[Line]:
    """What the command prints, row by row."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    head, _, *rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    return [dict(zip(head, [cell.strip("| ") for cell in row], strict=False)) for row in rows]


def found(table: list[Line], what: str) -> list[Line]:
    """The rows that begin so."""
    return [line for line in table if line["what"].startswith(what)]


def test_everything_that_should_be_fast_is_measured_beside_something(table: list[Line]) -> None:
    """Asked for by design.md, "What fast means here"."""
    assert len(found(table, "start to first `tools/list`")) == 1
    for question in QUESTIONS:
        beside_nothing, beside_smaller = found(table, f"`{question}`, warm")
        assert "no-op tool" in beside_nothing["against"]
        assert "mirror of" in beside_smaller["against"]
        assert "after a change" in beside_nothing["besides"]
    for walk in WALKS:
        lines = [line for line in found(table, "a full walk of") if walk in line["what"]]
        assert [line["what"].rpartition(", ")[2] for line in lines] == [
            "the client alone", "into the mirror",
        ]  # fmt: skip
        assert all("bare loop" in line["against"] for line in lines)
    assert len(found(table, "longest that the event loop was held")) == 1
    for line in table:
        assert line["met"] in {"yes", "**no**"}
        if line["against"]:
            assert re.fullmatch(r"\d+\.\d\dx", line["ratio"])


def test_what_does_not_depend_on_time_holds(table: list[Line]) -> None:
    """Promised by design.md: tokens, memory, and no database call on the event loop."""
    timeless = ("tokens for 20 conversations", "tokens of name + description", "memory while",
                "database calls on the event loop's thread")  # fmt: skip
    for what in timeless:
        (line,) = found(table, what)
        assert line["met"] == "yes", line


def test_a_missed_target_is_seen_at_a_glance() -> None:
    """Promised by the README."""
    rows = [
        Row("walking", "at most 2x", False, "3 s", against="running", there="1 s", ratio=3.0),
        Row("sleeping", "at most 8 h", True, "7 h"),
    ]

    _, _, walking, sleeping = printed(rows).splitlines()

    assert walking == "| walking | running | 1 s | 3 s | 3.00x | at most 2x | **no** |  |"
    assert sleeping == "| sleeping |  |  | 7 h |  | at most 8 h | yes |  |"
