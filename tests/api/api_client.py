"""A real client that reads a sandbox over real HTTP, and what it lists."""

import asyncio
import atexit
import functools
import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    MutableMapping,
)
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.api.throttle import Throttle
from convocore_mcp.models import Page
from convocore_mcp.sandbox import Sandbox, serving

from .odd_list import OddList

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Served = Sandbox | OddList
"""What can stand in for Convocore."""

_WAIT_UNTIL_IDLE = "/wait-until-idle"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """A clock that moves only when somebody sleeps by it or sets it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def throttle_without_delay() -> Throttle:
    """A throttle whose waiting takes no real time."""
    clock = Clock()
    return Throttle(clock=clock, sleep=clock.sleep)


class SharedServer:
    """One server for every sandbox of a test run, because stopping a server is slow."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, Served] = {}
        self._under_way: WeakKeyDictionary[Served, set[asyncio.Task[Any]]] = WeakKeyDictionary()
        self._numbers = itertools.count()
        dispatcher = Sandbox(size=0)

        async def app(scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
            _, name, _ = scope["path"].split("/", 2)
            prefix = f"/{name}"
            path = scope["path"].removeprefix(prefix)
            raw_path = scope["raw_path"].removeprefix(prefix.encode())
            sandbox_scope = dict(scope) | {"path": path, "raw_path": raw_path}
            sandbox = self._sandboxes.get(name)
            if sandbox is None:  # sent while its test ran, cancelled, and read only now
                await send({"type": "http.response.start", "status": 410})
                await send({"type": "http.response.body"})
                return
            under_way = self._under_way.setdefault(sandbox, set())
            if path == _WAIT_UNTIL_IDLE:
                if under_way:
                    await asyncio.wait(under_way)
                await send({"type": "http.response.start", "status": 204})
                await send({"type": "http.response.body"})
                return
            task = asyncio.current_task()
            assert task is not None  # the server starts one task per request
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await sandbox.app(sandbox_scope, _receive, send)

        dispatcher.app = app
        with ExitStack() as stack:
            self._url = stack.enter_context(serving(dispatcher)).removesuffix("/v3")
            atexit.register(stack.pop_all().close)

    @contextmanager
    def connected(self, sandbox: Served) -> Iterator[str]:
        """The base URL of a sandbox; it answers until the block ends."""
        name = f"sandbox{next(self._numbers)}"
        self._sandboxes[name] = sandbox
        yield f"{self._url}/{name}/v3"
        del self._sandboxes[name]


shared_server = functools.cache(SharedServer)


async def wait_until_idle(sandbox: Served) -> None:
    """Wait until the sandbox has counted every request, including those that were cancelled.

    The client cancels its requests under way when a caller leaves, but the server may still read
    them. It reads requests in order, so none is left when it answers this one.
    """
    with shared_server().connected(sandbox) as base_url:
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.get(base_url.removesuffix("/v3") + _WAIT_UNTIL_IDLE)).raise_for_status()


@asynccontextmanager
async def api_client(
    sandbox: Served,
    *,
    key: str | None = None,
    limits: Limits | None = None,
    throttle: Throttle | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[ConvocoreClient]:
    with shared_server().connected(sandbox) as base_url:
        client = ConvocoreClient.from_url(
            base_url,
            key or sandbox.key,
            version="test",
            now=now,
            limits=limits,
            throttle=throttle or throttle_without_delay(),
        )
        try:
            yield client
        finally:
            await client.aclose()


async def pages_of(paging: AsyncGenerator[Page, None]) -> list[Page]:
    async with aclosing(paging) as pages:
        return [page async for page in pages]


async def all_pages_of_client(client: ConvocoreClient, sandbox: Served) -> list[Page]:
    """Every page of the sandbox's agent."""
    return await pages_of(client.conversations(sandbox.agent_id))


async def listed_ids(client: ConvocoreClient, sandbox: Served) -> list[str]:
    """The IDs that the client lists, each once, in order; every page must be certain."""
    pages = await all_pages_of_client(client, sandbox)
    assert all(page.certain for page in pages)
    return list(dict.fromkeys(row.id for page in pages for row in page.rows))


def ids_in(sandbox: Sandbox) -> list[str]:
    """The IDs of the sandbox's list, in order."""
    return [row["ID"] for row in sandbox.rows()]


def requests_to(sandbox: Sandbox) -> list[tuple[dict[str, str], int]]:
    """The query of each request, and the status of its response."""
    return [(request.query, request.status) for request in sandbox.requests]
