"""Reads a list page by page, by cursor or by page number, over a function that fetches one page.

Reading by page number is decided in `page_number_plan`; only the requests are sent here.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

import anyio

from convocore_mcp.api.page_number_plan import PageNumberPlan
from convocore_mcp.api.page_numbers import DEFAULT_LIMIT, MAX_LIMIT, PageNumberToken, Span
from convocore_mcp.api.paging.constant_pages import paginate_constant_pages, resume_constant_pages
from convocore_mcp.api.paging.list_progress import ListProgress
from convocore_mcp.api.paging.plan_steps import ReadNow
from convocore_mcp.api.paging.position_cursors import PreviousPage
from convocore_mcp.api.wire import REFUSED_PAGE, ListResponse, UnparsedList
from convocore_mcp.errors import BadRequestError, ContractError, NotFoundError
from convocore_mcp.models import Page

T = TypeVar("T")
PageQuery = Mapping[str, str | int]
"""The query parameters that select a page."""
FIRST_PAGE_QUERY: PageQuery = {"limit": DEFAULT_LIMIT}
FetchPage = Callable[[PageQuery], Awaitable[ListResponse]]
FetchList = Callable[[PageQuery], Coroutine[None, None, UnparsedList]]
"""Fetches a page without parsing its rows."""

PAGES_BEFORE_PREFETCH = 3
"""An incremental sync mostly takes two pages, so the third is requested only when it is wanted."""
MAX_LOOP_TURNS_TO_SEND = 8
"""Turns of the event loop that a request may take to be sent; over an open connection 3 do."""


async def paginate_by_cursor(
    fetch: FetchList, first: ListResponse, progress: ListProgress, *, first_query: PageQuery
) -> AsyncGenerator[Page, None]:
    """Follow the cursors from `first`, which `first_query` selects, to the end.

    One page is prefetched.

    A page is handed out before its cursor is followed, unless the list surely goes on: then the
    next page is on its way while the rows of this one are parsed. A short or even an empty page is
    not the end: a missing cursor is, or several pages that bring nothing new, or a refusal.
    `list_progress` explains when the end is certain. A caller that takes only the first two pages
    causes no third request.

    Raises:
        BadRequestError: a cursor has expired.
    """

    def prefetch_next(page: UnparsedList | ListResponse) -> asyncio.Future[UnparsedList] | None:
        return None if page.next_cursor is None else asyncio.ensure_future(fetch(_next_query(page)))

    response, pages = first, 1
    progress.add(response)
    progress.compare_with_previous_page(response)
    previous_page = PreviousPage(fetch, first_query, progress)
    yield _page_by_cursor(response, progress)
    prefetched = prefetch_next(response)
    try:
        while prefetched is not None:
            received = await _receive_next(response, prefetched, fetch)
            if received is None:
                if not progress.had_room and response.has_more is not False:
                    yield Page((), certain=False)
                return
            before, pages = response, pages + 1
            # A cursor on a last page is followed all the same: the page may be wrong about the end.
            was_last = received.has_more is False
            prefetches = pages >= PAGES_BEFORE_PREFETCH
            continues = prefetches and not was_last and not progress.may_be_exhausted
            prefetched = prefetch_next(received) if continues else None
            if prefetched is not None:
                await _wait_until_sent(prefetched)
            response = await _reread_if_suspicious(received.parse(), before, progress, fetch)
            if again := await previous_page.read_again(response, _next_query(before)):
                yield again
            was_last = response.has_more is False
            if prefetched is not None and response.next_cursor != received.next_cursor:
                await _cancel([prefetched])
                prefetched = prefetch_next(response)
            stop = progress.exhausted or (was_last and not progress.new_on_page)
            if prefetches and not continues and not stop:
                prefetched = prefetch_next(response)
            yield _page_by_cursor(response, progress, certain=was_last if stop else None)
            if not prefetches and not stop:
                prefetched = prefetch_next(response)
    finally:
        await _cancel([prefetched] if prefetched else [])


async def read_only_page(first: ListResponse, progress: ListProgress) -> AsyncGenerator[Page, None]:
    """The one page of a list without a cursor, where page numbers are refused.

    Raises:
        ContractError: the list goes on after it, or may do so.
    """
    progress.add(first)
    yield _page_by_cursor(first, progress)
    if first.has_more or first.row_count >= DEFAULT_LIMIT:
        raise ContractError("Convocore refuses page numbers and sends no cursor.")


async def _receive_next(
    before: ListResponse, prefetched: Awaitable[UnparsedList], fetch: FetchList
) -> UnparsedList | None:
    """The page after `before`; `None` if it is refused because the list has ended."""
    try:
        received = await prefetched
        if received.by_cursor:
            return received
        # Is this the end, or was the cursor lost? Ask again.
        return await fetch(_next_query(before))
    except (BadRequestError, NotFoundError) as error:
        # After a page that says it is the last, any refusal is the end.
        expired = isinstance(error, BadRequestError) and error.about_cursor
        if expired and before.has_more is not False:
            raise
        return None


async def _reread_if_suspicious(
    response: ListResponse, before: ListResponse, progress: ListProgress, fetch: FetchList
) -> ListResponse:
    """Count the page after `before`, and read it again if it may be a mistake.

    It may be one if it brings nothing new, although `before` said that the list goes on: a cache
    may have answered with another page, or a failing server with no rows.
    """
    progress.add(response)
    if before.has_more is False or not progress.may_be_a_mistake:
        return response
    try:
        again = (await fetch(_next_query(before))).parse()
    except (BadRequestError, NotFoundError):
        return response  # the cursor is good for one request only
    return again if progress.add_again(again) else response


async def _wait_until_sent(request: asyncio.Future[UnparsedList]) -> None:
    """Run the event loop until `request` has been sent, unless something holds it up."""
    for _ in range(MAX_LOOP_TURNS_TO_SEND):
        if request.done():
            return
        await asyncio.sleep(0)


def _next_query(page: UnparsedList | ListResponse) -> PageQuery:
    """The query parameters that select the page after this one."""
    return {"limit": DEFAULT_LIMIT, "cursor": page.next_cursor or ""}


def _page_by_cursor(
    response: ListResponse, progress: ListProgress, *, certain: bool | None = None
) -> Page:
    cursor = response.next_cursor
    token = json.dumps({"cursor": cursor}) if cursor else None
    # A page without any cursor field may be the last one or a mistake, unless the list is empty.
    had_room = progress.had_room or not progress.rows
    certain = (response.by_cursor if certain is None else certain) or had_room
    return replace(
        response.page, resume_token=token, certain=certain and not progress.may_lack_rows
    )


async def read_front_by_number(fetch: FetchPage, plan: PageNumberPlan, first: ListResponse) -> Page:
    """Read the front of the list again with the largest limit, so that `plan` learns the limit.

    A workspace may refuse the largest limit, or may have ignored the default one. Then `first`,
    with the default limit, is the front.

    Raises:
        BadRequestError: page numbers are refused.
    """
    front, limit = first, DEFAULT_LIMIT
    if first.row_count <= DEFAULT_LIMIT:
        try:
            front = await fetch({"page": 1, "limit": MAX_LIMIT})
            limit = MAX_LIMIT
        except NotFoundError:
            pass
        except BadRequestError as error:
            if error.about_cursor:
                raise
    plan.start_with(front, limit=limit)
    return front.page


async def paginate_by_number(fetch: FetchPage, plan: PageNumberPlan) -> AsyncGenerator[Page, None]:
    """Read spans that overlap, as `plan` decides; where they cannot, pages of one constant size.

    Raises:
        BadRequestError: page numbers are refused.
    """
    async with aclosing(_paginate_spans(fetch, plan)) as pages:
        async for page in pages:
            yield page
    if plan.needs_constant_limit:
        rest = paginate_constant_pages(partial(fetch_or_empty, fetch), ListProgress())
        async with aclosing(rest) as pages:
            async for page in pages:
                yield page


async def _paginate_spans(fetch: FetchPage, plan: PageNumberPlan) -> AsyncGenerator[Page, None]:
    async def read(span: Span) -> ListResponse:
        if not plan.has_read_front:
            return await fetch({"page": span.page, "limit": span.limit})
        return await fetch_or_empty(fetch, span.page, span.limit)

    under_way: deque[tuple[Span, asyncio.Future[ListResponse]]] = deque()

    async def cancel_prefetched() -> None:
        futures = [future for _, future in under_way]
        under_way.clear()
        await _cancel(futures)

    try:
        while not plan.ended:
            request = plan.next_request(len(under_way))
            if isinstance(request, ReadNow):
                span, response = request.span, await read(request.span)
            else:
                for span in request.spans:
                    under_way.append((span, asyncio.ensure_future(read(span))))
                span, future = under_way.popleft()
                response = await future
            outcome = plan.receive(span, response)
            if outcome.cancel_prefetched:
                await cancel_prefetched()
            for page in outcome.pages:
                yield page
    finally:
        await cancel_prefetched()


async def fetch_parsed(fetch_list: FetchList, query: PageQuery) -> ListResponse:
    """A page with its rows as models."""
    return (await fetch_list(query)).parse()


async def fetch_or_empty(fetch: FetchPage, number: int, limit: int) -> ListResponse:
    """Fetch a page after one that was read; a refusal counts as an empty page.

    Raises:
        BadRequestError: page numbers are refused.
    """
    try:
        return await fetch({"page": number, "limit": limit})
    except NotFoundError:
        return REFUSED_PAGE
    except BadRequestError as error:
        if error.about_cursor:
            raise
        return REFUSED_PAGE


async def resume_pagination(
    fetch_list: FetchList, resume_token: str, progress: ListProgress
) -> AsyncGenerator[Page, None]:
    """Go on after the page that carried `resume_token`.

    A page that does not overlap what was read before is not certain.

    Raises:
        BadRequestError: the cursor has expired, or page numbers are refused.
    """
    token = json.loads(resume_token)
    fetch = partial(fetch_parsed, fetch_list)
    if cursor := token.get("cursor"):
        query: PageQuery = {"limit": DEFAULT_LIMIT, "cursor": cursor}
        first = await fetch(query)
        rest = paginate_by_cursor(fetch_list, first, progress, first_query=query)
    elif "constant_page" in token:
        rest = resume_constant_pages(partial(fetch_or_empty, fetch), resume_token)
    else:
        plan = PageNumberPlan.resume(PageNumberToken.from_text(resume_token))
        rest = paginate_by_number(fetch, plan)
    async with aclosing(rest) as pages:
        async for page in pages:
            yield page


async def _cancel(futures: Collection[asyncio.Future[T]]) -> None:
    """Cancel requests whose responses nobody waits for, and wait until they have ended."""
    for future in futures:
        future.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*futures, return_exceptions=True)
