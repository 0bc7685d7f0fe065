"""Details that the list leaves out: a single conversation knows more than its row.

Rows may be sparse: no title, summary or last message. Then Convocore is asked for the conversation
by itself, once for each version of it and within a small budget of time. It adds texts and captured
data, and nothing else: who somebody is, which stage they are in and what the conversation cost is
what the list says, as in every other answer. A 404 (the answer for conversations made through the
REST API), a failure or no answer in time changes nothing.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import anyio

from convocore_mcp.errors import ApiError
from convocore_mcp.models import Conversation
from convocore_mcp.store.database.record_details import details_of

log = logging.getLogger(__name__)

T = TypeVar("T")
BUDGET = 2.0
"""Seconds that an answer waits for a single conversation."""
MAX_CACHED = 500
"""Conversations that are remembered, also those without further details."""
PAUSE_AFTER_FAILURE = timedelta(minutes=1)

FetchConversation = Callable[[str, str], Awaitable[Conversation | None]]
"""Reads one conversation by agent and id; `None` if Convocore does not have it."""


class DetailsFetcher:
    """Reads single conversations where the list is sparse, and caches them."""

    def __init__(
        self, fetch: FetchConversation, *, now: Callable[[], datetime], budget: float = BUDGET
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._budget = budget
        self._cache: OrderedDict[tuple[str, str, str], Conversation | None] = OrderedDict()
        self._paused_until: datetime | None = None

    async def enrich(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """`conversations` with the details of the newest filled in, if all of them are sparse.

        They are a lead's, newest first, with their records.
        """
        if not conversations or any(map(_says_something, conversations)):
            return list(conversations)
        newest, *others = conversations
        single = await self._single(newest)
        return list(conversations) if single is None else [_filled(newest, single), *others]

    async def _single(self, conversation: Conversation) -> Conversation | None:
        key = (conversation.agent_id, conversation.id, conversation.record)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        if self._paused_until is not None and self._now() < self._paused_until:
            return None
        # Cached before it is read, so that concurrent calls do not ask Convocore again.
        self._cache[key] = None
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        try:
            with anyio.fail_after(self._budget):
                self._cache[key] = await self._fetch(conversation.agent_id, conversation.id)
        except (ApiError, TimeoutError) as error:
            self._paused_until = self._now() + PAUSE_AFTER_FAILURE
            del self._cache[key]
            log.info("A single conversation can't be read: %s", type(error).__name__)
            return None
        return self._cache[key]


def _says_something(c: Conversation) -> bool:
    return any((c.title, c.details.summary, c.details.funnel_summary, c.details.last_message))


def _filled(row: Conversation, single: Conversation) -> Conversation:
    """`row`, with the texts and the captured data that only `single` has."""
    ours, theirs = row.details, details_of(single.record)
    details = replace(
        ours,
        summary=_known(ours.summary, theirs.summary),
        funnel_summary=_known(ours.funnel_summary, theirs.funnel_summary),
        last_message=_known(ours.last_message, theirs.last_message),
        captured_variables=(
            theirs.captured_variables
            if ours.captured_variables is None
            else ours.captured_variables
        ),
        funnel_extracted_data=_known(ours.funnel_extracted_data, theirs.funnel_extracted_data),
    )
    return replace(
        row,
        title=row.title or single.title,
        summary=row.summary or single.summary,
        last_message=row.last_message or single.last_message,
        details=details,
    )


def _known(first: T | None, second: T | None) -> T | None:
    return second if first is None else first
