"""Decides how to read a list by page numbers: what to request next, what each response means.

Everything here is pure. `pagination` executes the decisions: it asks the plan what to request,
sends the request, gives the plan the response, and yields the pages that the plan hands out.
`page_numbers` explains why pages must overlap.

Spans are read in the order of the list, several at a time. Three responses need more:

- **A page that overlaps nothing** has a gap before it. The plan searches for a page that closes the
  gap: it starts before the last row that was read, and further back each time.
- **A page that overlaps nothing and follows an empty page** may have no gap before it: Convocore's
  filter can hide all rows of a page. The same search shows whether the empty page lacked rows.
- **Several empty pages** are the end of the list if the last page with rows had room left.
  Otherwise the plan searches for the last rows again, on a page with room after them. A refused
  page counts as an empty one.

**Several pages that bring hardly anything new** are the end: Convocore ignores the page number,
or answers with the last page or the front again. But a limit that was lowered while the list was
read makes all page numbers mean earlier rows. So the front is read again first: it has fewer rows
if the limit was lowered. The end is certain if the last page that brought something had room left,
or if a page over the last rows has. Where pages show that another limit was in force than the one
that was asked for, they cannot be made to overlap: `needs_constant_limit` says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from convocore_mcp.api.page_numbers import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    OVERLAP,
    PageNumberToken,
    RecentRows,
    Span,
    holds_end,
    max_limit_shown_by,
    span_over,
)
from convocore_mcp.api.paging.list_progress import IDLE_PAGES_TO_END, SeenRows
from convocore_mcp.api.paging.plan_steps import Outcome, Prefetch, ReadNow
from convocore_mcp.api.parsing.response_body import EXCLUSIVE_BODY_BYTES
from convocore_mcp.api.throttle import CONCURRENCY
from convocore_mcp.api.wire import REFUSED_PAGE, ListResponse
from convocore_mcp.models import Page

EMPTY_PAGES_TO_END = 3
"""Consecutive empty pages of full size that are the end; hidden rows never empty so many."""
MAX_SEARCH_REQUESTS = 6
"""Requests of one search for an overlapping page; each starts further back than the one before."""
MAX_END_CHECKS = 6
"""Searches for the last rows, one after another, that bring no new row."""


@dataclass(frozen=True, slots=True)
class _Received:
    span: Span
    response: ListResponse

    @property
    def page(self) -> Page:
        return self.response.page


@dataclass(slots=True)
class _Search:
    """Looking for a page that overlaps what was read, each time from further back."""

    finish: Callable[[_Received | None], Outcome]
    """Gets the page that was found, or `None`."""
    offset: int
    """The offset of the last row that was read, as far as it is known."""
    overlap: int = OVERLAP
    requests: int = 0


class PageNumberPlan:
    """The state of reading one list by page numbers."""

    def __init__(self, max_limit: int = DEFAULT_LIMIT) -> None:
        self.max_limit = max_limit
        """The largest limit that the workspace honours."""
        self.ended = False
        """Whether there is nothing left to request."""
        self._recent = RecentRows()
        self._requested_until = 0  # the offset after the last span that was requested
        self._prefetch_size = 1  # how many requests may be under way
        self._max_prefetch = CONCURRENCY
        self._last_offset = 0  # roughly the offset of the last accepted row
        self._at_end = True  # whether the last accepted page held the end of the list
        self._short_pages_mislead = False  # whether rows came after a page that held the end
        self._empty_pages = 0  # consecutive ones
        self._end_checks = 0  # consecutive ones that brought no new row
        self._search: _Search | None = None
        self.has_read_front = False
        """Whether the front was read, so that a refusal is no longer about the whole list."""
        self._seen = SeenRows()
        self._shown = 0  # how many different rows
        self._idle_pages = 0  # consecutive ones, of whose rows hardly any was new
        self._checks_limit = False  # whether the front is read again, after idle pages
        self._pages = 0  # with rows that were new
        self._had_room = True  # whether the last of them held the end of the list
        self.needs_constant_limit = False
        """Whether pages do not overlap because the workspace does not honour the limit."""

    @classmethod
    def resume(cls, token: PageNumberToken) -> Self:
        """A plan that counts everything up to `token` as read."""
        plan = cls(token.max_limit)
        plan._recent.add(token.row_digests)
        plan._requested_until = plan._last_offset = token.offset
        plan._at_end = plan._had_room = False
        plan._pages = 2  # not only the front
        plan.has_read_front = True
        return plan

    def start_with(self, front: ListResponse, *, limit: int = MAX_LIMIT) -> None:
        """Count the front of the list as read, and learn from its size which limit is honoured.

        The front was requested with `limit`.
        """
        self.max_limit = max_limit_shown_by(front.row_count)
        if front.row_count > limit:
            self._give_up()
        # With 20 rows or fewer, the workspace may cap the limit at 20, whatever was requested.
        self._accept(_Received(Span(1, self.max_limit), front))
        self.has_read_front = True

    def next_request(self, under_way: int) -> Prefetch | ReadNow:
        """What to request next, while `under_way` prefetched requests have no response yet."""
        if self._checks_limit:
            return ReadNow(Span(1, self.max_limit))
        if self._search is not None:
            return ReadNow(self._span_over(self._search.offset, self._search.overlap))
        size = min(self._prefetch_size, self._max_prefetch)
        if self._empty_pages or (self._at_end and not self._short_pages_mislead):
            # The end is near: request no more than it takes to see it.
            size = min(size, max(1, EMPTY_PAGES_TO_END - self._empty_pages))
        spans = []
        for _ in range(size - under_way):
            spans.append(self._span_over(self._requested_until))
            self._requested_until = spans[-1].end
        self._prefetch_size = min(2 * self._prefetch_size, CONCURRENCY)
        return Prefetch(spans)

    def receive(self, span: Span, response: ListResponse) -> Outcome:
        """Take in the response to the request for `span`."""
        received, self.has_read_front = _Received(span, response), True
        if response.row_count > span.limit:  # every page has its own size, whatever is asked for
            self._give_up()
            return Outcome((response.page,), cancel_prefetched=True)
        if self._checks_limit or self._search is not None:
            return self._continue_search(self._search, received)
        if response is REFUSED_PAGE and self._pages == 1 and not self._at_end:
            self._give_up()  # perhaps only this limit is refused
            return Outcome(cancel_prefetched=True)
        if not response.row_count:
            return self._receive_empty(span)
        if self._recent.overlap_with(response.row_digests):
            return self._receive_joined(received)
        finish = self._after_empty_page if self._empty_pages else self._close_gap
        self._search = _Search(partial(finish, received), self._last_offset)
        return Outcome()

    def _receive_joined(self, received: _Received) -> Outcome:
        known = self._shown
        self._accept(received)
        is_idle = self._shown - known <= received.response.row_count // 4
        self._idle_pages = self._idle_pages + 1 if is_idle else 0
        if self._idle_pages < IDLE_PAGES_TO_END:
            return self._hand_out(received.page)
        if self._had_room and self._pages == 1:
            self.ended = True
            return self._hand_out(received.page)
        self._checks_limit = True
        return Outcome((received.page,), cancel_prefetched=True)

    def _check_limit(self, front: ListResponse) -> Outcome:
        """Decide by the front, read again, whether idle pages are the end or smaller than asked."""
        self._checks_limit = False
        expected = min(self.max_limit, self._shown)
        if front.row_count < expected - expected // 5:
            self._give_up()
            return Outcome((front.page,))
        if self._had_room:
            self.ended = True
            return self._hand_out(front.page)
        # The numbers of these pages may be wrong, but the number of rows shows where the end is.
        self._search = _Search(self._check_last_rows, self._shown)
        return Outcome((front.page,))

    def _receive_empty(self, span: Span) -> Outcome:
        self._empty_pages += 1
        far_enough = self._last_offset + EMPTY_PAGES_TO_END * self.max_limit
        if self._empty_pages >= EMPTY_PAGES_TO_END and span.end >= far_enough:
            if self._at_end:
                self.ended = True
            else:
                self._search = _Search(self._check_end, self._last_offset)
        return Outcome()

    def _continue_search(self, search: _Search | None, received: _Received) -> Outcome:
        if search is None:
            return self._check_limit(received.response)
        search.requests += 1
        response = received.response
        found = response.row_count and self._recent.overlap_with(response.row_digests)
        if not found and search.requests < MAX_SEARCH_REQUESTS:
            search.overlap *= 2  # more rows were deleted than this request went back
            return Outcome()
        self._search = None
        return search.finish(received if found else None)

    def _close_gap(self, beyond: _Received, found: _Received | None) -> Outcome:
        """Hand out the page `beyond` a gap, and before it the page that closes the gap, if any."""
        if self._pages == 1 and (
            found is None or found.response.row_digests <= self._recent.last_page
        ):
            # Nothing after the front can be joined to it: the pages may have another size.
            self._give_up()
            return Outcome((beyond.page,), cancel_prefetched=True)
        if found is None:
            self._accept(beyond)
            return self._hand_out(replace(beyond.page, certain=False))
        self._accept(found)
        closed = self._recent.overlap_with(beyond.response.row_digests)
        if closed:
            self._accept(beyond)
        return self._hand_out(
            found.page, beyond.page, continue_after=None if closed else found.span
        )

    def _after_empty_page(self, beyond: _Received, found: _Received | None) -> Outcome:
        """Hand out the page with the rows that an empty page lacked; `beyond` if it lacked none."""
        if found is not None and self._accept(found):
            return self._hand_out(found.page, continue_after=found.span)
        self._accept(beyond)
        return self._hand_out(beyond.page)

    def _check_end(self, found: _Received | None) -> Outcome:
        """Decide whether `found`, which holds the last rows again, is the end of the list."""
        self._end_checks += 1
        if found is None and self._pages == 1:  # the front was full, and nothing comes after it
            self._give_up()
            return Outcome()
        if found is None or self._end_checks > MAX_END_CHECKS:
            self.ended = True
            return self._hand_out(Page((), certain=False))
        new = self._accept(found)
        if new or not self._at_end:
            if not new and self._pages == 1:  # the limit may be ignored, so no page shows room
                self._give_up()
            return self._hand_out(found.page, continue_after=found.span)
        self.ended = True
        return self._hand_out(found.page)

    def _check_last_rows(self, found: _Received | None) -> Outcome:
        """Decide whether the list ends with the rows that were read, after idle pages."""
        self.ended = True
        if found is None:
            return self._hand_out(Page((), certain=False))
        self._accept(found)
        return self._hand_out(replace(found.page, certain=self._at_end))

    def _accept(self, received: _Received) -> int:
        """Add a page to what was read; returns how many of its rows are new."""
        if received.response.size >= EXCLUSIVE_BODY_BYTES:
            self._max_prefetch = 1  # several such pages at a time would fill the memory
        new = self._recent.add(received.response.row_digests)
        self._shown += sum(map(self._seen.add, received.response.row_digests))
        self._short_pages_mislead |= bool(new and self._at_end and self._pages)
        self._requested_until = max(self._requested_until, received.span.end)
        self._last_offset = received.span.start + received.response.row_count
        self._at_end = holds_end(received.span, received.response.row_count)
        if new:
            self._end_checks = 0
            self._pages += 1
            self._had_room = self._at_end
        return new

    def _give_up(self) -> None:
        self.ended = self.needs_constant_limit = True

    def _hand_out(self, *pages: Page, continue_after: Span | None = None) -> Outcome:
        """Hand out `pages`; next, request the rows after `continue_after` if it is given."""
        self._empty_pages = 0
        if continue_after is not None:
            self._requested_until, self._prefetch_size = continue_after.end, 1
        token = PageNumberToken(self._last_offset, self.max_limit, self._recent.last_page)
        # A token promises that every row before it was handed out: only the last page has one.
        last = replace(pages[-1], resume_token=token.to_text())
        return Outcome((*pages[:-1], last), cancel_prefetched=continue_after is not None)

    def _span_over(self, offset: int, overlap: int = OVERLAP) -> Span:
        return span_over(offset, max_limit=self.max_limit, overlap=overlap)
