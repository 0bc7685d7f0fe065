"""HTTP+SSE, for clients from before 2025: answers come on one stream, messages go to another path.

The SDK answers a message with 202 and forgets it. Here the request that brought a message lasts
until the answer was handed to the stream, so that all limits on requests hold for a client that
posts and never reads.
"""

import asyncio
import re
from contextlib import suppress
from contextvars import Context
from dataclasses import replace
from http import HTTPStatus
from typing import Self
from uuid import UUID

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.runner import serve_dual_era_loop
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.pending_requests import PendingRequests
from convocore_mcp.server.rendering import sent_message
from convocore_mcp.web.sanitized_responses import json_response

MAX_PENDING = 64
"""Messages of one stream that may be unanswered."""
_ANSWERED = "convocore_mcp.answered"
"""The key in an ASGI scope of the event that the message was answered."""
_SESSION_ID = re.compile(rb"session_id=([0-9a-f]+)")
Item = SessionMessage | Exception


class SseEndpoint:
    """HTTP+SSE within the shared lifespan. The SDK's own SSE app starts one per connection."""

    def __init__(
        self,
        server: MCPServer[App],
        app: App,
        security: TransportSecuritySettings,
        max_body_bytes: int,
    ) -> None:
        self._lowlevel = server._lowlevel_server  # noqa: SLF001  the high level starts a lifespan
        self._app = app
        self._transport = SseServerTransport(
            "/messages", security, max_request_body_size=max_body_bytes
        )
        self._unanswered: dict[UUID | None, set[asyncio.Event]] = {}

    async def connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream until the client leaves."""
        session_id: UUID | None = None
        unanswered = set[asyncio.Event]()

        async def send_and_note_session(message: Message) -> None:
            nonlocal session_id
            found = None if session_id is not None else _SESSION_ID.search(message.get("body", b""))
            if found is not None:  # the first event tells the client where to post
                session_id = UUID(bytes=bytes.fromhex(found[1].decode()))
                self._unanswered[session_id] = unanswered
            await send(message)

        pending = PendingRequests()
        try:
            async with self._transport.connect_sse(scope, receive, send_and_note_session) as (
                reader,
                writer,
            ):
                await serve_dual_era_loop(
                    self._lowlevel,
                    _Reader(reader, pending),
                    _Writer(writer, pending),
                    lifespan_state=self._app,
                )
        finally:
            self._unanswered.pop(session_id, None)
            for answered in unanswered:
                answered.set()

    async def post_message(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a message for one of the streams, and wait until it is answered there."""
        unanswered = self._unanswered.get(_session_id(scope), set())
        if len(unanswered) >= MAX_PENDING:
            body = {"error": f"{MAX_PENDING} messages of this stream are not answered yet."}
            await json_response(body, 503)(scope, receive, send)
            return
        status, answered = 0, asyncio.Event()

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        unanswered.add(answered)
        try:
            await self._transport.handle_post_message(
                {**scope, _ANSWERED: answered}, receive, send_and_note_status
            )
            if status == HTTPStatus.ACCEPTED:
                await answered.wait()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the stream ended meanwhile
        finally:
            unanswered.discard(answered)


def _session_id(scope: Scope) -> UUID | None:
    """The stream that a message is for. Reads the last `session_id`, in any spelling of a UUID.

    The SDK reads it so. Otherwise the SDK would accept a message that no stream's limit counts.
    """
    with suppress(ValueError):
        return UUID(hex=QueryParams(scope["query_string"]).get("session_id", ""))
    return None


class _Reader:
    """The SDK's stream of messages from the client; notes each request."""

    def __init__(self, inner: ReadStream[Item], pending: PendingRequests) -> None:
        self._inner = inner
        self._pending = pending

    @property
    def last_context(self) -> Context | None:
        """The context in which the last message was posted: whose token it was."""
        found: Context | None = getattr(self._inner, "last_context", None)
        return found

    async def receive(self) -> Item:
        """The next message."""
        item = await self._inner.receive()
        if isinstance(item, SessionMessage) and isinstance(item.metadata, ServerMessageMetadata):
            answered: asyncio.Event = item.metadata.request_context.scope[_ANSWERED]
            return self._pending.track(item, answered.set)
        return item

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Writer:
    """The SDK's stream of messages to the client; notes each answer."""

    def __init__(self, inner: WriteStream[SessionMessage], pending: PendingRequests) -> None:
        self._inner = inner
        self._pending = pending

    async def send(self, item: SessionMessage, /) -> None:
        """Hand a message to the stream, as soon as it takes one."""
        await self._inner.send(replace(item, message=sent_message(item.message)))
        self._pending.answered(item.message)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
