"""What the list leaves out: a single conversation knows more than its row.

Rows may be sparse: no title, summary or last message. Then Convocore is asked for the conversation
by itself, once for each version of it and within a small budget. It adds what was said and
captured, and nothing else: who somebody is, where they stand and what it cost is what the list
says, as in every other answer. A 404 (which conversations made through the REST API answer), a
failure or no answer in time changes nothing.
"""

import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import anyio

from convocore_mcp.errors import ApiError
from convocore_mcp.models import Conversation

log = logging.getLogger(__name__)

BUDGET = 2.0
"""Seconds an answer waits for it."""
KEPT = 500
"""Conversations remembered, also those of which there was no more to know."""
REST = timedelta(minutes=1)
"""After a failure nobody is asked for before this has passed."""
SAYS = ("title", "summary", "funnel_summary", "last_message")
"""A row with one of these is no sparse one."""
ADDED = (*SAYS, "captured_variables", "funnel_extracted_data")
"""What a single conversation adds to its row."""

Ask = Callable[[str, str], Awaitable[Conversation | None]]


class DetailsFetcher:
    """Asks for single conversations, and remembers what came of it."""

    def __init__(self, ask: Ask, *, now: Callable[[], datetime], budget: float = BUDGET) -> None:
        self._ask = ask
        self._now = now
        self._budget = budget
        self._known: OrderedDict[tuple[str, str, str], Conversation | None] = OrderedDict()
        self._rest_until: datetime | None = None

    async def enrich(self, conversations: Sequence[Conversation]) -> list[Conversation]:
        """`talks` (a lead's, newest first, with records), the newest richer if all are sparse."""
        if not conversations or any(
            _says_something(json.loads(conversation.record or "{}"))
            for conversation in conversations
        ):
            return list(conversations)
        newest, *others = conversations
        single = await self._single(newest)
        return list(conversations) if single is None else [_filled(newest, single), *others]

    async def _single(self, conversation: Conversation) -> Conversation | None:
        key = (conversation.agent_id, conversation.id, conversation.record)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if self._rest_until is not None and self._now() < self._rest_until:
            return None
        # Noted before it is known: whoever asks meanwhile does not ask Convocore again.
        self._known[key] = None
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        try:
            with anyio.fail_after(self._budget):
                self._known[key] = await self._ask(conversation.agent_id, conversation.id)
        except (ApiError, TimeoutError) as error:
            self._rest_until = self._now() + REST
            del self._known[key]
            log.info("A single conversation can't be read: %s", type(error).__name__)
            return None
        return self._known[key]


def _says_something(record: dict[str, Any]) -> bool:
    return any(record.get(name) for name in SAYS)


def _filled(row: Conversation, single: Conversation) -> Conversation:
    """`row`, with what only `single` says."""
    says = json.loads(single.record)
    record = {name: says[name] for name in ADDED if name in says} | json.loads(row.record)
    return replace(
        row,
        title=row.title or single.title,
        summary=row.summary or single.summary,
        last_message=row.last_message or single.last_message,
        record=json.dumps(record, ensure_ascii=False),
    )
