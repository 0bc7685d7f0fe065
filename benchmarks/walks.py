"""How long reading a whole list takes, beside a bare loop over the same pages of the same sandbox.

Everybody is a process of its own, the sandbox too, and they take turns. Ours is measured alone (the
client's pages, which nobody keeps) and into a new mirror.
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

from benchmarks.mirrors import Filled
from benchmarks.table import Row, middle
from benchmarks.telling import say
from benchmarks.upstream import upstream

CURSOR, NUMBERS = "cursor", "page"
PAGES = {CURSOR: 20, NUMBERS: 100}
"""Rows a page, at most: both sides read the same pages."""
DEFAULT = 20
"""Rows a page, for a loop that asks for no more than it is documented to get."""
NAMES = {CURSOR: "cursors", NUMBERS: "page numbers"}
OURS = {"client": "the client alone", "mirror": "into the mirror"}
MOST_MEMORY = 200


@dataclass(frozen=True, slots=True)
class Course:
    """A list to be read, and how much longer than a bare loop it may take."""

    dialect: str
    size: int
    latency: float
    most: float
    """At most so many times as long."""

    @property
    def target(self) -> str:
        """As in the design."""
        return (
            f"at most {self.most:.2f}x" if self.most >= 1 else f"at least {1 / self.most:g}x faster"
        )

    @property
    def words(self) -> str:
        """What is read."""
        waiting = f"{self.latency * 1000:.0f} ms upstream latency" if self.latency else "no latency"
        return f"a full walk of {self.size:,}, {waiting}, {NAMES[self.dialect]}"


def walk(kind: str, base_url: str, *options: str) -> dict[str, Any]:
    """Run one walk: seconds, rows, and megabytes."""
    command = [sys.executable, "-m", "benchmarks.walker", kind, base_url, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure(courses: Iterable[Course], rounds: int) -> list[Row]:
    """The rows about walks."""
    return [row for course in courses for row in _measured(course, rounds)]


def _measured(course: Course, rounds: int) -> list[Row]:
    say(f"Reading: {course.words} …")
    took: dict[str, list[float]] = defaultdict(list)
    rows: dict[str, int] = {}
    limit = PAGES[course.dialect]
    with upstream(course.size, dialect=course.dialect, latency=course.latency) as base_url:
        if rounds > 1:
            walk("bare", base_url, "--limit", str(limit))  # the sandbox's first answers are slower
        for _ in range(rounds):
            for kind in ("bare", *OURS):
                with tempfile.TemporaryDirectory() as folder:
                    file, of = f"{folder}/mirror.sqlite3", str(course.size)
                    options = ("--limit", str(limit), "--file", file, "--rows", of)
                    told = walk(kind, base_url, *options)
                took[kind].append(told["seconds"])
                rows[kind] = told["rows"]
        default = 0.0
        if course.dialect == NUMBERS and course.latency and rounds > 1:
            default = walk("bare", base_url, "--limit", str(DEFAULT))["seconds"]
    if len(set(rows.values())) > 1:
        raise RuntimeError(f"Not everybody has read the same: {rows}")
    there = middle(took["bare"])
    return [_row(course, kind, there, middle(took[kind]), default, rows[kind]) for kind in OURS]


def _row(course: Course, kind: str, there: float, here: float, default: float, rows: int) -> Row:
    besides = f"{rows / here:,.0f} rows a second"
    if default:
        besides += f"; a bare loop with pages of {DEFAULT}: {default:.2f} s, {here / default:.2f}x"
    return Row(
        f"{course.words}, {OURS[kind]}",
        against=f"bare loop over one connection, pages of {PAGES[course.dialect]}",
        there=f"{there:.2f} s",
        here=f"{here:.2f} s",
        ratio=here / there,
        target=course.target,
        met=here / there <= course.most,
        besides=besides,
    )


def walked(path: Path, size: int) -> dict[str, Any]:
    """A mirror read from the sandbox, and how much memory that took."""
    with upstream(size) as base_url:
        return walk("mirror", base_url, "--file", str(path), "--rows", str(size))


def memory(filled: Filled) -> Row:
    """The row about memory, of the walk that made this mirror."""
    told = filled.told
    besides = f"{told['before']:.0f} MB before the first request, {told['seconds']:,.0f} s"
    if told.get("kept"):
        besides += "; measured when the mirror was made"
    return Row(
        f"memory while walking {filled.size:,} rows",
        here=f"{told['memory']:.0f} MB",
        target=f"at most {MOST_MEMORY} MB",
        met=told["memory"] <= MOST_MEMORY,
        besides=besides,
        timed=False,
    )
