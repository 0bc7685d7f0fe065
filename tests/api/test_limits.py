"""Limits of time and size: no request hangs, no response fills the memory."""

import asyncio
import gzip
import socket
import tracemalloc

import pytest

from convocore_mcp.api.client import Limits
from convocore_mcp.api.parsing.response_body import ResponseBody
from convocore_mcp.errors import ContractError, GarbledError, UnavailableError
from convocore_mcp.sandbox import Sandbox

from .api_client import all_pages_of_client, api_client, ids_in, listed_ids


async def test_a_response_larger_than_the_limit_is_refused() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": a response has a size limit."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, limits=Limits(body=5_000)) as client:
        with pytest.raises(ContractError, match="larger than"):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1  # a retry would return as much


async def test_the_size_limit_holds_after_decompression() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": 50 MB after decompression."""
    sandbox = Sandbox(size=30)
    sandbox.gzip_next(200 * 2**20)
    async with api_client(sandbox, limits=Limits(body=2**20)) as client:
        with pytest.raises(ContractError, match="larger than 1 MB"):
            await all_pages_of_client(client, sandbox)


async def test_a_compressed_response_within_the_limit_is_read() -> None:
    """Ours: we accept gzip, so we must read it."""
    sandbox = Sandbox(size=30)
    sandbox.gzip_next(100_000)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
    assert sandbox.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_no_more_than_the_limit_is_decompressed() -> None:
    """Ours: a single chunk can hold a bomb, so a check between chunks would come too late."""
    body, bomb = ResponseBody("gzip", limit=1000), gzip.compress(bytes(10**7))
    tracemalloc.start()
    try:
        with pytest.raises(ContractError):
            body.add(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
    with pytest.raises(GarbledError):
        ResponseBody("gzip, gzip", limit=1000)


def test_a_body_does_not_depend_on_how_it_is_cut_into_chunks() -> None:
    """Ours: the network cuts a body anywhere."""
    compressed = gzip.compress(b'{"data":[]}')
    body = ResponseBody(" GZIP ", limit=1000)
    for byte in compressed:
        body.add(bytes([byte]))

    assert body.content() == b'{"data":[]}'
    assert ResponseBody("gzip", limit=1000).content() == b""


def test_what_follows_the_compressed_data_is_ignored_but_counted() -> None:
    """Ours: a proxy may add junk; a second gzip member is part of the body."""
    compressed = gzip.compress(b'{"data":') + gzip.compress(b"[]}")
    body = ResponseBody("gzip", limit=1000)
    for chunk in (compressed[:30], compressed[30:], b"junk", b"\x00" * 500):
        body.add(chunk)

    assert body.content() == b'{"data":[]}'
    with pytest.raises(ContractError):
        body.add(b"\x00" * 500)


@pytest.mark.parametrize(
    "limits", [Limits(total=0.05), Limits(read=0.05), Limits(deadline=0.05)], ids=str
)
async def test_a_response_that_never_comes_times_out(limits: Limits) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": connect, read and total timeouts."""
    sandbox = Sandbox(size=30)
    sandbox.delay_next(60, times=9)
    async with api_client(sandbox, limits=limits) as client:
        with pytest.raises(UnavailableError, match="in time"):
            await all_pages_of_client(client, sandbox)


async def test_a_request_that_timed_out_is_retried() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": timeouts are retried."""
    sandbox = Sandbox(size=90)
    sandbox.delay_next(60, after=2)
    async with api_client(sandbox, limits=Limits(total=2.0, read=0.3)) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_a_response_that_trickles_in_times_out() -> None:
    """Ours: each byte comes in time, but the whole response would never be complete."""
    trickled = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            trickled.set()
            await asyncio.sleep(0)
            if reader.at_eof():
                break
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(trickle, sock=listener)
    sandbox = Sandbox(size=1)
    async with server, api_client(sandbox, limits=Limits(total=0.2)) as client:
        host, port = listener.getsockname()
        client._http.base_url = f"http://{host}:{port}/v3"  # noqa: SLF001
        with pytest.raises(UnavailableError, match="in time"):
            await all_pages_of_client(client, sandbox)
    assert trickled.is_set()
