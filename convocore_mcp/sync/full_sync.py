"""The full sync: reads an agent's whole list, and removes what is no longer in it.

The list is read from the front to the end; `api` makes sure that no row is missed that nobody
touches meanwhile. A row that *is* touched moves to the front, so the sync ends by reading the
front again, down to where it stood at the start (`incremental_sync.catch_up`).

The resume token is saved with the pages, in one transaction. A full sync that was interrupted is
resumed by the next one: first it reads the front, then the list after the resume token. It keeps
its original start time, so a conversation that neither part has seen counts as missing.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.errors import ApiError, BrokenRecordError, ContractError
from convocore_mcp.models import Page, UnfinishedSync
from convocore_mcp.store.details.details_writer import DetailsWriter
from convocore_mcp.sync.incremental_sync import catch_up, listed_rows
from convocore_mcp.sync.list_order import REREAD_EVIDENCE, Front, FrontReading
from convocore_mcp.sync.page_writer import LIST_MOVED_TOO_FAST, PageWriter, Upstream
from convocore_mcp.sync.prefetch import prefetch_pages
from convocore_mcp.sync.short_lists import SMALL_LIST, is_short_list, short_full_sync_note
from convocore_mcp.words.counted import counted

log = logging.getLogger(__name__)

REBUILD_WHEN_IDLE, REBUILD_AT_LATEST = 400, 2_000
"""Rows after which leads are rebuilt: while the sync waits for Convocore, and in any case. The
fewer rows at a time, the more each of them costs."""
MAX_SINGLE_REQUESTS = 100
"""Missing conversations that are asked for one by one; the others wait for the next full sync."""
SHORT_SYNCS_TO_ACCEPT = 3
"""Full syncs in a row that must find a short list before what they all missed is removed."""
AGENT_WAS_LOST = (
    "Convocore said that there is no such agent, so what was read before may be gone: everything "
    "is read again."
)
CLOCK_WAS_SET_BACK = (
    "This computer's clock was set back: edits in the CRM and deletions may be missing until the "
    "next full sync."
)
NO_UNFINISHED_SYNC: Mapping[str, None] = {
    "full_sync_started_at": None,
    "full_sync_watermark": None,
    "resume_token": None,
}


class FullSync:
    """One full sync of one agent."""

    def __init__(self, upstream: Upstream, writer: PageWriter) -> None:
        self._upstream = upstream
        self._writer = writer

    async def run(self) -> None:
        """Read the whole list.

        Saved pages stay whatever happens. `as_of`, the watermark and `full_sync_at` move at the
        end, when every page is in the mirror.

        Raises:
            ApiError: Convocore failed for good; the next full sync resumes this one.
        """
        writer, progress = self._writer, self._writer.progress
        outcome: dict[str, datetime | str | int | None] = {}
        erased = await writer.erase_old()
        unfinished = self._resumable((await writer.coverage()).unfinished)
        started_at = unfinished.started_at if unfinished else writer.now()
        progress.started_at = started_at
        set_back = await writer.clock_was_set_back()
        async with writer.leads_rebuilt_at_end():
            front = await self._prepare_resume(unfinished) if unfinished else Front()
            try:
                front = await self._read_to_the_end(started_at, unfinished, front)
            except ContractError:
                # A resumed sync might fail there forever.
                await writer.update_coverage(**NO_UNFINISHED_SYNC)
                raise
            caught_up = await catch_up(self._upstream, writer, front, evidence=REREAD_EVIDENCE)
            if progress.gap is None and not caught_up.complete:
                progress.gap = LIST_MOVED_TOO_FAST
            if progress.gap is None and set_back:
                progress.gap = CLOCK_WAS_SET_BACK
            if progress.gap is None and not progress.clock_set_back:
                # Before missing ones are removed: rows too old to be saved count as not seen, but
                # Convocore has not deleted them.
                erased += await writer.erase_old()
                outcome = await self._remove_missing(started_at)
        # Before the full sync is noted: from then on, answers count the details still to be read.
        await writer.run_in_thread(DetailsWriter(writer.mirror).prepare_trial, writer.agent_id)
        read_up_to = {
            "as_of": caught_up.as_of,
            "watermark": caught_up.front.watermark,
            "full_sync_at": min(started_at, caught_up.as_of),
            "baseline_at": writer.now(),  # what happened while the last page was read is on it
        }
        await writer.update_coverage(
            **read_up_to, **{"gap": progress.gap} | outcome, **NO_UNFINISHED_SYNC
        )
        await writer.run_in_thread(writer.mirror.prune, now=writer.now())
        if erased:
            await writer.run_in_thread(writer.mirror.retention.overwrite_freed)
        log.info("Full sync done: %d rows in %d pages.", progress.rows, progress.pages)

    def _resumable(self, unfinished: UnfinishedSync | None) -> UnfinishedSync | None:
        """`unfinished`, unless it is so old that it would soon reach the time limit."""
        if unfinished is None:
            return None
        age = self._writer.now() - unfinished.started_at
        return unfinished if age < self._writer.limits.duration / 2 else None

    async def _prepare_resume(self, unfinished: UnfinishedSync) -> Front:
        """Read what was touched since the sync was interrupted; returns the front."""
        log.info("Resuming the full sync that started at %s.", unfinished.started_at)
        front = Front(unfinished.watermark, unfinished.started_at)
        caught_up = await catch_up(self._upstream, self._writer, front)
        if not caught_up.complete:
            return front  # the end of the sync reads the front again from there
        front = caught_up.front
        await self._writer.update_coverage(
            as_of=caught_up.as_of, full_sync_watermark=front.watermark
        )
        return front

    async def _read_to_the_end(
        self, started_at: datetime, unfinished: UnfinishedSync | None, front: Front
    ) -> Front:
        """Read to the end, from the front or after the resume token; returns the front."""
        writer = self._writer
        resume_token = unfinished.resume_token if unfinished else None
        stream = self._upstream.conversations(writer.agent_id, resume_token=resume_token)
        writer.reading_since = writer.now()
        reading = FrontReading(Front(), now=started_at) if unfinished is None else None
        rows_to_rebuild = 0
        async with prefetch_pages(stream) as batches:
            async for pages in batches:
                at_front = front.read_at is None
                if reading is not None and reading.at_front:
                    front = await self._note_front(reading, pages, front, started_at)
                await writer.save(pages, unfinished=started_at)
                if at_front:
                    await self._note_first_page(started_at)
                rows_to_rebuild += sum(len(page.rows) for page in pages)
                idle = len(pages) == 1  # no further page arrived during the last transaction
                if rows_to_rebuild >= (REBUILD_WHEN_IDLE if idle else REBUILD_AT_LATEST):
                    await writer.rebuild_leads()
                    rows_to_rebuild = 0
                if writer.limit_reached():
                    break
        return front

    async def _note_front(
        self, reading: FrontReading, pages: Sequence[Page], front: Front, started_at: datetime
    ) -> Front:
        """Note the watermark when reading begins, and again if rows behind misplaced ones raise it.

        The front is not the first page alone: it may hold nothing but misplaced rows.
        """
        for page in pages:
            reading.add(listed_rows(page), ())
        if front.read_at is None:
            await self._writer.update_coverage(
                full_sync_started_at=started_at,
                full_sync_watermark=reading.watermark,
                resume_token=None,
            )
        elif reading.watermark != front.watermark:
            await self._writer.update_coverage(full_sync_watermark=reading.watermark)
        return Front(reading.watermark, started_at)

    async def _note_first_page(self, started_at: datetime) -> None:
        """Set `as_of` if no full sync was ever completed: answers may use the first page now."""
        if (await self._writer.coverage()).full_sync_at is None:
            await self._writer.update_coverage(as_of=started_at)

    async def _remove_missing(self, started_at: datetime) -> dict[str, datetime | str | int | None]:
        """Remove the conversations that this sync did not see, as far as that is certain.

        Returns the fields of the agent's coverage that describe those that stay.
        """
        writer = self._writer
        run, mirror, agent_id = writer.run_in_thread, writer.mirror, writer.agent_id
        coverage, now = await writer.coverage(), writer.now()
        missing = await run(mirror.last_seen_before, agent_id, started_at, now=now)
        outdated = await run(mirror.last_seen_outdated, agent_id, started_at, now=now)
        agent_returned = coverage.lost_at is not None and coverage.lost_at < started_at
        removal = decide_removal(
            missing,
            known=coverage.conversations,
            short_syncs=coverage.short_syncs,
            agent_was_gone=agent_returned,
        )
        gone = removal.gone | await self._find_gone(removal.doubtful, all_or_none=removal.postponed)
        postponed = removal.postponed and len(gone) < len(missing)
        await run(mirror.remove, agent_id, gone, at=now)
        await run(mirror.mark_missed, agent_id, (missing.keys() - gone) | outdated.keys())
        await run(mirror.drop_quarantined, agent_id, before=started_at, now=now)
        found = coverage.conversations - len(missing)
        # An agent whose list is empty may still be gone, until that has been accepted.
        accepted = found or removal.gone or not coverage.conversations
        lost_at = None if agent_returned and accepted else coverage.lost_at
        doubt = short_full_sync_note(found, coverage.conversations) if postponed else None
        return {
            "gap": outdated_note(len(outdated)) if outdated else None,
            "doubt": doubt or (AGENT_WAS_LOST if lost_at else None),
            "short_syncs": removal.short_syncs if postponed else 0,
            "lost_at": lost_at,
        }

    async def _find_gone(self, doubtful: Sequence[str], *, all_or_none: bool) -> set[str]:
        """The `doubtful` conversations that Convocore does not find when asked for each alone.

        With `all_or_none`, the result is empty if one of them still exists, or was created through
        the REST API: Convocore answers 404 for each of those, whether it exists or not.
        """
        gone: set[str] = set()
        if all_or_none and any(id_.startswith(f"{self._writer.agent_id}_") for id_ in doubtful):
            return gone
        try:
            for id_ in doubtful[:MAX_SINGLE_REQUESTS]:
                if await self._is_gone(id_):
                    gone.add(id_)
        except ApiError as error:
            # These requests are optional: a plan may not include them. The next full sync decides.
            log.info("Missing conversations can't be requested one by one: %s", error.message)
        return set() if all_or_none and len(gone) < len(doubtful) else gone

    async def _is_gone(self, conversation_id: str) -> bool:
        try:
            found = await self._upstream.conversation(self._writer.agent_id, conversation_id)
        except (ContractError, BrokenRecordError):  # it exists, but nobody can read it
            return False
        return found is None


async def note_lost_agent(writer: PageWriter) -> None:
    """Note that Convocore says there is no such agent.

    If it is there again later, it may have other conversations. So the next sync is a full one,
    from the front, and what that does not see is removed.
    """
    if (await writer.coverage()).conversations:
        await writer.update_coverage(
            lost_at=writer.now(), doubt=AGENT_WAS_LOST, **NO_UNFINISHED_SYNC
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """What becomes of the conversations that a complete full sync did not see."""

    gone: frozenset[str] = frozenset()
    """To be removed."""
    doubtful: tuple[str, ...] = ()
    """To be removed if a request for each conversation alone finds nothing; if `postponed`, only
    all of them together."""
    short_syncs: int = 0
    """How many full syncs in a row, with this one, have found a short list."""
    postponed: bool = False
    """Some or all of the missing conversations stay for now: this sync found so few conversations
    that it may be mistaken."""


def decide_removal(
    missing: Mapping[str, int], *, known: int, short_syncs: int, agent_was_gone: bool
) -> Removal:
    """Decide what to remove: `missing` says how many earlier full syncs missed each conversation.

    `known` conversations are in the mirror, the missing ones among them. `short_syncs` full syncs
    just before this one found a short list, too. A short list is no proof that a conversation is
    gone: only a third such full sync in a row is accepted, or requests for each of a few
    conversations, if they find none of them. `agent_was_gone` says that Convocore answered 404 for
    the agent since the last full sync: then every missing conversation is gone.
    """
    found = known - len(missing)
    if agent_was_gone and found:
        return Removal(gone=frozenset(missing))
    if not is_short_list(found, known):
        gone = frozenset(id_ for id_, missed in missing.items() if missed > short_syncs)
        return Removal(gone, tuple(id_ for id_ in missing if id_ not in gone))
    number = short_syncs + 1
    if number < SHORT_SYNCS_TO_ACCEPT:
        few = tuple(missing) if known <= SMALL_LIST else ()
        return Removal(doubtful=few, short_syncs=number, postponed=True)
    gone = frozenset(id_ for id_, missed in missing.items() if missed + 1 >= SHORT_SYNCS_TO_ACCEPT)
    some_stay = len(gone) < len(missing)
    return Removal(gone, short_syncs=number if some_stay else 0, postponed=some_stay)


def outdated_note(count: int) -> str:
    """What answers say of conversations that the list shows only in an older copy."""
    return (
        f"The list shows {counted(count, 'conversation')} only in an older version than was read "
        "before. The newer version is kept until the next full sync says the same."
    )
