"""Reads a list by page numbers where pages cannot be made to overlap.

Some workspaces ignore `limit`, cap it below the default, or refuse other limits than the default.
There, page numbers are only good with one constant limit, and neighbouring pages share no row. To
miss no row when others are deleted, **a page is read again after the next one**: a row that slipped
forward from the next page in between stands on it now.
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from convocore_mcp.api.page_numbers import DEFAULT_LIMIT
from convocore_mcp.api.paging.list_progress import ListProgress
from convocore_mcp.api.wire import ListResponse
from convocore_mcp.models import Page

FRUITLESS_PAGES_TO_END = 3
"""Consecutive pages that are empty, refused or bring nothing new."""

FetchPageNumber = Callable[[int, int], Awaitable[ListResponse]]
"""Fetches a page by its number and limit; a refused page counts as empty."""


async def paginate_constant_pages(
    fetch: FetchPageNumber, progress: ListProgress, *, last_page: int = 0
) -> AsyncGenerator[Page, None]:
    """Yield the pages after `last_page`, always with the default limit.

    `progress` knows the pages up to there. The end of the list is not certain if the pages
    stopped bringing anything although the last one was full.
    """
    number, fruitless, empty = last_page, 0, 0
    while fruitless < FRUITLESS_PAGES_TO_END:
        number += 1
        response = await fetch(number, DEFAULT_LIMIT)
        new = progress.add(response)
        if progress.idle_pages or not response.row_count:
            fruitless, empty = fruitless + 1, empty + (not response.row_count)
        else:
            fruitless, empty, last_page = 0, 0, number
        if number > 1 and new and new == response.row_count:  # no row shared with those before
            before = await fetch(number - 1, DEFAULT_LIMIT)
            if progress.add(before):
                yield before.page
        if new:
            yield _with_token(response, number)
        if new and response.has_more is False:
            return
    again = await fetch(max(1, last_page), DEFAULT_LIMIT)  # a row after it may have slipped forward
    new = progress.add(again)
    # Empty pages are the documented end of the list, if page numbers are known to be honoured.
    is_numbered = last_page > 1 or again.row_count < DEFAULT_LIMIT
    ended = is_numbered and empty == FRUITLESS_PAGES_TO_END
    yield replace(again.page, certain=not new and (progress.had_room or ended))


async def resume_constant_pages(
    fetch: FetchPageNumber, resume_token: str
) -> AsyncGenerator[Page, None]:
    """Go on after the page that carried `resume_token`; uncertain if its rows have moved."""
    token = json.loads(resume_token)
    again = await fetch(token["constant_page"], DEFAULT_LIMIT)
    progress = ListProgress()
    progress.add(again)
    overlaps = not again.row_digests.isdisjoint(token["fingerprints"])
    yield replace(again.page, certain=overlaps)
    rest = paginate_constant_pages(fetch, progress, last_page=token["constant_page"])
    async with aclosing(rest) as pages:
        async for page in pages:
            yield page


def _with_token(response: ListResponse, number: int) -> Page:
    token = {"constant_page": number, "fingerprints": sorted(response.row_digests)}
    return replace(response.page, resume_token=json.dumps(token, separators=(",", ":")))
