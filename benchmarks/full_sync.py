"""Duration of a full sync, compared with a bare loop over the same pages of the same sandbox.

Each reader is a process of its own, and so is the sandbox; the readers alternate. Ours is measured
twice: the client alone (its pages are dropped), and into a new mirror.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.mirror_files import MirrorFile
from benchmarks.progress import report
from benchmarks.sandbox_process import sandbox_process
from benchmarks.table import Row, median

CURSOR, NUMBERS = "cursor", "page"
PAGE_ROWS = {CURSOR: 20, NUMBERS: 100}
"""Rows per page: both sides read the same pages."""
DEFAULT_PAGE_ROWS = 20
"""Rows per page for a loop that does not set `limit`."""
NAMES = {CURSOR: "cursors", NUMBERS: "page numbers"}
OURS = {"client": "the client alone", "mirror": "into the mirror"}
MAX_MEMORY = 200


@dataclass(frozen=True, slots=True)
class Scenario:
    """A list to read, and how much longer than the bare loop it may take."""

    dialect: str
    size: int
    latency: float
    max_ratio: float
    """The largest ratio to the bare loop's time."""

    @property
    def target(self) -> str:
        """The target as text (docs/performance.md, "Targets")."""
        return (
            f"at most {self.max_ratio:.2f}x"
            if self.max_ratio >= 1
            else f"at least {1 / self.max_ratio:g}x faster"
        )

    @property
    def title(self) -> str:
        """What is read, as text."""
        waiting = f"{self.latency * 1000:.0f} ms upstream latency" if self.latency else "no latency"
        return f"a full sync of {self.size:,}, {waiting}, {NAMES[self.dialect]}"


def run_reader(kind: str, base_url: str, *options: str) -> dict[str, Any]:
    """Run one reader: seconds, rows, and megabytes."""
    command = [sys.executable, "-m", "benchmarks.full_sync_process", kind, base_url, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(scenarios: Iterable[Scenario], rounds: int) -> list[Row]:
    """The rows about full syncs."""
    return [row for scenario in scenarios for row in _measured(scenario, rounds)]


def _measured(scenario: Scenario, rounds: int) -> list[Row]:
    report(f"Reading: {scenario.title} …")
    took: dict[str, list[float]] = defaultdict(list)
    rows: dict[str, int] = {}
    limit = PAGE_ROWS[scenario.dialect]
    with sandbox_process(
        scenario.size, dialect=scenario.dialect, latency=scenario.latency
    ) as base_url:
        if rounds > 1:
            # The sandbox's first answers are slower.
            run_reader("bare", base_url, "--limit", str(limit))
        for _ in range(rounds):
            for kind in ("bare", *OURS):
                with tempfile.TemporaryDirectory() as folder:
                    file, of = f"{folder}/mirror.sqlite3", str(scenario.size)
                    options = ("--limit", str(limit), "--file", file, "--rows", of)
                    found = run_reader(kind, base_url, *options)
                took[kind].append(found["seconds"])
                rows[kind] = found["rows"]
        default = 0.0
        if scenario.dialect == NUMBERS and scenario.latency and rounds > 1:
            default = run_reader("bare", base_url, "--limit", str(DEFAULT_PAGE_ROWS))["seconds"]
    if len(set(rows.values())) > 1:
        raise RuntimeError(f"The readers have not read the same rows: {rows}")
    reference = median(took["bare"])
    return [
        _row(scenario, kind, reference, median(took[kind]), default, rows[kind]) for kind in OURS
    ]


def _row(
    scenario: Scenario, kind: str, reference: float, measured: float, default: float, rows: int
) -> Row:
    notes = f"{rows / measured:,.0f} rows a second"
    if default:
        notes += f"; a bare loop with pages of {DEFAULT_PAGE_ROWS}: {default:.2f} s, "
        notes += f"{measured / default:.2f}x"
    return Row(
        f"{scenario.title}, {OURS[kind]}",
        compared_with=f"bare loop over one connection, pages of {PAGE_ROWS[scenario.dialect]}",
        reference=f"{reference:.2f} s",
        measured=f"{measured:.2f} s",
        ratio=measured / reference,
        target=scenario.target,
        met=measured / reference <= scenario.max_ratio,
        notes=notes,
    )


def fill_by_sync(path: Path, size: int) -> dict[str, Any]:
    """Fill a mirror by a full sync; returns measurements, memory among them."""
    with sandbox_process(size) as base_url:
        return run_reader("mirror", base_url, "--file", str(path), "--rows", str(size))


def memory(mirror: MirrorFile) -> Row:
    """The row about memory, of the full sync that made this mirror."""
    found = mirror.measurements
    notes = f"{found['before']:.0f} MB before the first request, {found['seconds']:,.0f} s"
    if found.get("kept"):
        notes += "; measured when the mirror was made"
    return Row(
        f"memory during a full sync of {mirror.size:,} rows",
        measured=f"{found['memory']:.0f} MB",
        target=f"at most {MAX_MEMORY} MB",
        met=found["memory"] <= MAX_MEMORY,
        notes=notes,
        timed=False,
    )
