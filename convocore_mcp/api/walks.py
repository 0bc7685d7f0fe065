"""The two ways through a list, by cursor and by page number, over a function that gets a page."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from convocore_mcp.api.numbered import (
    EMPTY_TO_END,
    IDLE_TO_FAIL,
    LARGEST_LIMIT,
    LIMIT,
    OVERLAP,
    Chain,
    Span,
    cap_of,
    span_over,
)
from convocore_mcp.api.pace import CONCURRENCY
from convocore_mcp.errors import BadRequestError, ContractError
from convocore_mcp.models import Page

Position = Mapping[str, str | int]
"""Query parameters that say which page is meant."""
BRIDGES = 6
"""How many times a place between two pages is read again, each time from further back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its page, and where the next one is in the cursor dialect."""

    page: Page
    by_cursor: bool
    next_cursor: str | None

    @property
    def ids(self) -> list[str]:
        """What tells the rows apart, the unreadable ones too."""
        return [row.id for row in self.page.rows] + [bad.raw for bad in self.page.quarantined]


Get = Callable[[Position], Awaitable[Reply]]


async def walk_by_cursor(get: Get, first: Reply) -> AsyncGenerator[Page, None]:
    """Follow the cursors from `first` to the end, one page ahead of whoever takes the pages.

    A short or even empty page is not the end: only a missing cursor is.

    Raises:
        ContractError: a cursor came a second time, so that the walk would never end.
    """
    reply, seen = first, set[int]()
    while reply.next_cursor is not None:
        if hash(reply.next_cursor) in seen:
            raise ContractError(
                "Convocore's list goes in circles: a cursor came twice.", hint="Try again later."
            )
        seen.add(hash(reply.next_cursor))
        coming = asyncio.ensure_future(get({"limit": LIMIT, "cursor": reply.next_cursor}))
        try:
            yield reply.page
            reply = await coming
        finally:
            coming.cancel()
    yield reply.page


async def walk_by_number(
    get: Get, first: Reply | None, cap: int | None, *, found: Callable[[int], None]
) -> AsyncGenerator[Page, None]:
    """Read overlapping spans to the end, several at a time (see `numbered`).

    `first` is the answer to the default limit, if it has been asked for; `cap` the largest limit
    known to be honoured. Without a cap it is found out, and reported to `found`.

    Raises:
        BadRequestError: page numbers are refused.
        ContractError: page after page brings nothing new.
    """
    walk = _Numbered(get, cap or LIMIT)
    try:
        if cap is None:
            largest = await _at_largest_limit(get)
            walk.begin(largest or first)
            found(walk.cap)
            if reply := largest or first:
                yield reply.page
        async for page in walk.pages():
            yield page
    finally:
        walk.cancel()


async def _at_largest_limit(get: Get) -> Reply | None:
    try:
        return await get({"page": 1, "limit": LARGEST_LIMIT})
    except BadRequestError as error:
        if error.speaks_of_cursor:
            raise
        return None


class _Numbered:
    """One walk by page numbers: which spans are under way, and whether their pages join."""

    def __init__(self, get: Get, cap: int) -> None:
        self.cap = cap
        self._get = get
        self._chain = Chain()
        self._under_way: deque[tuple[Span, asyncio.Future[Reply]]] = deque()
        self._planned = 0  # the offset that the spans asked for so far reach
        self._joined = 0  # the offset up to which there is no gap

    def begin(self, front: Reply | None) -> None:
        """Take the front of the list as read already, and learn from it how much to ask for."""
        if front is not None:
            self.cap = cap_of(len(front.ids))
            self._chain.add(front.ids)
            self._planned = self._joined = self.cap if len(front.ids) > LIMIT else LIMIT

    def cancel(self) -> None:
        """Drop the requests whose answers nobody waits for."""
        for _, coming in self._under_way:
            coming.cancel()

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield the pages in the order of the list."""
        empty = idle = 0
        ahead = 1
        while empty < EMPTY_TO_END:
            self._ask(EMPTY_TO_END - empty if empty else ahead)
            span, coming = self._under_way.popleft()
            reply = await coming
            if not reply.ids:
                empty += 1
                continue
            if not self._chain.joins(reply.ids):
                async for page in self._bridge(reply):
                    yield page
            idle = 0 if self._chain.add(reply.ids) else idle + 1
            if idle == IDLE_TO_FAIL:
                raise ContractError(
                    "Convocore's list goes in circles: page after page brings nothing new.",
                    hint="Try again later.",
                )
            self._joined = max(self._joined, span.end)
            empty, ahead = 0, min(2 * ahead, CONCURRENCY)
            yield reply.page

    def _ask(self, ahead: int) -> None:
        while len(self._under_way) < ahead:
            span = span_over(self._planned, cap=self.cap)
            self._planned = span.end
            self._under_way.append((span, asyncio.ensure_future(self._read(span))))

    async def _read(self, span: Span) -> Reply:
        return await self._get({"page": span.page, "limit": span.limit})

    async def _bridge(self, beyond: Reply) -> AsyncGenerator[Page, None]:
        """Read again what may lie between the rows so far and `beyond`, which shares none of them.

        Back until a page joins what was read, then forward until one joins `beyond`.
        """
        wanted, back = set(beyond.ids), self.cap // 2
        for _ in range(BRIDGES):
            span = span_over(self._joined, cap=self.cap, overlap=back)
            reply = await self._read(span)
            if reply.ids and not self._chain.joins(reply.ids):
                back *= 2  # more is gone than we went back
                continue
            self._chain.add(reply.ids)
            self._joined, back = span.end, OVERLAP
            yield reply.page
            if not wanted.isdisjoint(reply.ids):
                return
        yield Page((), certain=False)
