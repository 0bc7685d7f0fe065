"""A real client over real HTTP, and what it finds."""

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

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_QUIET = "/quiet"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """A clock that only moves when somebody sleeps by it, or says so."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def unhurried() -> Throttle:
    """Waits as long as it is told, in no time."""
    clock = Clock()
    return Throttle(clock=clock, sleep=clock.sleep)


class Switchboard:
    """One server for every sandbox of a test run: stopping a server takes its time."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, Sandbox] = {}
        self._under_way: WeakKeyDictionary[Sandbox, set[asyncio.Task[Any]]] = WeakKeyDictionary()
        self._numbers = itertools.count()
        front = Sandbox(size=0)

        async def app(scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
            _, name, _ = scope["path"].split("/", 2)
            prefix = f"/{name}"
            path = scope["path"].removeprefix(prefix)
            raw_path = scope["raw_path"].removeprefix(prefix.encode())
            inner = dict(scope) | {"path": path, "raw_path": raw_path}
            sandbox = self._sandboxes[name]
            under_way = self._under_way.setdefault(sandbox, set())
            if path == _QUIET:
                if under_way:
                    await asyncio.wait(under_way)
                await send({"type": "http.response.start", "status": 204})
                await send({"type": "http.response.body"})
                return
            task = asyncio.current_task()
            assert task is not None  # a server's own for each request
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await sandbox.app(inner, _receive, send)

        front.app = app
        with ExitStack() as stack:
            self._url = stack.enter_context(serving(front)).removesuffix("/v3")
            atexit.register(stack.pop_all().close)

    @contextmanager
    def connected(self, sandbox: Sandbox) -> Iterator[str]:
        """The base URL under which a sandbox answers until the block ends."""
        name = f"sandbox{next(self._numbers)}"
        self._sandboxes[name] = sandbox
        yield f"{self._url}/{name}/v3"
        del self._sandboxes[name]


switchboard = functools.cache(Switchboard)


async def quiet(sandbox: Sandbox) -> None:
    """Until it has counted all that it was asked, what nobody waits for any more too.

    A walk that ends takes back what it has under way, and a server may still come across that. It
    reads what came first first, so that nothing is to come when this has been answered.
    """
    with switchboard().connected(sandbox) as base_url:
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.get(base_url.removesuffix("/v3") + _QUIET)).raise_for_status()


@asynccontextmanager
async def api_client(
    sandbox: Sandbox,
    *,
    key: str | None = None,
    limits: Limits | None = None,
    throttle: Throttle | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[ConvocoreClient]:
    with switchboard().connected(sandbox) as base_url:
        client = ConvocoreClient.over(
            base_url,
            key or sandbox.key,
            version="test",
            now=now,
            limits=limits,
            throttle=throttle or unhurried(),
        )
        try:
            yield client
        finally:
            await client.aclose()


async def pages_of(walk: AsyncGenerator[Page, None]) -> list[Page]:
    async with aclosing(walk) as pages:
        return [page async for page in pages]


async def all_pages_of_client(client: ConvocoreClient, sandbox: Sandbox) -> list[Page]:
    """Every page of the sandbox's agent."""
    return await pages_of(client.conversations(sandbox.agent_id))


async def found(client: ConvocoreClient, sandbox: Sandbox) -> list[str]:
    """The IDs that a walk finds, each once, in order."""
    pages = await all_pages_of_client(client, sandbox)
    assert all(page.certain for page in pages)
    return list(dict.fromkeys(row.id for page in pages for row in page.rows))


def truth(sandbox: Sandbox) -> list[str]:
    return [row["ID"] for row in sandbox.rows()]


def asked(sandbox: Sandbox) -> list[tuple[dict[str, str], int]]:
    """What was asked for, and with what status it was answered."""
    return [(request.query, request.status) for request in sandbox.requests]
