"""Details: what the single-conversation endpoint knows and the list leaves out.

A row of the list may be sparse: no title, summary or last message. Then Convocore is asked for the
single conversation, once for each version of the row and within a short timeout. Only text and
captured data are taken from it: identity, stage and cost stay those of the list, as in every
other answer. A 404 (the answer for conversations made through the REST API), a failure or a
timeout changes nothing.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from convocore_mcp.errors import ApiError
from convocore_mcp.models import Conversation

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0
"""How long an answer waits for the details."""
CACHE_SIZE = 500
"""Row versions whose details are kept, also those without any."""
FAILURE_PAUSE = timedelta(minutes=1)
"""After a failure, no details are fetched for this long."""
DESCRIPTIVE_FIELDS = ("title", "summary", "funnel_summary", "last_message")
"""A row with one of these is not sparse."""
ADDED_FIELDS = (*DESCRIPTIVE_FIELDS, "captured_variables", "funnel_extracted_data")
"""What the details add to a row."""

FetchConversation = Callable[[str, str], Awaitable[Conversation | None]]
"""Fetches a single conversation by agent and conversation ID; `None` if it is not found."""


class DetailsFetcher:
    """Fetches the details of sparse rows, and caches them."""

    def __init__(
        self,
        fetch: FetchConversation,
        *,
        now: Callable[[], datetime],
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._timeout_seconds = timeout_seconds
        self._cache: OrderedDict[tuple[str, str, str], Conversation | None] = OrderedDict()
        self._paused_until: datetime | None = None

    async def enrich(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """Add details to the newest conversation of a lead if all of them are sparse.

        `conversations` come newest first, with their records.
        """
        if not conversations or not all(map(_is_sparse, conversations)):
            return list(conversations)
        newest, *others = conversations
        details = await self._details(newest)
        return list(conversations) if details is None else [_enriched(newest, details), *others]

    async def _details(self, row: Conversation) -> Conversation | None:
        key = (row.agent_id, row.id, row.record)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        if self._paused_until is not None and self._now() < self._paused_until:
            return None
        # Entered before it is known, so that concurrent callers send no second request.
        self._cache[key] = None
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        try:
            with anyio.fail_after(self._timeout_seconds):
                self._cache[key] = await self._fetch(row.agent_id, row.id)
        except (ApiError, TimeoutError) as error:
            self._paused_until = self._now() + FAILURE_PAUSE
            del self._cache[key]
            log.info("The details of a conversation can't be fetched: %s", type(error).__name__)
            return None
        return self._cache[key]


def _is_sparse(row: Conversation) -> bool:
    record = _fields(row.record)
    return not any(record.get(name) for name in DESCRIPTIVE_FIELDS)


def _enriched(row: Conversation, details: Conversation) -> Conversation:
    """`row`, with what only `details` has."""
    fields = _fields(details.record)
    added = {name: fields[name] for name in ADDED_FIELDS if name in fields}
    return replace(
        row,
        title=row.title or details.title,
        summary=row.summary or details.summary,
        last_message=row.last_message or details.last_message,
        record=json.dumps(added | _fields(row.record), ensure_ascii=False),
    )


def _fields(record: str) -> dict[str, object]:
    fields: dict[str, object] = json.loads(record or "{}")
    return fields
