"""The client: the only module that sends requests.

Source: `GET /agents/{agentId}/convos`, OpenAPI 1.0.4, and `observed.md` for the cursor dialect,
the single item and the errors.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
import stamina

from convocore_mcp.api import wire
from convocore_mcp.api.failures import failure
from convocore_mcp.api.numbered import LIMIT
from convocore_mcp.api.pace import Pace
from convocore_mcp.api.walks import Position, Reply, walk_by_cursor, walk_by_number
from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    ContractError,
    GarbledError,
    NotFoundError,
    UnavailableError,
)
from convocore_mcp.models import Conversation, Page, Quarantined

RESTARTS = 3
"""How often one walk may begin again, because its cursor expired or the dialect changed."""
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
        self, http: httpx.AsyncClient, *, now: Callable[[], datetime], limits: Limits | None = None
    ) -> None:
        self._http = http
        self._now = now
        self._limits = limits or Limits()
        self._caps: dict[str, int] = {}  # agents known to speak the page dialect
        self.pace = Pace()

    @classmethod
    def over(
        cls,
        base_url: str,
        key: str,
        *,
        version: str,
        now: Callable[[], datetime],
        limits: Limits | None = None,
    ) -> Self:
        """A client with a connection pool of its own; `aclose` ends it."""
        limits = limits or Limits()
        http = httpx.AsyncClient(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "User-Agent": f"convocore-mcp/{version}",
            },
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            follow_redirects=False,  # a redirect must never carry the key to another host
        )
        return cls(http, now=now, limits=limits)

    async def aclose(self) -> None:
        """Close the connection pool made by `over`."""
        await self._http.aclose()

    async def conversations(self, agent_id: str) -> AsyncGenerator[Page, None]:
        """Yield an agent's conversations from the front to the end, newest first, page by page.

        Which dialect the workspace speaks is decided from its first answer. A row that nobody
        touches while the walk runs is in it; one that is touched moves to the front, perhaps
        after the front was read. A row can come twice. Leave early inside `aclosing`.

        Raises:
            ApiError: a request failed for good; the pages already yielded stay true.
        """
        refused: BadRequestError | None = None
        for _ in range(1 + RESTARTS):
            try:
                async with aclosing(self._walk(agent_id, unnumbered=refused is not None)) as pages:
                    async for page in pages:
                        yield page
                return
            except BadRequestError as error:
                # A cursor expired, or page 2 was refused by a workspace that wants a cursor.
                if not error.speaks_of_cursor:
                    raise
                self._caps.pop(agent_id, None)
                refused = error
        raise refused or ContractError("The walk could not begin.")

    async def _walk(self, agent_id: str, *, unnumbered: bool) -> AsyncGenerator[Page, None]:
        async def get(position: Position) -> Reply:
            return await self._page(agent_id, position)

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
                yield page

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, richer than its list row; `None` if Convocore answers 404.

        A 404 proves nothing: conversations made through the REST API answer so while the list
        shows them (`observed.md`).

        Raises:
            ApiError: it failed otherwise, or what came does not fit the model.
        """
        path = f"{_path(agent_id)}/{quote(conversation_id, safe='')}"
        try:
            body = await self._get(path, {})
        except NotFoundError:
            return None
        found = wire.conversation(wire.payload(body)[1], agent_id)
        if isinstance(found, Quarantined):
            raise ContractError(f"This conversation can't be read: {found.reason}")
        return found

    async def _page(self, agent_id: str, position: Position) -> Reply:
        read_at = self._now()
        body = await self._get(_path(agent_id), position)
        if len(body) >= LARGE:
            return await anyio.to_thread.run_sync(_reply, body, agent_id, read_at)
        return _reply(body, agent_id, read_at)

    async def _get(self, path: str, params: Position) -> bytes:
        # One request is retried, never the walk: that would start again at the front.
        backoff = _Backoff(self._limits)
        async for attempt in stamina.retry_context(
            on=backoff, attempts=self._limits.attempts, timeout=self._limits.deadline
        ):
            with attempt:
                async with self.pace.turn():
                    return await self._once(path, params)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, path: str, params: Position) -> bytes:
        try:
            with anyio.fail_after(self._limits.total):
                async with self._http.stream("GET", path, params=params) as response:
                    body = await self._body(response)
        except (TimeoutError, httpx.TimeoutException):
            raise UnavailableError(
                "Convocore did not answer in time.", hint="Try again in a minute."
            ) from None
        except httpx.DecodingError:
            raise GarbledError(
                "Convocore's answer can't be decompressed.", hint="Try again in a minute."
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnavailableError(
                f"Convocore can't be reached ({type(error).__name__}).",
                hint="Check the network, CONVOCORE_REGION and CONVOCORE_BASE_URL.",
            ) from None
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise failure(response.status_code, headers, body, now=self._now())
        if not body.rstrip().endswith(b"}"):
            raise GarbledError(
                "Convocore's answer is not JSON, or was cut off.",
                hint="Try again in a minute; if it stays, check CONVOCORE_BASE_URL.",
            )
        return body

    async def _body(self, response: httpx.Response) -> bytes:
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._limits.body:
                raise ContractError(
                    f"Convocore's answer is larger than {self._limits.body // 2**20} MB.",
                    hint="This is no page of conversations; check CONVOCORE_BASE_URL.",
                )
            chunks.append(chunk)
        return b"".join(chunks)


class _Backoff:
    """Exponential with full jitter, or what Convocore asks for; never beyond the deadline."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tries = 0
        self._deadline = asyncio.get_running_loop().time() + limits.deadline

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, ApiError) or not error.retryable:
            return False
        widest = min(self._limits.first_wait * 2**self._tries, self._limits.longest_wait)
        self._tries += 1
        wait = error.retry_after
        if wait is None:
            wait = random.uniform(0, widest)  # noqa: S311  jitter needs no secrecy
        return wait if asyncio.get_running_loop().time() + wait < self._deadline else False


def _path(agent_id: str) -> str:
    return f"/agents/{quote(agent_id, safe='')}/convos"


def _reply(body: bytes, agent_id: str, read_at: datetime) -> Reply:
    envelope = wire.envelope(body)
    read = [wire.conversation(row, agent_id) for row in envelope.rows]
    rows = tuple(row for row in read if isinstance(row, Conversation))
    bad = tuple(row for row in read if isinstance(row, Quarantined))
    return Reply(Page(rows, bad, read_at=read_at), envelope.by_cursor, envelope.next_cursor)
