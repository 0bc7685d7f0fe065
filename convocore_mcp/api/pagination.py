"""The two ways through a list, by cursor and by page number, over a function that gets a page."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace

import anyio

from convocore_mcp.api.page_numbers import (
    EMPTY_TO_END,
    LARGEST_LIMIT,
    LIMIT,
    OVERLAP,
    REPEATS_TO_FAIL,
    Chain,
    PageNumberToken,
    Span,
    cap_of,
    holds_end,
    span_over,
)
from convocore_mcp.api.throttle import CONCURRENCY
from convocore_mcp.api.wire import Reply
from convocore_mcp.errors import BadRequestError, ContractError
from convocore_mcp.models import Page

Position = Mapping[str, str | int]
"""Query parameters that say which page is meant."""
Get = Callable[[Position], Awaitable[Reply]]
TRIES = 6
"""How often the place where two pages should join is read again, each time from further back."""


async def walk_by_cursor(get: Get, first: Reply) -> AsyncGenerator[Page, None]:
    """Follow the cursors from `first` to the end, one page ahead of whoever takes the pages.

    A short or even empty page is not the end: only a missing cursor is. Whoever takes no more than
    the first page costs no second request.

    Raises:
        ContractError: a cursor came a second time, so that the walk would never end.
    """
    seen: set[int] = set()  # hashes, for a list of a million rows has 50,000 cursors

    def follow(reply: Reply) -> asyncio.Future[Reply] | None:
        if reply.next_cursor is None:
            return None
        if hash(reply.next_cursor) in seen:
            raise ContractError(
                "Convocore's list goes in circles: a cursor came twice.", hint="Try again later."
            )
        seen.add(hash(reply.next_cursor))
        return asyncio.ensure_future(get({"limit": LIMIT, "cursor": reply.next_cursor}))

    def page(reply: Reply) -> Page:
        resume_token = json.dumps({"cursor": reply.next_cursor}) if reply.next_cursor else None
        # One that says nothing of cursors may be the last, or a mistake: that is no promise.
        return replace(reply.page, resume_token=resume_token, certain=reply.by_cursor)

    yield page(first)
    coming = follow(first)
    try:
        while coming is not None:
            reply = await coming
            coming = follow(reply)
            yield page(reply)
    finally:
        await _drop([coming] if coming else [])


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
        if first is not None:
            front = await _at_largest_limit(get) or first
            walk.begin(front)
            found(walk.cap)
            yield front.page
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                yield page
    finally:
        await walk.drop()


async def walk_on(get: Get, resume_token: str) -> AsyncGenerator[Page, None]:
    """Read on behind a page of an earlier walk; what does not join on to it is not certain.

    Raises:
        BadRequestError: the cursor has expired, or page numbers are refused.
    """
    if cursor := json.loads(resume_token).get("cursor"):
        following = walk_by_cursor(get, await get({"limit": LIMIT, "cursor": cursor}))
        async with aclosing(following) as pages:
            async for page in pages:
                yield page
        return
    here = PageNumberToken.read(resume_token)
    walk = _Numbered(get, here.cap)
    walk.go_on(here)
    try:
        async with aclosing(walk.pages()) as pages:
            async for page in pages:
                yield page
    finally:
        await walk.drop()


async def _at_largest_limit(get: Get) -> Reply | None:
    try:
        return await get({"page": 1, "limit": LARGEST_LIMIT})
    except BadRequestError as error:
        if error.speaks_of_cursor:
            raise
        return None


async def _drop(under_way: Collection[asyncio.Future[Reply]]) -> None:
    """Cancel requests whose answers nobody waits for, and see them end."""
    for coming in under_way:
        coming.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*under_way, return_exceptions=True)


class _Numbered:
    """One walk by page numbers: which spans are under way, and whether their pages join."""

    def __init__(self, get: Get, cap: int) -> None:
        self.cap = cap
        self._get = get
        self._chain = Chain()
        self._under_way: deque[tuple[Span, asyncio.Future[Reply]]] = deque()
        self._planned = 0  # the offset that the spans asked for so far reach
        self._ahead = 1  # how many spans may be under way
        self._last = 0  # about where the last row is that joins on
        self._ended = True  # whether that row is the last of the list
        self._vain = 0  # how often the end was looked for without finding any row

    def begin(self, front: Reply) -> None:
        """Take the front of the list as read already, and learn from it how much to ask for."""
        self.cap = cap_of(front.count)
        # 20 rows or fewer may be all that Convocore gives at a time, whatever it is asked for.
        self._take(Span(1, self.cap), front)

    def go_on(self, resume_token: PageNumberToken) -> None:
        """Take everything up to `place` as read already."""
        self._chain.add(resume_token.marks)
        self._planned = self._last = resume_token.offset
        self._ended = False

    def _place(self) -> str:
        return PageNumberToken(self._last, self.cap, self._chain.newest).written()

    async def drop(self) -> None:
        """Cancel what is under way."""
        under_way = [coming for _, coming in self._under_way]
        self._under_way.clear()
        await _drop(under_way)

    async def pages(self) -> AsyncGenerator[Page, None]:
        """Yield the pages in the order of the list."""
        empty, over = 0, False
        while not over:
            ahead = max(1, EMPTY_TO_END - empty) if empty else self._ahead
            span, reply = await self._next(ahead)
            if not reply.count:
                empty += 1
                if empty < EMPTY_TO_END or span.end < self._last + EMPTY_TO_END * self.cap:
                    continue
                pages, over = await self._at_end()
            elif self._chain.joins(reply.marks):
                pages = [reply.page]
                self._take(span, reply)
            else:
                pages = await (self._look_again if empty else self._bridge)(span, reply)
            for i, page in enumerate(pages, start=1):
                # Only behind the last one: a place promises that all before it was handed out.
                yield replace(page, resume_token=self._place()) if i == len(pages) else page
            empty = 0

    async def _at_end(self) -> tuple[list[Page], bool]:
        """Whether this is the end of the list, and what was read to find out."""
        if self._ended:
            return [], True
        found = await self._rejoin()
        self._vain += 1
        if found is None or self._vain > TRIES:
            return [Page((), certain=False)], True
        new = self._take(*found)
        if self._ended and not new:
            return [found[1].page], True
        await self._go_on_from(found[0])
        return [found[1].page], False

    async def _look_again(self, span: Span, reply: Reply) -> list[Page]:
        """After an empty page: all its rows may be hidden, or it was empty by mistake."""
        found = await self._rejoin()
        if found is not None and self._take(*found):
            await self._go_on_from(found[0])
            return [found[1].page]
        self._take(span, reply)
        return [reply.page]

    async def _bridge(self, span: Span, beyond: Reply) -> list[Page]:
        """Close the gap before a page that shares no row with what was read."""
        found = await self._rejoin()
        if found is None:
            self._take(span, beyond)
            return [replace(beyond.page, certain=False)]
        self._take(*found)
        if self._chain.joins(beyond.marks):
            self._take(span, beyond)
        else:
            await self._go_on_from(found[0])
        return [found[1].page, beyond.page]

    def _take(self, span: Span, reply: Reply) -> int:
        """Join a page on; returns how many of its rows are new."""
        new = self._chain.add(reply.marks)
        if self._chain.repeats >= REPEATS_TO_FAIL:
            raise ContractError(
                "Convocore's list goes in circles: page after page brings nothing new.",
                hint="Try again later.",
            )
        self._planned = max(self._planned, span.end)
        self._last, self._ended = span.start + reply.count, holds_end(span, reply.count)
        self._vain = 0 if new else self._vain
        return new

    async def _next(self, ahead: int) -> tuple[Span, Reply]:
        while len(self._under_way) < ahead:
            span = span_over(self._planned, cap=self.cap)
            self._planned = span.end
            self._under_way.append((span, asyncio.ensure_future(self._read(span))))
        self._ahead = min(2 * self._ahead, CONCURRENCY)
        span, coming = self._under_way.popleft()
        return span, await coming

    async def _read(self, span: Span) -> Reply:
        return await self._get({"page": span.page, "limit": span.limit})

    async def _rejoin(self) -> tuple[Span, Reply] | None:
        """Read from before the last row on, further back each time, until a page joins."""
        back = OVERLAP
        for _ in range(TRIES):
            span = span_over(self._last, cap=self.cap, overlap=back)
            reply = await self._read(span)
            if reply.count and self._chain.joins(reply.marks):
                return span, reply
            back *= 2  # more is gone than we went back
        return None

    async def _go_on_from(self, span: Span) -> None:
        """Ask for what comes behind this span; what is under way lies elsewhere by now."""
        await self.drop()
        self._planned, self._ahead = span.end, 1
