"""How far a reading has got, on a terminal."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


def progress_bar(*, known: bool) -> Progress:
    """A bar on a terminal, nothing elsewhere; with the time left where the total is known."""
    rows = "{task.completed:,} of {task.total:,}" if known else "{task.completed:,} rows"
    left = [TimeRemainingColumn(), TextColumn("left")] if known else []
    console = Console(stderr=True)
    return Progress(
        *[SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn(rows)],
        *[_Rate(), TimeElapsedColumn(), *left],
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
