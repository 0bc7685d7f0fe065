"""How far a reading has got, and where the front stood when it began."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from convocore_mcp.models import Page

MOVED = (
    "The list moved faster than it could be read: conversations may be missing until the next "
    "complete reading."
)


@dataclass(slots=True)
class Progress:
    """How far a reading has got; `moved` is called after each page."""

    moved: Callable[[], None] = lambda: None
    started_at: datetime | None = None
    pages: int = 0
    rows: int = 0
    empty: int = 0
    """Pages without rows."""
    oldest: datetime | None = None
    """The oldest activity that was read."""
    reached: datetime | None = None
    """All that is newer has been read, even if a row stands out of order."""
    gap: str | None = None
    elsewhere: bool = False
    """Another process reads, or has read; what it brings is in the mirror."""

    def take(self, page: Page) -> None:
        """Count a page."""
        self.pages += 1
        self.rows += len(page.rows) + len(page.quarantined)
        self.empty += not (page.rows or page.quarantined)
        times = [row.last_activity for row in page.rows if row.last_activity]
        if times:
            self.oldest = min(times) if self.oldest is None else min(*times, self.oldest)
            self.reached = max(times) if self.reached is None else min(max(times), self.reached)
        if not page.certain:
            self.gap = MOVED


@dataclass(frozen=True, slots=True)
class Front:
    """The first page of a reading, as a bookmark for the next one."""

    newest: datetime | None
    rows: frozenset[str] = frozenset()
    """Whole records: one that was touched has changed."""

    @classmethod
    def of(cls, page: Page) -> Self:
        """Remember a page."""
        newest = max((row.last_activity for row in page.rows if row.last_activity), default=None)
        return cls(newest, frozenset(row.record for row in page.rows))

    def reached_by(self, page: Page) -> bool:
        """Whether one of its rows is there, unmoved."""
        return any(row.record in self.rows for row in page.rows)

    def older(self, page: Page) -> int:
        """How many rows of a page were last touched before any here."""
        times = [row.last_activity for row in page.rows if row.last_activity]
        return sum(self.newest is not None and time < self.newest for time in times)
