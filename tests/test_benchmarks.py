"""`python -m benchmarks --quick`: everything is measured, and targets without time are met."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.table import Row, markdown
from tests.pages.documented import documented

# It starts many processes.
pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]
ROOT = Path(__file__).parent.parent
CALLS = (
    "list_conversations()",
    "list_conversations(cursor)",
    "list_conversations(query, stage)",
    "summarize_hot_leads()",
    'summarize_hot_leads(since="7d")',
    "get_lead(lead)",
    "conversation_stats()",
    'conversation_stats(group_by=["stage"])',
)
SYNCS = ("10 ms upstream latency, cursors", "10 ms upstream latency, page numbers")
FIRST = tuple(
    f"{call}({argument})"
    for call, arguments in (
        ("list_conversations", ("where", "where=data.NAME", "sort")),
        ("list_leads", ("where", "where=data.NAME", "sort")),
        (
            "conversation_stats",
            (
                *(f"of={rows}, group_by" for rows in ("conversations", "leads")),
                *(f"of={rows}, group_by, where" for rows in ("conversations", "leads")),
            ),
        ),
    )
    for argument in arguments
)
OTHER_PARTS = ("startup", "calls", "sizes", "syncs", "tokens", "event_loop")
Line = dict[str, str]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """The rows of all parts, by the heading of their columns."""
    keep = ("--keep", str(tmp_path_factory.mktemp("mirrors")))
    measured = (
        measure(documented("python -m benchmarks"), "--only", *OTHER_PARTS, *keep),
        measure(documented("python -m benchmarks --only throughput"), *keep),
        measure(documented("python -m benchmarks --only memory --keep FOLDER"), *keep),
        measure(documented("python -m benchmarks --only first first_sizes --keep FOLDER"), *keep),
    )
    return [line for lines in measured for line in lines]


def measure(command: str, *options: str) -> list[Line]:
    """The rows that a command prints, with `--quick`; options that are given twice hold last."""
    # Without coverage in the measured processes: it would slow them down.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, *command.split()[1:], "--quick", *options],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    head, _, *rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()]
    return [dict(zip(head, [cell.strip("| ") for cell in row], strict=False)) for row in rows]


def rows_about(table: list[Line], what: str) -> list[Line]:
    """The rows whose first cell begins with this text."""
    return [line for line in table if line["what"].startswith(what)]


def test_everything_with_a_target_is_measured_and_compared(table: list[Line]) -> None:
    """Promised by docs/performance.md, "Targets"."""
    assert len(rows_about(table, "start to first `tools/list`")) == 1
    for call in CALLS:
        no_op, smaller = rows_about(table, f"`{call}`, warm")
        assert "no-op tool" in no_op["compared with"]
        assert "mirror of" in smaller["compared with"]
        assert "after a change" in no_op["notes"]
    for questions in FIRST:
        (line,) = rows_about(table, f"{questions}, first time")
        assert line["notes"].startswith("slowest of ")
    for scenario in SYNCS:
        lines = [line for line in rows_about(table, "a full sync of") if scenario in line["what"]]
        assert [line["what"].rpartition(", ")[2] for line in lines] == [
            "the client alone", "into the mirror",
        ]  # fmt: skip
        assert all("bare loop" in line["compared with"] for line in lines)
    if shutil.which("wrk"):
        assert len([line for line in table if "calls a second over HTTP" in line["what"]]) == 3
    assert len(rows_about(table, "longest time the event loop was blocked")) == 1
    for line in table:
        assert line["met"] in {"yes", "**no**"}
        if line["compared with"]:
            assert re.fullmatch(r"\d+\.\d\dx", line["ratio"])


def test_targets_that_do_not_depend_on_time_are_met(table: list[Line]) -> None:
    """Promised by docs/performance.md, "Targets": tokens, memory, calls on the event loop."""
    timeless = ("tokens for 20 conversations", "tokens of name + description", "memory during",
                "database calls on the event loop's thread")  # fmt: skip
    for what in timeless:
        (line,) = rows_about(table, what)
        assert line["met"] == "yes", line


def test_the_load_over_http_is_answered() -> None:
    """Promised by docs/performance.md, "Load over HTTP"; the page has the same command."""
    done = subprocess.run(
        [sys.executable, *documented("python benchmarks/load.py").split()[1:], "--clients=2",
          "--calls=24", "--size=200"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24 calls" in done.stdout
    assert "0 failed" in done.stdout


def test_a_missed_target_is_seen_at_a_glance() -> None:
    """Ours: a missed target is printed in bold."""
    rows = [
        Row(
            "walking",
            "at most 2x",
            False,
            "3 s",
            compared_with="running",
            reference="1 s",
            ratio=3.0,
        ),
        Row("sleeping", "at most 8 h", True, "7 h"),
    ]

    _, _, walking, sleeping = markdown(rows).splitlines()

    assert walking == "| walking | running | 1 s | 3 s | 3.00x | at most 2x | **no** |  |"
    assert sleeping == "| sleeping |  |  | 7 h |  | at most 8 h | yes |  |"
