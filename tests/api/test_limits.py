"""How long and how much: no request hangs, no answer fills the memory."""

import asyncio
import gzip
import socket

import pytest

from convocore_mcp.api.body import Body
from convocore_mcp.api.client import Limits
from convocore_mcp.errors import ContractError, GarbledError, UnavailableError
from convocore_mcp.sandbox import Sandbox

from .api_client import all_pages_of_client, api_client, found, truth


async def test_an_answer_beyond_the_limit_is_refused() -> None:
    """Promised by design.md: a size limit on a response."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, limits=Limits(body=5_000)) as client:
        with pytest.raises(ContractError, match="larger than"):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1  # it would be as large the next time


async def test_a_bomb_is_refused_by_what_it_unpacks_to() -> None:
    """Promised by design.md: 50 MB after decompression."""
    sandbox = Sandbox(size=30)
    sandbox.gzip_next(200 * 2**20)
    async with api_client(sandbox, limits=Limits(body=2**20)) as client:
        with pytest.raises(ContractError, match="larger than 1 MB"):
            await all_pages_of_client(client, sandbox)


async def test_what_is_packed_within_the_limit_is_read() -> None:
    """Ours: we ask for gzip, so we read it."""
    sandbox = Sandbox(size=30)
    sandbox.gzip_next(100_000)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)
    assert sandbox.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_no_more_is_unpacked_than_the_limit() -> None:
    """Ours: the bomb in a single piece, which no check between pieces would see in time."""
    body = Body("gzip", limit=1000)
    with pytest.raises(ContractError):
        body.add(gzip.compress(bytes(10**7)))
    with pytest.raises(GarbledError):
        Body("gzip, gzip", limit=1000)


def test_a_body_is_the_same_in_whatever_pieces_it_comes() -> None:
    """Ours: pieces end anywhere."""
    packed = gzip.compress(b'{"data":[]}')
    body = Body(" GZIP ", limit=1000)
    for byte in packed:
        body.add(bytes([byte]))

    assert body.whole() == b'{"data":[]}'
    assert Body("gzip", limit=1000).whole() == b""


@pytest.mark.parametrize(
    "limits", [Limits(total=0.05), Limits(read=0.05), Limits(deadline=0.05)], ids=str
)
async def test_an_answer_that_does_not_come_is_not_waited_for(limits: Limits) -> None:
    """Promised by design.md: connect, read and total timeouts."""
    sandbox = Sandbox(size=30)
    sandbox.delay_next(60, times=9)
    async with api_client(sandbox, limits=limits) as client:
        with pytest.raises(UnavailableError, match="in time"):
            await all_pages_of_client(client, sandbox)


async def test_one_late_answer_is_asked_for_again() -> None:
    """Promised by design.md: timeouts are retried."""
    sandbox = Sandbox(size=90)
    sandbox.delay_next(60, after=2)
    async with api_client(sandbox, limits=Limits(total=2.0, read=0.3)) as client:
        assert await found(client, sandbox) == truth(sandbox)


async def test_an_answer_that_drips_is_not_waited_for() -> None:
    """Ours: each byte comes in time, the whole never would."""
    dripped = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            dripped.set()
            await asyncio.sleep(0)
            if reader.at_eof():
                break
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(drip, sock=listener)
    sandbox = Sandbox(size=1)
    async with server, api_client(sandbox, limits=Limits(total=0.2)) as client:
        host, port = listener.getsockname()
        client._http.base_url = f"http://{host}:{port}/v3"  # noqa: SLF001
        with pytest.raises(UnavailableError, match="in time"):
            await all_pages_of_client(client, sandbox)
    assert dripped.is_set()
