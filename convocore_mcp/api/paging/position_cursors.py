"""Cursors that are positions in the list, like an offset, and not the place of a row.

A row that is deleted while the list is read moves all rows after it one place forward, so a row can
slip from a page that was not read yet onto one that was. To miss none, **a page is read again after
the next one**, as in `constant_pages`. Most cursors name a row; then no page is read again.
"""

from collections.abc import Awaitable, Callable, Mapping

from convocore_mcp.api.paging.list_progress import ListProgress
from convocore_mcp.api.wire import ListResponse, UnparsedList
from convocore_mcp.errors import BadRequestError, NotFoundError
from convocore_mcp.models import Page


class PreviousPage:
    """The page before the one that was read last."""

    def __init__(
        self,
        fetch: Callable[[Mapping[str, str | int]], Awaitable[UnparsedList]],
        first_query: Mapping[str, str | int],
        progress: ListProgress,
    ) -> None:
        """`first_query` selects the first page, which `progress` has counted."""
        self._fetch = fetch
        self._query = first_query
        self._progress = progress

    async def read_again(
        self, response: ListResponse, query: Mapping[str, str | int]
    ) -> Page | None:
        """The page before `response`, which `query` selects, where rows may have moved onto it."""
        before, self._query = self._query, query
        self._progress.compare_with_previous_page(response)
        if not self._progress.cursors_are_positions:
            return None
        try:
            return (await self._fetch(before)).parse().page
        except (BadRequestError, NotFoundError):
            self._progress.may_lack_rows = True  # its cursor is good for one request only
            return None
