"""The transcript of one conversation, read when somebody asks for it.

Convocore bills transcripts against a quota, so each version of a conversation is asked for once,
however many callers want it, and reading goes on where an answer can't wait for it.
"""

import asyncio
import logging
import re
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
STILL_READING = "The transcript is still being read; ask again in a few seconds."
_ABOUT_PLAN = re.compile(r"add-?on|\bplan|subscri|upgrade", re.IGNORECASE)
_Key = tuple[str, str, bytes | None]
"""Agent, conversation, and which version of it."""


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
        self._reading: dict[_Key, asyncio.Task[Transcript]] = {}

    async def read(self, agent_id: str, conversation_id: str) -> Transcript:
        """The transcript of a conversation of the mirror, or why there is none."""
        known = await self._read_in_thread(self._cache.get, agent_id, conversation_id)
        if known is not None:
            return known
        version = await self._read_in_thread(self._cache.version, agent_id, conversation_id)
        reading = self._start_reading((agent_id, conversation_id, version))
        done, _ = await asyncio.wait({reading}, timeout=time_left(self._budget))
        return reading.result() if done else Transcript(unavailable=STILL_READING)

    async def aclose(self) -> None:
        """Stop reading."""
        for reading in self._reading.values():
            reading.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    def _start_reading(self, key: _Key) -> asyncio.Task[Transcript]:
        """The task that reads the transcript of this version: one for all who ask."""
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read_exported(*key))
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        return reading

    async def _read_exported(
        self, agent_id: str, conversation_id: str, version: bytes | None
    ) -> Transcript:
        try:
            found = await self._upstream.transcript(agent_id, conversation_id)
        except ApiError as error:
            log.info("A transcript can't be read: %s", type(error).__name__)
            return Transcript(unavailable=_reason(error))
        if found is None:
            return Transcript(unavailable=NOT_THERE)
        # One without a turn may be one that Convocore has not written yet.
        if version is not None and found.turns:
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


def _reason(error: ApiError) -> str:
    """Why there is no transcript, in a sentence."""
    if isinstance(error, BrokenRecordError):
        return NOT_THERE
    if isinstance(error, ForbiddenError):
        is_plan = not error.said or _ABOUT_PLAN.search(error.said)
        return NOT_IN_PLAN if is_plan else f"Convocore refuses the transcript (403): {error.said}"
    return NOT_NOW if error.retryable else f"The transcript can't be read: {error.message}"
