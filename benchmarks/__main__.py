"""How fast everything is, beside the least that it could cost: one table, one command.

    python -m benchmarks [--quick] [--keep FOLDER] [--only PART ...]

Each promise stands beside what it is measured against, in one run. Progress goes to stderr, the
table to stdout. Ends with 1 if a call fails, or if a target is missed that does not depend on time;
never because this machine is slow. `--quick` measures little and takes a minute; everything takes
about an hour, mostly to read a million rows once, so `--keep` keeps the mirrors for the next run.
Needs the extra `test`.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import calls, cost, loop, start, walks
from benchmarks.mirrors import Filled, filled, mirror
from benchmarks.table import Row, printed
from benchmarks.telling import say
from benchmarks.walks import CURSOR, NUMBERS, Course

SLOW = 0.05
"""Seconds of latency."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    folder: Path
    size: int = 100_000
    small: int = 10_000
    large: int = 1_000_000
    starts: int = 15
    times: int = 40
    """Warm calls of each question."""
    by_cursor: int = 2_000
    by_number: int = 10_000
    """Rows of walks."""
    rounds: int = 3
    swept: int = 10_000
    flood: int = 600
    """Calls while it is swept."""

    # A mirror is made when the first part needs it.

    @cached_property
    def middle_mirror(self) -> Filled:
        """The one that most is asked of."""
        return mirror(self.folder, self.size, filled)

    @cached_property
    def small_mirror(self) -> Filled:
        """The one that the large one is compared with."""
        return mirror(self.folder, self.small, filled)

    @cached_property
    def large_mirror(self) -> Filled:
        """Read from the sandbox, as its memory is measured meanwhile."""
        return mirror(self.folder, self.large, walks.walked)

    def starting(self) -> list[Row]:
        """Start."""
        say("Starting servers …")
        return start.measure(self.starts)

    def calling(self) -> list[Row]:
        """Warm calls beside a tool that does nothing."""
        return calls.beside_nothing(self.middle_mirror, self.times)

    def growing(self) -> list[Row]:
        """The same in a large mirror beside a small one."""
        return calls.beside_smaller(self.large_mirror, self.small_mirror, self.times)

    def walking(self) -> list[Row]:
        """Walks beside a bare loop."""
        courses = (
            Course(CURSOR, self.by_cursor, SLOW, most=1.1),
            Course(NUMBERS, self.by_number, SLOW, most=1 / 4),
            Course(CURSOR, self.by_cursor, 0, most=2),
            Course(NUMBERS, self.by_number, 0, most=2),
        )
        return walks.measure(courses, self.rounds)

    def counting(self) -> list[Row]:
        """Tokens."""
        return cost.measure(self.small_mirror)

    def remembering(self) -> list[Row]:
        """Memory."""
        return [walks.memory(self.large_mirror)]

    def looping(self) -> list[Row]:
        """The event loop."""
        return loop.measure(self.swept, self.flood)

    @property
    def parts(self) -> dict[str, Callable[[], list[Row]]]:
        """What can be measured by itself, in the table's order."""
        return {
            "start": self.starting,
            "calls": self.calling,
            "growth": self.growing,
            "walks": self.walking,
            "tokens": self.counting,
            "memory": self.remembering,
            "loop": self.looping,
        }


def quick(folder: Path) -> Plan:
    """Enough to see that everything works."""
    return Plan(
        folder,
        size=2_000,
        small=500,
        large=2_500,
        starts=3,
        times=5,
        by_cursor=300,
        by_number=1_000,
        rounds=1,
        swept=1_000,
        flood=60,
    )


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _plan(chosen: argparse.Namespace, folder: Path) -> Plan:
    if chosen.quick:
        return quick(folder)
    return Plan(folder, size=chosen.size, small=chosen.small, large=chosen.large)


def main() -> None:
    """Print the table."""
    usual = Plan(Path())
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="measure little, in a minute")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the mirrors there")
    parser.add_argument("--only", nargs="+", choices=usual.parts, help="measure these alone")
    for name, what in (("size", "the mirror"), ("small", "the small"), ("large", "the large one")):
        default = getattr(usual, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"rows of {what}")
    chosen = parser.parse_args()
    rows: list[Row] = []
    with _folder(chosen.keep) as folder:
        for name, measure in _plan(chosen, folder).parts.items():
            if not chosen.only or name in chosen.only:
                rows += measure()
    print(printed(rows))
    if chosen.quick:
        say("Nothing was large enough to judge times by.")
    missed = [row.what for row in rows if not (row.met or row.timed)]
    sys.exit(f"Missed: {'; '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
