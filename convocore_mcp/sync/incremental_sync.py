"""The incremental sync: reads the front of an agent's list, down to what is already known.

A conversation that is touched moves to the front of the list. So whatever was touched since the
last sync stands before every row of the old front that has not changed: the front is read down to
such a row. Rows may be touched during the read too, so the front is read again, down to where it
stood when that read began, until one request is enough: nothing can happen inside one request.

The rows of the old front (`FrontSnapshot`) are known only to the process that read them. Another
process has just the watermark, the newest activity of that front, and stops after a run of
unchanged rows older than the watermark. Either way the watermark moves only when no row behind it
can be missing.
"""

from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from convocore_mcp.models import Page
from convocore_mcp.sync.page_writer import PageWriter, Upstream

MAX_PASSES = 12
"""How often the front is read again before the sync gives up on a list that keeps moving."""
UNCHANGED_ROWS_TO_STOP = 10
"""This many unchanged rows older than the watermark end a pass: one alone may be out of order."""


@dataclass(frozen=True, slots=True)
class FrontSnapshot:
    """The first page of the list as a sync saw it."""

    watermark: datetime | None
    """The newest activity on the page."""
    records: frozenset[str] = frozenset()
    """The rows' whole records; a row whose record is unchanged was not touched."""

    @classmethod
    def of(cls, page: Page) -> Self:
        """Take a snapshot of the first page."""
        newest = max((row.last_activity for row in page.rows if row.last_activity), default=None)
        return cls(newest, frozenset(row.record for row in page.rows))

    def is_reached_by(self, page: Page) -> bool:
        """Whether `page` holds a row of this snapshot, unchanged."""
        return any(row.record in self.records for row in page.rows)

    def count_older(self, page: Page) -> int:
        """How many rows of `page` were last active before the watermark."""
        if self.watermark is None:
            return 0
        times = (row.last_activity for row in page.rows if row.last_activity)
        return sum(time < self.watermark for time in times)


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up with the front of the list has reached."""

    as_of: datetime
    """When the last pass began."""
    front: FrontSnapshot
    """The front as the last pass saw it."""
    complete: bool
    """The last pass took one request. If not, the next sync finds what moved during that pass."""


async def incremental_sync(
    upstream: Upstream, writer: PageWriter, front: FrontSnapshot | None
) -> FrontSnapshot | None:
    """Read what was added or touched since the last sync.

    `front` is the front as this process last saw it, if it has. Returns the front to start from
    next time: the old one if rows may be missing.

    Raises:
        ApiError: Convocore failed for good; saved pages stay, the watermark does not move.
    """
    writer.progress.started_at = writer.now()
    coverage = await writer.coverage()
    caught_up = await catch_up(upstream, writer, front or FrontSnapshot(coverage.watermark))
    await writer.rebuild_leads()
    if writer.progress.gap is not None:
        await writer.note(as_of=caught_up.as_of, gap=writer.progress.gap)
        return front
    await writer.note(as_of=caught_up.as_of, watermark=caught_up.front.watermark)
    return caught_up.front


async def catch_up(upstream: Upstream, writer: PageWriter, front: FrontSnapshot) -> CaughtUp:
    """Read what stands before `front`, again and again until one request does."""
    for _ in range(MAX_PASSES):
        started_at = writer.now()
        front, pages = await _read_down_to(front, upstream, writer)
        if pages <= 1:
            return CaughtUp(started_at, front, complete=True)
    return CaughtUp(started_at, front, complete=False)


async def _read_down_to(
    front: FrontSnapshot, upstream: Upstream, writer: PageWriter
) -> tuple[FrontSnapshot, int]:
    """Read from the front down to `front`; returns the new front and the number of pages."""
    first, pages, older, unchanged = None, 0, 0, 0
    async with aclosing(upstream.conversations(writer.agent_id)) as stream:
        async for page in stream:
            first = first or FrontSnapshot.of(page)
            saved = await writer.save([page])
            pages += 1
            older += front.count_older(page)
            unchanged += saved.unchanged
            known = min(older, unchanged) >= UNCHANGED_ROWS_TO_STOP
            if front.is_reached_by(page) or known or writer.limit_reached():
                break
    return first or front, pages
