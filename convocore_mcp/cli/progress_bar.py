"""The progress of a sync, on a terminal."""

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

from convocore_mcp.cli.terminal import shown


class _RateColumn(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        speed = task.finished_speed or task.speed
        return shown(f"{speed:,.0f}/s" if speed else "-/s", style="progress.data.speed")


def progress_bar(*, total_known: bool) -> Progress:
    """A bar on stderr if that is a terminal; it shows the time left if the total is known."""
    rows = "{task.completed:,} of {task.total:,}" if total_known else "{task.completed:,} rows"
    time_left = [TimeRemainingColumn(), TextColumn("left")] if total_known else []
    console = Console(stderr=True)
    return Progress(
        *[
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn(rows),
        ],
        *[_RateColumn(), TimeElapsedColumn(), *time_left],
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
