"""Reads a list page by page, by cursor or by page number, over a function that fetches one page.

Reading by page number is decided in `page_number_plan`; only the requests are sent here.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace

import anyio

from convocore_mcp.api.page_number_plan import PageNumberPlan, ReadNow
from convocore_mcp.api.page_numbers import LARGEST_LIMIT, LIMIT, PageNumberToken, Span
from convocore_mcp.api.wire import ListResponse
from convocore_mcp.errors import BadRequestError, ContractError
from convocore_mcp.models import Page

PageQuery = Mapping[str, str | int]
"""The query parameters that select a page."""
FetchPage = Callable[[PageQuery], Awaitable[ListResponse]]

PAGES_BEFORE_PREFETCH = 3
"""An incremental sync mostly takes two pages, so the third is requested only when it is wanted."""


async def paginate_by_cursor(fetch: FetchPage, first: ListResponse) -> AsyncGenerator[Page, None]:
    """Follow the cursors from `first` to the end; one page is prefetched.

    A short or even an empty page is not the end: only a missing cursor is. A caller that takes only
    the first two pages causes no third request.

    Raises:
        ContractError: a cursor came a second time, so that the list would never end.
    """
    seen: set[int] = set()  # hashes, because a list of a million rows has 50,000 cursors

    def prefetch_next(response: ListResponse) -> asyncio.Future[ListResponse] | None:
        if response.next_cursor is None:
            return None
        if hash(response.next_cursor) in seen:
            raise ContractError(
                "Convocore's list goes in circles: a cursor came twice.", hint="Try again later."
            )
        seen.add(hash(response.next_cursor))
        return asyncio.ensure_future(fetch({"limit": LIMIT, "cursor": response.next_cursor}))

    yield _page_by_cursor(first)
    prefetched, pages = prefetch_next(first), 1
    try:
        while prefetched is not None:
            response, pages = await prefetched, pages + 1
            prefetched = prefetch_next(response) if pages >= PAGES_BEFORE_PREFETCH else None
            yield _page_by_cursor(response)
            if pages < PAGES_BEFORE_PREFETCH:
                prefetched = prefetch_next(response)
    finally:
        await _cancel([prefetched] if prefetched else [])


def _page_by_cursor(response: ListResponse) -> Page:
    cursor = response.next_cursor
    token = json.dumps({"cursor": cursor}) if cursor else None
    # A page without any cursor field may be the last one or a mistake: the end is not certain.
    return replace(response.page, resume_token=token, certain=response.by_cursor)


async def read_front_by_number(fetch: FetchPage, plan: PageNumberPlan, first: ListResponse) -> Page:
    """Read the front of the list again with the largest limit, so that `plan` learns the limit.

    A workspace may refuse the largest limit. Then `first`, with the default limit, is the front.

    Raises:
        BadRequestError: page numbers are refused.
    """
    try:
        front = await fetch({"page": 1, "limit": LARGEST_LIMIT})
    except BadRequestError as error:
        if error.speaks_of_cursor:
            raise
        front = first
    plan.start_with(front)
    return front.page


async def paginate_by_number(fetch: FetchPage, plan: PageNumberPlan) -> AsyncGenerator[Page, None]:
    """Send the requests that `plan` decides on, and yield the pages that it hands out.

    Raises:
        BadRequestError: page numbers are refused.
        ContractError: page after page brings nothing new.
    """

    async def read(span: Span) -> ListResponse:
        return await fetch({"page": span.page, "limit": span.limit})

    under_way: deque[tuple[Span, asyncio.Future[ListResponse]]] = deque()

    async def cancel_prefetched() -> None:
        futures = [future for _, future in under_way]
        under_way.clear()
        await _cancel(futures)

    try:
        while not plan.ended:
            request = plan.next_request(len(under_way))
            if isinstance(request, ReadNow):
                accepted = plan.receive(request.span, await read(request.span))
            else:
                for span in request.spans:
                    under_way.append((span, asyncio.ensure_future(read(span))))
                span, future = under_way.popleft()
                accepted = plan.receive(span, await future)
            if accepted.cancel_prefetched:
                await cancel_prefetched()
            for page in accepted.pages:
                yield page
    finally:
        await cancel_prefetched()


async def resume_pagination(fetch: FetchPage, resume_token: str) -> AsyncGenerator[Page, None]:
    """Go on behind the page that carried `resume_token`.

    A page that does not overlap what was read before is not certain.

    Raises:
        BadRequestError: the cursor has expired, or page numbers are refused.
    """
    if cursor := json.loads(resume_token).get("cursor"):
        rest = paginate_by_cursor(fetch, await fetch({"limit": LIMIT, "cursor": cursor}))
    else:
        plan = PageNumberPlan.resume(PageNumberToken.from_text(resume_token))
        rest = paginate_by_number(fetch, plan)
    async with aclosing(rest) as pages:
        async for page in pages:
            yield page


async def _cancel(futures: Collection[asyncio.Future[ListResponse]]) -> None:
    """Cancel requests whose responses nobody waits for, and wait until they have ended."""
    for future in futures:
        future.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*futures, return_exceptions=True)
