"""The incremental sync: reads the front of an agent's list, down to what is already known.

A conversation that is touched moves to the front of the list, behind rows that always stay in
front, if there are any. So the front is read until enough rows in order are known (`list_order`).
Rows may be touched during the read, too. So the front is read again, until all changed rows are on
one page: one response shows the list at one moment.

What is known is what the mirror holds up to the watermark, the newest activity of the last front.
Nothing else is remembered, so another process reads as this one would. The watermark moves only
when no newer row can be missing.
"""

from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from convocore_mcp.models import Page
from convocore_mcp.store.details.details_writer import DetailsWriter
from convocore_mcp.sync.list_order import EVIDENCE, REREAD_EVIDENCE, Front, FrontReading, ListedRow
from convocore_mcp.sync.page_writer import PageWriter, Upstream
from convocore_mcp.sync.short_lists import is_short_list, short_list_note

MAX_PASSES = 12
"""How often the front is read again before the sync gives up on a list that keeps moving."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What catching up with the front of the list has reached."""

    as_of: datetime
    """When the last pass began."""
    front: Front
    """The front as the last pass saw it."""
    complete: bool
    """All changed rows of the last pass were on one page. Else the next sync finds the others."""
    list_size: int | None
    """How many conversations the list shows, if the last pass has read it to its end."""
    read_down_to: datetime | None = None
    """The time down to which the last pass has read the list."""


async def incremental_sync(upstream: Upstream, writer: PageWriter) -> None:
    """Read what was added or touched since the last sync.

    Raises:
        ApiError: Convocore failed for good; saved pages stay, the watermark does not move.
    """
    writer.progress.started_at = writer.now()
    await writer.erase_old()
    coverage = await writer.coverage()
    front = Front(coverage.watermark, coverage.as_of)
    async with writer.leads_rebuilt_at_end():
        caught_up = await catch_up(upstream, writer, front)
    # Before the coverage is updated: from then on, answers count the rows that a trial asks for.
    await writer.run_in_thread(
        DetailsWriter(writer.mirror).prepare_trial, writer.agent_id, findable=True, if_open=True
    )
    found, known = caught_up.list_size, coverage.conversations
    if found is not None and is_short_list(found, known):
        writer.progress.gap = writer.progress.gap or short_list_note(found, known)
    if writer.progress.gap is not None:
        await writer.update_coverage(as_of=caught_up.as_of, gap=writer.progress.gap)
        return
    if coverage.quarantined and caught_up.complete:
        await _drop_quarantined(writer, caught_up)
    await writer.update_coverage(as_of=caught_up.as_of, watermark=caught_up.front.watermark)


async def _drop_quarantined(writer: PageWriter, caught_up: CaughtUp) -> None:
    """Forget rows that could not be read, and are gone or can be read now."""
    began, down_to, progress = caught_up.as_of, caught_up.read_down_to, writer.progress
    to_its_end = caught_up.list_size is not None
    if progress.clock_set_back or not (to_its_end or down_to):
        return
    drop = partial(writer.mirror.drop_quarantined, writer.agent_id, before=began, now=writer.now())
    await writer.run_in_thread(partial(drop, active_after=None if to_its_end else down_to))


async def catch_up(
    upstream: Upstream, writer: PageWriter, front: Front, *, evidence: int = EVIDENCE
) -> CaughtUp:
    """Read what stands before `front`, again and again until one page holds all that is new."""
    for _ in range(MAX_PASSES):
        started_at = writer.now()
        reading = await _read_down_to(front, upstream, writer, evidence=evidence)
        front, evidence = Front(reading.watermark or front.watermark, started_at), REREAD_EVIDENCE
        if reading.pages_with_new_rows <= 1:
            caught_up = CaughtUp(started_at, front, complete=True, list_size=reading.list_size)
            return replace(caught_up, read_down_to=reading.read_down_to)
    return CaughtUp(started_at, front, complete=False, list_size=reading.list_size)


async def _read_down_to(
    front: Front, upstream: Upstream, writer: PageWriter, *, evidence: int
) -> FrontReading:
    now = writer.reading_since = writer.now()
    kept_since = writer.mirror.retention.limit(now)
    reading = FrontReading(front, now=now, evidence=evidence, kept_since=kept_since)
    async with aclosing(upstream.conversations(writer.agent_id)) as stream:
        async for page in stream:
            saved = await writer.save([page])
            reading.add(listed_rows(page), saved.known, saved.outdated)
            if writer.limit_reached() or reading.is_past_retention:
                break
            if reading.should_check:
                newest = await writer.newest(up_to=front.watermark, limit=reading.rows_to_compare)
                if reading.is_enough(newest):
                    break
        else:
            reading.at_end = True
    return reading


def listed_rows(page: Page) -> list[ListedRow]:
    """The rows of a page, as `list_order` looks at them."""
    return [ListedRow(row.id, row.last_activity) for row in page.rows]
