"""The transcript of one conversation, read when somebody asks for it.

Convocore bills transcripts against a quota, so each version of a conversation is asked for once.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import anyio

from convocore_mcp.errors import ApiError, BrokenRecordError, ForbiddenError, MirrorError
from convocore_mcp.models import Transcript
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.sync.page_writer import RunInThread
from convocore_mcp.sync.sync_run import time_left

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 3.0
"""Seconds that an answer waits for a transcript; less where the call must end before."""
SAVE_PATIENCE = 0.3
"""Seconds that an answer waits until the transcript is saved."""
NOT_IN_PLAN = (
    "The workspace's Convocore plan does not include transcripts (Chat Export API add-on)."
)
NOT_THERE = "Convocore does not have the transcript of this conversation."
NOT_NOW = "The transcript can't be read now; ask again later."


class ExportedTranscripts(Protocol):
    """Where transcripts come from (`api.client.ConvocoreClient`)."""

    async def transcript(self, agent_id: str, conversation_id: str) -> Transcript | None:
        """Fetch what was said; `None` if it is not found."""
        ...


class TranscriptReader:
    """Reads transcripts, from the mirror where it has them."""

    def __init__(
        self,
        upstream: ExportedTranscripts,
        cache: TranscriptCache,
        *,
        now: Callable[[], datetime],
        read_in_thread: RunInThread,
        write_in_thread: RunInThread,
        budget: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._upstream = upstream
        self._cache = cache
        self._now = now
        self._read_in_thread = read_in_thread
        self._write_in_thread = write_in_thread
        self._budget = budget

    async def read(self, agent_id: str, conversation_id: str) -> Transcript:
        """The transcript of a conversation of the mirror, or why there is none."""
        known = await self._read_in_thread(self._cache.get, agent_id, conversation_id)
        if known is not None:
            return known
        version = await self._read_in_thread(self._cache.version, agent_id, conversation_id)
        try:
            with anyio.fail_after(time_left(self._budget)):
                found = await self._upstream.transcript(agent_id, conversation_id)
        except ForbiddenError:
            return Transcript(unavailable=NOT_IN_PLAN)
        except BrokenRecordError:
            return Transcript(unavailable=NOT_THERE)
        except (ApiError, TimeoutError) as error:
            log.info("A transcript can't be read: %s", type(error).__name__)
            return Transcript(unavailable=NOT_NOW)
        if found is None:
            return Transcript(unavailable=NOT_THERE)
        if version is not None:
            await self._save(agent_id, conversation_id, found, version)
        return found

    async def _save(
        self, agent_id: str, conversation_id: str, found: Transcript, version: bytes
    ) -> None:
        """Save a transcript in the mirror. The answer waits for that only `SAVE_PATIENCE`."""
        try:
            with anyio.move_on_after(SAVE_PATIENCE):
                await self._write_in_thread(
                    self._cache.save,
                    agent_id,
                    conversation_id,
                    found,
                    version=version,
                    at=self._now(),
                )
        except MirrorError as error:
            log.warning("A transcript can't be kept: %s", error.message)
