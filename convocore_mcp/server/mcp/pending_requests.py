"""The requests of one connection whose answers are not written yet.

A request counts until its answer is written, not until its handler has returned: if the client does
not read, finished answers pile up.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse, RequestId

OnEnd = Callable[[], None]
LISTEN_METHOD = "subscriptions/listen"
"""A request that is answered when the client ends it."""


class PendingRequests:
    """Counts requests from when they are read until their answers are written."""

    def __init__(self) -> None:
        self._ends: defaultdict[RequestId, list[OnEnd]] = defaultdict(list)
        self._fewer = asyncio.Event()
        self.count = 0

    def track(self, item: SessionMessage, on_end: OnEnd = lambda: None) -> SessionMessage:
        """Count `item` if it is a request that is answered soon.

        `on_end` is called when the request has ended, with or without an answer; at once for any
        other message.
        """
        message = item.message
        if not isinstance(message, JSONRPCRequest) or message.method == LISTEN_METHOD:
            on_end()
            return item
        self._ends[message.id].append(on_end)
        self.count += 1
        metadata = item.metadata
        if not isinstance(metadata, ServerMessageMetadata):
            metadata = ServerMessageMetadata()
        unanswered = metadata.on_request_unanswered

        async def ended_without_answer() -> None:
            self._end(message.id)
            if unanswered is not None:
                await unanswered()

        return replace(item, metadata=replace(metadata, on_request_unanswered=ended_without_answer))

    def answered(self, message: JSONRPCMessage) -> None:
        """Note that `message` was handed over, if it is an answer."""
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            self._end(message.id)

    async def wait_until_at_most(self, count: int) -> None:
        """Wait until no more than `count` requests are unanswered."""
        while self.count > count:
            self._fewer.clear()
            await self._fewer.wait()

    def _end(self, request_id: RequestId) -> None:
        ends = self._ends.get(request_id)
        if not ends:
            return
        on_end = ends.pop(0)
        if not ends:
            del self._ends[request_id]
        self.count -= 1
        self._fewer.set()
        on_end()
