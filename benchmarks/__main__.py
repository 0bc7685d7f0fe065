"""Measure speed, memory and tokens: one table, one command.

    python -m benchmarks [--quick] [--keep FOLDER] [--only PART ...]

Each measurement is compared with a reference in the same run. Progress goes to stderr, the table to
stdout. Exits with 1 if a call fails, or if a target is missed that does not depend on time, but
never because the machine is slow. `--quick` measures little and takes a minute; everything takes
about an hour, mostly to read a million rows once, so `--keep` keeps the mirrors for the next run.
Needs the extra `test`.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks import (
    event_loop,
    first_calls,
    full_sync,
    startup,
    throughput,
    token_cost,
    tool_calls,
)
from benchmarks.full_sync import CURSOR, NUMBERS, Scenario
from benchmarks.mirror_files import MirrorFile, fill_directly, mirror_file
from benchmarks.progress import report
from benchmarks.table import Row, markdown

SLOW, IMMEDIATE = 0.05, 0.0
"""Seconds of upstream latency."""
WEB_MIRROR = 2_000


@dataclass(frozen=True)
class Plan:
    """How much is measured, and where mirrors are kept."""

    folder: Path
    size: int = 100_000
    small: int = 10_000
    large: int = 1_000_000
    starts: int = 15
    times: int = 40
    """Warm calls of each tool call."""
    by_cursor: int = 2_000
    by_number: int = 10_000
    """Rows of full syncs, by cursor and by page number."""
    latencies: Sequence[float] = (SLOW, IMMEDIATE)
    """Seconds of upstream latency during full syncs."""
    rounds: int = 3
    seconds_of_load: int = 5
    """How long each server is loaded over HTTP in each round."""
    every: int = 1
    """One in `every` of the questions about the time of a first call is asked."""
    loop_rows: int = 10_000
    loop_calls: int = 600
    """Rows and calls while the event loop is watched."""

    # A mirror is made when the first part needs it.

    @cached_property
    def middle_mirror(self) -> MirrorFile:
        """The mirror that most calls use."""
        return mirror_file(self.folder, self.size, fill_directly)

    @cached_property
    def small_mirror(self) -> MirrorFile:
        """The mirror that the large one is compared with."""
        return mirror_file(self.folder, self.small, fill_directly)

    @cached_property
    def web_mirror(self) -> MirrorFile:
        """The mirror behind the server that is loaded over HTTP."""
        return mirror_file(self.folder, WEB_MIRROR, fill_directly)

    @cached_property
    def large_mirror(self) -> MirrorFile:
        """The mirror that is filled by a full sync, so that its memory can be measured."""
        return mirror_file(self.folder, self.large, full_sync.fill_by_sync)

    def startup(self) -> list[Row]:
        """Start-up."""
        report("Starting servers …")
        return startup.measure(self.starts)

    def calls(self) -> list[Row]:
        """Warm calls, compared with a no-op tool."""
        return tool_calls.compare_with_no_op(self.middle_mirror, self.times)

    def sizes(self) -> list[Row]:
        """Warm calls on a large mirror, compared with a small one."""
        return tool_calls.compare_sizes(self.large_mirror, self.small_mirror, self.times)

    @cached_property
    def asked(self) -> list[first_calls.AskedPart]:
        """The questions by every field, on the mirror that most calls use."""
        return first_calls.ask_all(self.middle_mirror, self.every)

    def first(self) -> list[Row]:
        """Questions that were not asked before, by every field."""
        return [asked.row(self.size, 1) for asked in self.asked]

    def first_sizes(self) -> list[Row]:
        """The slowest of them on a large mirror; none where `--quick` makes it a small one."""
        if self.large < first_calls.MAX_GROWTH * self.size:
            return []
        slowest = first_calls.ask(self.large_mirror, [asked.slowest for asked in self.asked])
        return [asked.row(self.large, first_calls.MAX_GROWTH) for asked in slowest]

    def throughput(self) -> list[Row]:
        """Calls a second over HTTP."""
        return throughput.measure(self.web_mirror, rounds=self.rounds, seconds=self.seconds_of_load)

    def syncs(self) -> list[Row]:
        """Full syncs, compared with a bare loop."""
        scenarios = [
            Scenario(dialect, size, latency, max_ratio=max_ratio if latency else 2)
            for latency in self.latencies
            for dialect, size, max_ratio in (
                (CURSOR, self.by_cursor, 1.1),
                (NUMBERS, self.by_number, 1 / 4),
            )
        ]
        return full_sync.measure(scenarios, self.rounds)

    def tokens(self) -> list[Row]:
        """Tokens of answers and tools."""
        return token_cost.measure(self.small_mirror)

    def memory(self) -> list[Row]:
        """Memory during a full sync."""
        return [full_sync.memory(self.large_mirror)]

    def event_loop(self) -> list[Row]:
        """The event loop during full syncs."""
        return event_loop.measure(self.loop_rows, self.loop_calls)

    @property
    def parts(self) -> dict[str, Callable[[], list[Row]]]:
        """The parts that `--only` can select, in the order of the table."""
        return {
            "startup": self.startup,
            "calls": self.calls,
            "sizes": self.sizes,
            "first": self.first,
            "first_sizes": self.first_sizes,
            "throughput": self.throughput,
            "syncs": self.syncs,
            "tokens": self.tokens,
            "memory": self.memory,
            "event_loop": self.event_loop,
        }


def quick(folder: Path) -> Plan:
    """A plan that is just large enough to see that everything works."""
    return Plan(
        folder,
        size=300,
        small=100,
        large=400,
        starts=1,
        times=2,
        by_cursor=60,
        by_number=200,
        latencies=(0.01,),
        rounds=1,
        seconds_of_load=1,
        every=40,
        loop_rows=300,
        loop_calls=20,
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
    try:
        with _folder(chosen.keep) as folder:
            for name, measure in _plan(chosen, folder).parts.items():
                if not chosen.only or name in chosen.only:
                    rows += measure()
    finally:  # an hour's measurements are not lost if the last one fails
        print(markdown(rows))
    if chosen.quick:
        report("With --quick, times are not representative.")
    missed = [row.what for row in rows if not (row.met or row.timed)]
    sys.exit(f"Missed: {'; '.join(missed)}" if missed else 0)


if __name__ == "__main__":
    main()
