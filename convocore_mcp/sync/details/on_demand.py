"""Details that a question about one person or conversation needs at once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import anyio

from convocore_mcp.errors import ApiError
from convocore_mcp.models import Conversation, Freshness, ReadScope
from convocore_mcp.sync.agent_syncs import AgentSyncs
from convocore_mcp.sync.freshness import with_details
from convocore_mcp.sync.page_writer import RunInThread
from convocore_mcp.sync.sync_run import time_left

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 1.0
"""Seconds that an answer waits for single conversations."""
MAX_READ_AT_ONCE = 4
"""Conversations of one person that are read for one answer, the newest ones."""
PAUSE_AFTER_FAILURE = timedelta(minutes=1)


class MirrorConversations(Protocol):
    """Reads one conversation from the mirror; blocking (`store.read.mirror_reader`)."""

    def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """Return it with its record."""
        ...


class OnDemandDetails:
    """Reads the details of the conversations that somebody asks about before all others."""

    def __init__(
        self,
        syncs: AgentSyncs,
        mirror_reader: MirrorConversations,
        *,
        read_in_thread: RunInThread,
        now: Callable[[], datetime],
        budget: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._syncs = syncs
        self._mirror_reader = mirror_reader
        self._read_in_thread = read_in_thread
        self._now = now
        self._budget = budget
        self._paused_until: datetime | None = None

    async def enrich(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """`conversations` of one agent, newest first, with details of the newest filled in.

        A 404, a failure or no answer in time changes nothing: the details stay to be read.
        """
        if not conversations or (self._paused_until and self._now() < self._paused_until):
            return list(conversations)
        newest = [c.id for c in conversations[:MAX_READ_AT_ONCE]]
        agent_id = conversations[0].agent_id
        try:
            with anyio.fail_after(time_left(self._budget)):
                if not await self._syncs.details(agent_id).read_now(newest):
                    return list(conversations)
        except (ApiError, TimeoutError) as error:
            self._paused_until = self._now() + PAUSE_AFTER_FAILURE
            log.info("Single conversations can't be read: %s", type(error).__name__)
            return list(conversations)
        return await self._read_in_thread(self._read_again, conversations)

    async def with_details_state(
        self, freshness: Freshness, conversation: Conversation
    ) -> Freshness:
        """`freshness` of an answer about one conversation, with what its details lack."""
        details = self._syncs.details(conversation.agent_id)
        state = await details.state(ReadScope(conversation=conversation.id))
        if await details.is_wanted(conversation.id):
            state = replace(state, pending=1)
        return with_details(freshness, state)

    def _read_again(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        newest = (
            self._mirror_reader.conversation(c.agent_id, c.id) or c
            for c in conversations[:MAX_READ_AT_ONCE]
        )
        return [*newest, *conversations[MAX_READ_AT_ONCE:]]
