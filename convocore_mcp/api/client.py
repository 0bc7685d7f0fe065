"""The HTTP client: the only module that sends requests.

Source: `GET /agents/{agentId}/convos`, OpenAPI 1.0.4; docs/upstream.md.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Self, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
import stamina

from convocore_mcp.api import wire
from convocore_mcp.api.connection.http_connection import clock_offset, connection_error, http_client
from convocore_mcp.api.error_responses import error_from_response
from convocore_mcp.api.page_number_plan import PageNumberPlan
from convocore_mcp.api.pagination import (
    FIRST_PAGE_QUERY,
    PageQuery,
    fetch_parsed,
    paginate_by_cursor,
    paginate_by_number,
    read_front_by_number,
    read_only_page,
    resume_pagination,
)
from convocore_mcp.api.paging.list_progress import ListProgress
from convocore_mcp.api.parsing.response_body import ENCODINGS, ResponseBody, without_key
from convocore_mcp.api.throttle import Backoff, Throttle
from convocore_mcp.api.transcript_wire import parse_transcript
from convocore_mcp.errors import ApiError, BadRequestError, NotFoundError, UnavailableError
from convocore_mcp.models import Conversation, Page, Transcript

T = TypeVar("T")
MAX_RESTARTS = 3
"""How often reading a list may start again, because a cursor expired or the dialect changed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of time, in seconds, of size, in bytes, and of what is kept."""

    connect: float = 5.0
    read: float = 20.0
    total: float = 30.0
    """One attempt at one request."""
    deadline: float = 90.0
    """One request with all its retries."""
    attempts: int = 6
    body: int = 24 * 1024 * 1024
    """Before and after decompression. As values, a body can take several times its size."""
    sensitive: bool = False
    """Keep IP addresses, session keys and recordings, too (`parsing.sensitive_fields`)."""
    first_wait: float = 0.5
    max_wait: float = 20.0


class ConvocoreClient:
    """Convocore's HTTP API, one method per endpoint. Borrows `http`; never closes it.

    `on_result` gets the result of each attempt: a status code, `timeout` or `unreachable`.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        throttle: Throttle | None = None,
        on_result: Callable[[str], None] | None = None,
    ) -> None:
        self._http = http
        self._now = now
        self._limits = limits or Limits()
        self._large_body = asyncio.Lock()
        self._max_limits: dict[str, int] = {}  # of agents known to use the page-number dialect
        self._position_cursors: set[str] = set()  # agents whose cursors are known to be positions
        self._key = http.headers.get("authorization", "").removeprefix("Bearer ").encode()
        self.throttle = throttle or Throttle()
        self._on_result = on_result or (lambda _: None)
        self.clock_offset: timedelta | None = None  # Convocore's clock less ours, if known

    @classmethod
    def from_url(
        cls,
        base_url: str,
        key: str,
        *,
        version: str,
        now: Callable[[], datetime],
        limits: Limits | None = None,
        throttle: Throttle | None = None,
        on_result: Callable[[str], None] | None = None,
    ) -> Self:
        """A client with a connection pool that `aclose` closes. Raises as `http_client`."""
        limits = limits or Limits()
        http = http_client(
            base_url,
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
                "User-Agent": f"convocore-mcp/{version}",
            },
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
        )
        return cls(http, now=now, limits=limits, throttle=throttle, on_result=on_result)

    async def aclose(self) -> None:
        """Close the connection pool made by `from_url`."""
        await self._http.aclose()

    async def conversations(
        self, agent_id: str, *, resume_token: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield an agent's conversations from the front of the list to its end, newest first.

        The first response shows which dialect the workspace uses. A row that nobody touches is in a
        page, or in two; a touched one may move to the front too late. Leave inside `aclosing`.

        With the `resume_token` of an earlier page, go on after that page, or start again at the
        front if this is impossible without a gap: the cursor expired, or rows moved.

        Raises:
            ApiError: a request failed for good; the pages already yielded stay valid.
        """
        refusals: list[frozenset[str]] = []
        while True:
            progress = ListProgress(cursors_are_positions=agent_id in self._position_cursors)
            try:
                paging = self._paginate(agent_id, progress, len(refusals), resume_token)
                async with aclosing(paging) as pages:
                    async for page in pages:
                        if resume_token is not None and not page.certain:
                            break  # there may be a gap between the earlier page and this one
                        yield page
                    else:
                        return
                resume_token = None
            except (BadRequestError, NotFoundError) as error:
                # A cursor expired, or a workspace of the cursor dialect refused page 2.
                if resume_token is None:
                    # Refused behind the same page again: the list ends here, perhaps certainly.
                    if progress.last_page in refusals:
                        yield Page((), certain=progress.had_room)
                        return
                    may_restart = isinstance(error, BadRequestError) and error.about_cursor
                    if not may_restart or len(refusals) == MAX_RESTARTS:
                        raise
                    refusals.append(progress.last_page)
                self._max_limits.pop(agent_id, None)
                resume_token = None
            finally:
                if progress.cursors_are_positions:
                    self._position_cursors.add(agent_id)

    async def _paginate(
        self, agent_id: str, progress: ListProgress, restarts: int, resume_token: str | None
    ) -> AsyncGenerator[Page, None]:
        max_limit = self._max_limits.get(agent_id)

        async def fetch_list(query: PageQuery) -> wire.UnparsedList:
            response = await self._fetch_list(agent_id, query)
            if max_limit and query.get("page") == 1 and response.next_cursor is not None:
                # The list was too short for a cursor when its dialect was noted.
                message = "Convocore sends a cursor where it sent none before."
                raise BadRequestError(message, about_cursor=True)
            return response

        fetch = partial(fetch_parsed, fetch_list)
        first = None if max_limit or resume_token else await fetch(FIRST_PAGE_QUERY)
        if resume_token is not None:
            paging = resume_pagination(fetch_list, resume_token, progress)
        elif first is not None and first.by_cursor:
            paging = paginate_by_cursor(fetch_list, first, progress, first_query=FIRST_PAGE_QUERY)
        elif first is not None and restarts:  # page numbers were refused, or a cursor expired
            paging = read_only_page(first, progress)
        else:
            plan = PageNumberPlan(max_limit) if max_limit else PageNumberPlan()
            if first is not None:
                yield await read_front_by_number(fetch, plan, first)
                self._max_limits[agent_id] = plan.max_limit
            paging = paginate_by_number(fetch, plan)
        async with aclosing(paging) as pages:
            async for page in pages:
                if not page.certain:
                    self._max_limits.pop(agent_id, None)  # the workspace's limit may have changed
                yield page

    async def first_page(self, agent_id: str) -> wire.ListResponse:
        """The front of an agent's list as one response; raises what `conversations` raises."""
        return (await self._fetch_list(agent_id, FIRST_PAGE_QUERY)).parse()

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation, with more fields than its list row; `None` if Convocore answers 404.

        A 404 does not prove that the conversation is gone: conversations made through the REST API
        answer 404 while the list shows them (docs/upstream.md, "The single conversation").

        Raises:
            BrokenRecordError: Convocore can't serve this record, but it serves others.
            ApiError: the request failed otherwise, or the response does not fit the model.
        """
        path = f"{_list_path(agent_id)}/{quote(conversation_id, safe='')}"
        try:
            parse = partial(wire.parse_single, sensitive=self._limits.sensitive)
            return await self._request(path, {}, lambda body, _: parse(body, agent_id))
        except NotFoundError:
            return None

    async def transcript(self, agent_id: str, conversation_id: str) -> Transcript | None:
        """What was said in one conversation; `None` if Convocore answers 404.

        Raises:
            ApiError: as of `conversation`; a `ForbiddenError` if the plan has no transcripts.
        """
        path = f"{_list_path(agent_id)}/{quote(conversation_id, safe='')}/export"
        try:
            parse = partial(parse_transcript, conversation_id=conversation_id)
            return await self._request(path, {"format": "json"}, parse)
        except NotFoundError:
            return None

    async def _fetch_list(self, agent_id: str, query: PageQuery) -> wire.UnparsedList:
        after_first = "cursor" in query or query.get("page", 1) != 1
        read = partial(
            wire.read_list, after_first_page=after_first, sensitive=self._limits.sensitive
        )
        return await self._request(
            _list_path(agent_id), query, lambda body, sent_at: read(body, agent_id, sent_at)
        )

    async def _request(
        self, path: str, query: PageQuery, parse: Callable[[bytes, datetime], T]
    ) -> T:
        # Each request is retried by itself. A retry of the whole list would start at the front.
        limits = self._limits
        waits = {"first_wait": limits.first_wait, "max_wait": limits.max_wait}
        backoff = Backoff(self.throttle.clock, deadline=limits.deadline, **waits)
        async for attempt in stamina.retry_context(
            on=backoff, attempts=limits.attempts, timeout=limits.deadline
        ):
            with attempt:
                async with self.throttle.slot(until=backoff.deadline), AsyncExitStack() as stack:
                    sent_at = self._now()
                    seconds = min(limits.total, backoff.remaining)
                    body = await self._send(path, query, seconds, stack)
                    if len(body) < wire.PARSE_IN_THREAD_FROM:
                        return parse(body, sent_at)
                    return await anyio.to_thread.run_sync(parse, body, sent_at)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _send(
        self, path: str, query: PageQuery, seconds: float, stack: AsyncExitStack
    ) -> bytes:
        """Send one attempt; returns the body of a 200. `stack` holds the lock for a large one."""
        try:
            with anyio.fail_after(seconds):
                async with self._http.stream("GET", path, params=query) as response:
                    try:
                        body = await self._read_body(response, stack)
                    except ApiError:
                        if response.status_code == 200:
                            raise
                        body = b""  # the status says what failed; the body only adds to it
        except (TimeoutError, httpx.TimeoutException):
            self._on_result("timeout")
            slow = "Convocore did not answer in time."
            raise UnavailableError(slow, hint="Try again in a minute.") from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self._on_result("unreachable")
            raise connection_error(error) from None
        self._on_result(str(response.status_code))
        self.clock_offset = clock_offset(response.headers, now=self._now()) or self.clock_offset
        if response.status_code != 200:
            headers = {name.lower(): value for name, value in response.headers.items()}
            raise error_from_response(response.status_code, headers, body, now=self._now())
        return body

    async def _read_body(self, response: httpx.Response, stack: AsyncExitStack) -> bytes:
        encoding = response.headers.get("content-encoding", "")
        body = ResponseBody(encoding, limit=self._limits.body)
        content = await body.read(response.aiter_raw(), self._large_body, stack)
        return without_key(content, self._key)


def _list_path(agent_id: str) -> str:
    return f"/agents/{quote(agent_id, safe='')}/convos"
