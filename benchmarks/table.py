"""The table of results: one row for each target (docs/performance.md, "Targets")."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = (
    "| what | compared with | reference | measured | ratio | target | met | notes |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement, and what it is compared with."""

    what: str
    target: str
    met: bool
    measured: str
    compared_with: str = ""
    reference: str = ""
    ratio: float | None = None
    notes: str = ""
    timed: bool = True
    """Whether it depends on how fast and how busy the machine is."""

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        met = "yes" if self.met else "**no**"
        cells = (
            self.what,
            self.compared_with,
            self.reference,
            self.measured,
            ratio,
            self.target,
            met,
        )
        return "| " + " | ".join((*cells, self.notes)) + " |"


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    return "\n".join([HEAD, *map(str, rows)])


def median(values: Sequence[float]) -> float:
    """The median, because machines are noisy."""
    return statistics.median(values)


def ms(value: float) -> str:
    """Milliseconds as text."""
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"
