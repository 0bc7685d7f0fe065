"""One row for each promise of `design.md`, "What fast means here"."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

HEAD = (
    "| what | against | there | here | ratio | target | met | besides |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Something measured beside something else."""

    what: str
    target: str
    met: bool
    here: str
    against: str = ""
    there: str = ""
    ratio: float | None = None
    besides: str = ""
    timed: bool = True
    """Whether it depends on how fast this machine is, and how busy."""

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        met = "yes" if self.met else "**no**"
        cells = (self.what, self.against, self.there, self.here, ratio, self.target, met)
        return "| " + " | ".join((*cells, self.besides)) + " |"


def printed(rows: Sequence[Row]) -> str:
    """As Markdown."""
    return "\n".join([HEAD, *map(str, rows)])


def middle(values: Sequence[float]) -> float:
    """The median: machines are noisy."""
    return statistics.median(values)


def ms(value: float) -> str:
    """Milliseconds."""
    return f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"
