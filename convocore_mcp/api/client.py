"""The client: the only module that sends requests.

Source: `GET /agents/{agentId}/convos`, OpenAPI 1.0.4, and `observed.md` for the cursor dialect,
the single item and the errors.
"""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
import stamina

from convocore_mcp.api import wire
from convocore_mcp.api.body import ENCODINGS, Body
from convocore_mcp.api.error_responses import failure
from convocore_mcp.api.page_numbers import LIMIT
from convocore_mcp.api.pagination import Position, walk_by_cursor, walk_by_number, walk_on
from convocore_mcp.api.throttle import Throttle
from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    ContractError,
    NotFoundError,
    UnavailableError,
)
from convocore_mcp.models import Conversation, Page, Quarantined

T = TypeVar("T")
RESTARTS = 3
"""How often one walk may begin again, because its cursor expired or the dialect changed."""
SHORTEST_KEY = 8
"""Characters from which on a key is told from a word that just looks like it."""
LARGE = 256 * 1024
"""Bodies from this size on are parsed in a thread, so that other answers don't wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much, in seconds and bytes."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 30.0
    """One attempt at one request."""
    deadline: float = 90.0
    """One request with all its retries."""
    attempts: int = 6
    body: int = 50 * 1024 * 1024
    """After decompression."""
    first_wait: float = 0.5
    longest_wait: float = 20.0


class ConvocoreClient:
    """Convocore's HTTP API, one method per endpoint. Borrows `http`; never closes it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        throttle: Throttle | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._http = http
        self._now = now
        self._limits = limits or Limits()
        self._caps: dict[str, int] = {}  # agents known to speak the page dialect
        self._key = http.headers.get("authorization", "").removeprefix("Bearer ").encode()
        self.throttle = throttle or Throttle()
        self._told = told or (lambda _: None)

    @classmethod
    def over(
        cls,
        base_url: str,
        key: str,
        *,
        version: str,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        throttle: Throttle | None = None,
        told: Callable[[str], None] | None = None,
    ) -> Self:
        """A client with a connection pool of its own; `aclose` ends it.

        `told` hears of each attempt: a status, or `timeout` or `unreachable`.
        """
        limits = limits or Limits()
        http = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
                "User-Agent": f"convocore-mcp/{version}",
            },
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            trust_env=not _on_this_machine(base_url),  # a proxy can't reach what is on loopback
            follow_redirects=False,  # a redirect must never carry the key to another host
        )
        return cls(http, now=now, limits=limits, throttle=throttle, told=told)

    async def aclose(self) -> None:
        """Close the connection pool made by `over`."""
        await self._http.aclose()

    async def conversations(
        self, agent_id: str, *, resume_token: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield an agent's conversations from the front to the end, newest first, page by page.

        Which dialect the workspace speaks is decided from its first answer. A row that nobody
        touches while the walk runs is in it; one that is touched moves to the front, perhaps
        after the front was read. A row can come twice. Leave early inside `aclosing`.

        With the `place` of a page of an earlier walk, goes on behind that page; from the front
        again where that can't be done without a gap, because the cursor expired or rows moved.

        Raises:
            ApiError: a request failed for good; the pages already yielded stay true.
        """
        restarts = 0
        while True:
            try:
                walk = self._walk(agent_id, unnumbered=restarts > 0, resume_token=resume_token)
                async with aclosing(walk) as pages:
                    async for page in pages:
                        if resume_token is not None and not page.certain:
                            break  # what stands between here and there can't be told
                        yield page
                    else:
                        return
                resume_token = None
            except BadRequestError as error:
                # A cursor expired, or page 2 was refused by a workspace that wants a cursor.
                if not error.speaks_of_cursor or restarts == RESTARTS:
                    raise
                self._caps.pop(agent_id, None)
                resume_token = None
                restarts += 1

    async def _walk(
        self, agent_id: str, *, unnumbered: bool, resume_token: str | None
    ) -> AsyncGenerator[Page, None]:
        async def get(position: Position) -> wire.Reply:
            return await self._page(agent_id, position)

        if resume_token is not None:
            async with aclosing(walk_on(get, resume_token)) as pages:
                async for page in pages:
                    yield page
            return
        cap = self._caps.get(agent_id)
        first = None if cap else await get({"limit": LIMIT})
        if first is not None and first.by_cursor:
            walk = walk_by_cursor(get, first)
        elif unnumbered:
            raise ContractError(
                "Convocore refuses page numbers and gives no cursor.", hint="Try again later."
            )
        else:
            walk = walk_by_number(get, first, cap, found=lambda n: self._caps.update({agent_id: n}))
        async with aclosing(walk) as pages:
            async for page in pages:
                if not page.certain:
                    self._caps.pop(agent_id, None)  # the limit may not be what it was
                yield page

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, richer than its list row; `None` if Convocore answers 404.

        A 404 proves nothing: conversations made through the REST API answer so while the list
        shows them (`observed.md`).

        Raises:
            ApiError: it failed otherwise, or what came does not fit the model.
        """

        def read(body: bytes, _: datetime) -> Conversation:
            found = wire.conversation(wire.payload(body)[1], agent_id)
            if isinstance(found, Quarantined):
                raise ContractError(f"This conversation can't be read: {found.reason}")
            return found

        try:
            path = f"{_path(agent_id)}/{quote(conversation_id, safe='')}"
            return await self._get(path, {}, read)
        except NotFoundError:
            return None

    async def _page(self, agent_id: str, position: Position) -> wire.Reply:
        def read(body: bytes, asked_at: datetime) -> wire.Reply:
            return wire.reply(body, agent_id, asked_at)

        return await self._get(_path(agent_id), position, read)

    async def _get(self, path: str, params: Position, read: Callable[[bytes, datetime], T]) -> T:
        # One request is retried, never the walk: that would start again at the front.
        backoff = _Backoff(self._limits, self.throttle.clock)
        async for attempt in stamina.retry_context(
            on=backoff, attempts=self._limits.attempts, timeout=self._limits.deadline
        ):
            with attempt:
                async with self.throttle.slot(until=backoff.deadline):
                    asked_at = self._now()
                    body = await self._once(path, params, min(self._limits.total, backoff.left))
                    if len(body) < LARGE:
                        return read(body, asked_at)
                    return await anyio.to_thread.run_sync(read, body, asked_at)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, path: str, params: Position, seconds: float) -> bytes:
        try:
            with anyio.fail_after(seconds):
                async with self._http.stream("GET", path, params=params) as response:
                    try:
                        body = await self._body(response)
                    except ApiError:
                        if response.status_code == 200:
                            raise
                        body = b""  # a refusal is told by its status; what it says is extra
        except (TimeoutError, httpx.TimeoutException):
            self._told("timeout")
            raise UnavailableError(
                "Convocore did not answer in time.", hint="Try again in a minute."
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self._told("unreachable")
            raise UnavailableError(
                f"Convocore can't be reached ({type(error).__name__}).",
                hint="Check the network, CONVOCORE_REGION and CONVOCORE_BASE_URL.",
            ) from None
        self._told(str(response.status_code))
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise failure(response.status_code, headers, body, now=self._now())
        return body

    async def _body(self, response: httpx.Response) -> bytes:
        body = Body(response.headers.get("content-encoding", ""), limit=self._limits.body)
        async for piece in response.aiter_raw():
            body.add(piece)
        whole = body.whole()
        # Convocore, or a proxy, may repeat the key, and what it says ends up in errors and logs.
        return whole.replace(self._key, b"[key]") if len(self._key) >= SHORTEST_KEY else whole


class _Backoff:
    """Exponential with full jitter, or what Convocore asks for; never beyond the deadline."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._tries = 0
        self.deadline = clock() + limits.deadline

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.deadline - self._clock())

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, ApiError) or not error.retryable:
            return False
        widest = min(self._limits.first_wait * 2**self._tries, self._limits.longest_wait)
        self._tries += 1
        wait = error.retry_after
        if wait is None:
            wait = random.uniform(0, widest)  # noqa: S311  jitter needs no secrecy
        return wait if wait < self.left else False


def _on_this_machine(url: str) -> bool:
    host = httpx.URL(url).host
    return host in {"localhost", "::1"} or host.startswith("127.")


def _path(agent_id: str) -> str:
    return f"/agents/{quote(agent_id, safe='')}/convos"
