"""Clients that do not read what they asked for, or leave."""

import asyncio
import fcntl
import json
import os
import select
import struct
import termios
import threading
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.mcp.stdio.standard_streams import read_some, write_all
from convocore_mcp.server.mcp.stdio.stdio_server import MAX_PENDING
from tests.stdio.pipes import TIMEOUT_SECONDS, PipeClient, piped_client

REQUEST = b'{"jsonrpc":"2.0","id":%d,"method":"prompts/list"}' + b" " * 1000 + b"\n"
REQUESTS = 400
"""More than may be pending (128), fit in the pipe (65), and are read at once (65)."""
ALMOST_FULL = 65_536 - 4_096
"""Bytes; a pipe holds 65,536."""


def unread_bytes(pipe: int) -> int:
    """How many bytes wait in a pipe."""
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(size)


async def write_until_nothing_is_read(client: PipeClient) -> asyncio.Task[None]:
    """Ask without reading, until the server reads no more. The task goes on writing."""
    client.from_server.pause_reading()
    asked = b"".join(REQUEST % number for number in range(1, REQUESTS + 1))
    writing = asyncio.create_task(client.write(asked))
    while unread_bytes(client.to_server) < ALMOST_FULL or client.pending < MAX_PENDING:
        assert not writing.done(), "the server reads on, and keeps the answers"
        await asyncio.sleep(0)
    return writing


async def test_nothing_is_read_from_a_client_that_does_not_read() -> None:
    """Promised by docs/operations.md, "Limits". Unread answers do not fill the memory."""
    async with piped_client() as client:
        writing = await write_until_nothing_is_read(client)
        for _ in range(5_000):  # time enough to read all that is asked
            await asyncio.sleep(0)
            assert client.pending <= MAX_PENDING

        client.from_server.resume_reading()
        found = [(await client.receive())["id"] for _ in range(REQUESTS)]
        await writing
        assert sorted(found) == list(range(1, REQUESTS + 1))


async def test_a_server_whose_answers_nobody_reads_ends_when_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/architecture.md, "Serving". Closed stdin and a signal end it alike.

    Also while calls are in progress, whose errors nobody reads either.
    """
    # The SDK gives up writing after a while: the server must end without that.
    monkeypatch.setattr("mcp.shared.jsonrpc_dispatcher._SHUTDOWN_WRITE_TIMEOUT", 60)
    sandbox = Sandbox(size=300, latency=5)
    with serving(sandbox) as base_url:
        settings = {"api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": base_url}
        async with piped_client(**settings, store="memory", details="off") as client:
            for number in range(3):
                await client.send("tools/call", f"slow {number}", name="conversation_stats")
            writing = await write_until_nothing_is_read(client)
            async with asyncio.timeout(5):
                client.connection.stop()
                await client.ended
            client.from_server.close()
            writing.cancel()


async def test_a_client_that_closes_stdout_ends_the_server_quietly() -> None:
    """Promised by docs/architecture.md, "Serving". Not with an exception."""
    async with piped_client() as client:
        client.from_server.close()
        await client.send("tools/list", 1)
        async with asyncio.timeout(5):
            await client.ended


def test_a_pipe_that_somebody_made_non_blocking_is_read_and_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours: whoever shares a terminal or a pipe with the server may do that (Node.js does)."""
    reader, writer = os.pipe()
    for descriptor in (reader, writer):
        os.set_blocking(descriptor, False)
    text = b"x" * 1_000_000  # far more than a pipe holds
    received, reader_waits, wait = bytearray(), threading.Event(), select.select

    def noted(*args: Any) -> object:
        reader_waits.set()
        return wait(*args)

    monkeypatch.setattr(select, "select", noted)

    def read() -> None:
        while piece := read_some(reader):
            received.extend(piece)

    reading = threading.Thread(target=read)
    reading.start()
    assert reader_waits.wait(TIMEOUT_SECONDS)
    write_all(writer, text)
    os.close(writer)
    reading.join()
    os.close(reader)
    assert received == text


async def test_what_was_asked_before_stdin_closed_is_answered() -> None:
    """Promised by docs/architecture.md, "Serving". As in `echo … | convocore-mcp`."""
    sandbox = Sandbox(size=20, latency=0.05)
    with serving(sandbox) as base_url:
        settings = {"api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": base_url}
        async with piped_client(**settings, store="memory", details="off") as client:
            await client.send("tools/call", 1, name="list_conversations", arguments={"limit": 1})
            client.close_stdin()
            (answer,) = await client.rest()
    assert answer["id"] == 1
    assert answer["result"]["structuredContent"]["conversations"]


async def test_a_call_that_does_not_finish_after_stdin_closed_is_answered_with_an_error() -> None:
    """Promised by docs/architecture.md, "Serving": every request with an ID gets an answer."""
    sandbox = Sandbox(size=300, latency=5)
    with serving(sandbox) as base_url:
        settings = {"api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": base_url}
        async with piped_client(**settings, store="memory", details="off") as client:
            await client.send("tools/call", "slow", name="conversation_stats", arguments={})
            client.close_stdin()
            (answer,) = await client.rest()
    assert answer["id"] == "slow"
    assert "error" in json.dumps(answer)
