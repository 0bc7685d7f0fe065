"""Page numbers and row offsets on a list that changes while it is read.

Between two requests rows are added at the front, move to the front, or are deleted. A deletion
moves every row after it one place forward, so a row can slip from a page that was not read yet
onto a page that was. A page number alone cannot show that. Therefore the requested spans overlap by
a few rows. Page numbers allow this if the limit varies: `page=2&limit=98` begins at row 98.

**Two responses that share an unchanged row have no gap between them.** Rows that nobody touches
keep their order, and each response is a run of consecutive rows. Two runs that share an unchanged
row form one run, whichever was read first; so several spans can be read at a time.

**A page that overlaps and is not full holds the end of the list**, because no row can stand after
it. A page beyond the end proves nothing: deletions may have moved the last rows forward.

A row that was touched is now at the front, and the incremental sync finds it there. One case stays
hidden: if Convocore's own filter hides more consecutive rows than fit on a page, no page overlaps
that stretch, and a deletion at that moment goes unnoticed until the next full sync.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

DEFAULT_LIMIT = 20
"""The documented default, which every workspace honours."""
MAX_LIMIT = 100
OVERLAP = 2
"""Rows that neighbouring spans share; more than one, because Convocore's filter may hide some."""
REMEMBERED_ROWS = 8 * MAX_LIMIT
"""How many of the latest rows are remembered: no page further back is ever requested again."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rows that one request asks for: offsets `start` to `end` of the list at that moment."""

    page: int
    limit: int

    @property
    def start(self) -> int:
        """The offset of the first row."""
        return (self.page - 1) * self.limit

    @property
    def end(self) -> int:
        """The offset after the last row."""
        return self.page * self.limit


def span_over(offset: int, *, max_limit: int, overlap: int = OVERLAP) -> Span:
    """The span that starts at least `overlap` rows before `offset` and ends furthest after it."""
    start = max(0, offset - overlap)
    limits = range(max_limit // 2 + 1, max_limit + 1)
    return max((Span(start // limit + 1, limit) for limit in limits), key=lambda span: span.end)


def max_limit_shown_by(row_count: int) -> int:
    """The largest limit to use, given how many rows a request for `MAX_LIMIT` returned.

    More rows than the default prove that a limit of that size is honoured. Fewer prove nothing:
    the workspace may cap the limit at the default, and a larger limit would then skip rows.
    """
    return min(max(DEFAULT_LIMIT, row_count), MAX_LIMIT)


def holds_end(span: Span, row_count: int) -> bool:
    """Whether a page with `row_count` rows has more room left than a few hidden rows explain."""
    return span.limit - row_count >= span.limit // 5


class RecentRows:
    """The digests of the latest rows that were read, to tell whether a page overlaps them.

    A digest covers the whole row, so a row that changed in between is a different row.
    """

    def __init__(self) -> None:
        self._in_order: deque[str] = deque()
        self._known: set[str] = set()
        self.last_page: frozenset[str] = frozenset()
        """The digests of the page that was added last."""

    def overlap_with(self, digests: Iterable[str]) -> bool:
        """Whether a page with these rows shares one with those read; the first page always does."""
        return not self._known or not self._known.isdisjoint(digests)

    def add(self, digests: Collection[str]) -> int:
        """Add the rows of a page; returns how many of them are new."""
        self.last_page = frozenset(digests)
        new = [digest for digest in digests if digest not in self._known]
        self._in_order.extend(new)
        self._known.update(new)
        while len(self._in_order) > REMEMBERED_ROWS:
            self._known.discard(self._in_order.popleft())
        return len(new)


@dataclass(frozen=True, slots=True)
class PageNumberToken:
    """A resume token: where reading goes on after a page, without a gap, in any process."""

    offset: int
    """The offset after the last row that was read, roughly: the list may have changed since."""
    max_limit: int
    """The largest limit that the workspace honours."""
    row_digests: frozenset[str]
    """The rows of the last page: the next page must share one of them."""

    def to_text(self) -> str:
        """The token as text, for `from_text`."""
        # `fingerprints` is the stored name of the digests: an unfinished full sync of an earlier
        # version of this program is resumed from its token.
        fields = {
            "offset": self.offset,
            "max_limit": self.max_limit,
            "fingerprints": sorted(self.row_digests),
        }
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The token that `to_text` wrote."""
        fields = json.loads(text)
        return cls(fields["offset"], fields["max_limit"], frozenset(fields["fingerprints"]))
