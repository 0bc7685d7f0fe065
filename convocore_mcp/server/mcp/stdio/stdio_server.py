"""Serves one client on stdin and stdout.

The SDK's own transport reads without a bound while nobody reads the answers, drops lines that it
cannot read, and cannot end while it waits for stdin.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.mcpserver import MCPServer
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCRequest

from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.pending_requests import PendingRequests
from convocore_mcp.server.mcp.stdio.line_reader import Unreadable, read_line
from convocore_mcp.server.mcp.stdio.line_splitter import LineSplitter, LongLine
from convocore_mcp.server.mcp.stdio.standard_streams import (
    DaemonThread,
    read_some,
    take_standard_streams,
    write_all,
)
from convocore_mcp.server.rendering import sent_message
from convocore_mcp.server.stop_signals import on_stop_signal

log = logging.getLogger(__name__)

MAX_PENDING = 128
"""Requests that may be unanswered; further ones stay in stdin until some of them are answered."""
DRAIN_SECONDS = 0.8
"""Time that calls get to finish after stdin was closed or a signal came."""
PROBE_METHOD = "server/discover"
"""The first request of a client of the newer era, to learn whether the server supports it. The AI
SDK waits one second for the answer."""
LAST_ANSWERS_SECONDS = 1.0
"""At most, for the errors that answer calls which did not finish: a busy machine takes long. Both
times together stay below the two seconds after which clients kill a server."""


async def serve_stdio(server: MCPServer[App]) -> None:
    """Serve on stdin and stdout until one of them closes or a signal comes; then calls may finish.

    A process that was started without stdin or stdout has nobody to serve.
    """
    streams = take_standard_streams()
    if streams is not None:
        connection = StdioConnection(*streams)
        loop = asyncio.get_running_loop()
        with on_stop_signal(lambda *_: loop.call_soon_threadsafe(connection.stop)):
            await connection.serve(server)


class StdioConnection:
    """One client, which writes lines to the descriptor `stdin` and reads them from `stdout`."""

    def __init__(self, stdin: int, stdout: int) -> None:
        self._stdin, self._stdout = stdin, stdout
        self._reading = DaemonThread(read_some, name="stdin")
        self._writing = DaemonThread(write_all, name="stdout")
        self._write_lock = anyio.Lock()
        self.pending = PendingRequests()
        self._stopping = anyio.Event()
        self._client_is_gone = False
        self._may_fall_back = True
        self._answer_probe: Callable[[JSONRPCRequest], object] = lambda _: None

    async def serve(self, server: MCPServer[App]) -> None:
        """Serve the client until it is gone or `stop` is called."""
        low_level = server._lowlevel_server  # noqa: SLF001  the high level has no transport of ours
        options = low_level.create_initialization_options()

        async def answer(probe: JSONRPCRequest) -> None:
            send, receive = anyio.create_memory_object_stream[SessionMessage | Exception](1)
            send.send_nowait(self.pending.track(SessionMessage(probe), send.close))
            await low_level.run(receive, writer.clone(), options)

        async with self._open() as (reader, writer), anyio.create_task_group() as probes:
            self._answer_probe = lambda probe: probes.start_soon(answer, probe)
            await low_level.run(reader, writer, options)
            probes.cancel_scope.cancel()

    def stop(self) -> None:
        """Read no more, let calls finish, and end."""
        self._stopping.set()

    @asynccontextmanager
    async def _open(
        self,
    ) -> AsyncIterator[
        tuple[
            MemoryObjectReceiveStream[SessionMessage | Exception],
            MemoryObjectSendStream[SessionMessage],
        ]
    ]:
        """The SDK's streams: messages from the client, and messages to it."""
        to_server, reader = anyio.create_memory_object_stream[SessionMessage | Exception]()
        writer, from_server = anyio.create_memory_object_stream[SessionMessage]()

        async def read_until_stopped() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(_cancel_after, group.cancel_scope, self._stopping.wait)
                group.start_soon(_cancel_after, group.cancel_scope, self._read_to, to_server)
            with anyio.move_on_after(DRAIN_SECONDS):
                await self.pending.wait_until_at_most(0)
            to_server.close()
            with anyio.move_on_after(LAST_ANSWERS_SECONDS):
                await self.pending.wait_until_at_most(0)
            from_server.close()  # where nobody reads stdout, the SDK would wait for each of them

        async with to_server, from_server, anyio.create_task_group() as group:
            group.start_soon(read_until_stopped)
            group.start_soon(self._write_from, from_server)
            yield reader, writer
            group.cancel_scope.cancel()

    async def _read_to(self, server: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        splitter = LineSplitter()
        while data := await self._read():
            for line in splitter.feed(data):
                await self._pass_on(line, server)
        await self._pass_on(splitter.last_line(), server)

    async def _read(self) -> bytes:
        try:
            return await self._reading.call(self._stdin)
        except OSError as error:
            log.info("stdin cannot be read (%s).", error.strerror)
            return b""

    async def _pass_on(
        self, line: bytes | LongLine, server: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        message = read_line(line)
        if isinstance(message, Unreadable):
            for error in message.errors:
                await self._write(error)
            return
        await self.pending.wait_until_at_most(MAX_PENDING - 1)
        if isinstance(message, JSONRPCRequest):
            # The SDK derives the connection's era from its first request. But a client whose
            # probe was answered too late, while Python started, falls back to the handshake.
            if message.method == PROBE_METHOD and self._may_fall_back:
                self._answer_probe(message)
                return
            self._may_fall_back = False
        await server.send(self.pending.track(SessionMessage(message)))

    async def _write_from(self, server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        try:
            async for item in server:
                await self._write(sent_message(item.message))
                self.pending.answered(item.message)
        except anyio.ClosedResourceError:
            return  # the server is ending

    async def _write(self, message: JSONRPCMessage) -> None:
        line = message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
        async with self._write_lock:
            if self._client_is_gone:
                return
            try:
                await self._writing.call(self._stdout, line.encode())
            except OSError as error:
                log.info("stdout cannot be written (%s): the client is gone.", error.strerror)
                self._client_is_gone = True
                self.stop()


async def _cancel_after(
    scope: anyio.CancelScope, wait: Callable[..., Awaitable[object]], *args: object
) -> None:
    """Cancel `scope` once `wait` returns: the first of several to return ends all."""
    await wait(*args)
    scope.cancel()
