"""The stdio transport over pipes of our own, in this process."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread

from convocore_mcp.assembly import Assembly
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.server.mcp.stdio.stdio_server import StdioConnection

Message = dict[str, Any]
TIMEOUT_SECONDS = 20
INITIALIZE = {
    "protocolVersion": "2025-06-18", "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}  # fmt: skip


class PipeClient:
    """A client that writes bytes and reads lines."""

    def __init__(
        self,
        connection: StdioConnection,
        to_server: int,
        reader: asyncio.StreamReader,
        from_server: asyncio.ReadTransport,
        ended: asyncio.Task[None],
    ) -> None:
        self.connection = connection
        self.to_server = to_server
        self.from_server = from_server
        self.ended = ended
        self._reader = reader

    @property
    def pending(self) -> int:
        """How many requests the server has read and not answered."""
        return self.connection.pending.count

    async def write(self, data: bytes) -> None:
        """Write in a thread, because a full pipe makes the writer wait."""
        await anyio.to_thread.run_sync(_write_all, self.to_server, data, abandon_on_cancel=True)

    async def send(self, method: str, request_id: object = None, **params: object) -> None:
        """A request, or a notification if it has no ID."""
        message: Message = {"jsonrpc": "2.0", "method": method, "params": params}
        await self.write(
            json.dumps(message | ({} if request_id is None else {"id": request_id})).encode()
            + b"\n"
        )

    async def receive(self) -> Message:
        """The next message."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            message: Message = json.loads(await self._reader.readline())
        return message

    async def rest(self) -> list[Message]:
        """Everything until stdout ends."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            lines = (await self._reader.read()).splitlines()
        return [json.loads(line) for line in lines]

    def close_stdin(self) -> None:
        """Close the server's stdin, if that was not done yet."""
        if self.to_server >= 0:
            os.close(self.to_server)
            self.to_server = -1


@asynccontextmanager
async def unopened_client(**settings: object) -> AsyncIterator[PipeClient]:
    """A client that has said nothing yet; `ended` is the task in which its server runs."""
    stdin, to_server = os.pipe()
    from_server, stdout = os.pipe()
    server = create_server(App(lambda: Assembly(settings), version="test"))
    connection = StdioConnection(stdin, stdout)

    async def serve() -> None:
        try:
            await connection.serve(server)
        finally:
            os.close(stdout)

    task = asyncio.create_task(serve())
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_server, "rb", buffering=0)
    )
    client = PipeClient(connection, to_server, reader, transport, task)
    try:
        yield client
    finally:
        client.close_stdin()
        await task
        transport.close()


@asynccontextmanager
async def piped_client(**settings: object) -> AsyncIterator[PipeClient]:
    """A client after the handshake."""
    async with unopened_client(**settings) as client:
        await client.send("initialize", 0, **INITIALIZE)
        await client.receive()
        await client.send("notifications/initialized")
        yield client


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
