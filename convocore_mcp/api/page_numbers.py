"""Reading a list by page numbers without missing a row, while it moves.

Between two requests rows arrive at the front, jump to the front, or go. What goes pulls everything
behind it forward, and a row can slip from the page not yet read onto the page already read. A page
number alone can't show that. So the spans we ask for overlap by a few rows, which page numbers
allow if the limit varies: `page=2&limit=98` begins at row 98.

**Two reads that share a row as it was leave no gap between them.** The order of rows that nobody
touches never changes; each read is a run of that order; two runs that share a row, unmoved since,
are one run. It does not matter which read came first, so spans are read several at a time. Where a
page shares nothing with what was read before, the walk goes back until one does, and on from there.

**A page that joins and is not full holds the end of the list**, for nothing can stand behind it.
Pages beyond the end prove nothing: deletions may have pulled the last rows away from under them.
So a walk ends after three empty pages, and only if the last page with rows was of that kind; else
the last rows are read again, with room behind them.

A row that *was* touched is at the front, and whoever needs it reads the front again (`sync`).
What this can't see is a stretch of rows hidden by Convocore that is longer than a page: no page
can overlap it, so a deletion in just that moment goes unnoticed until the next walk.
"""

import json
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

LIMIT = 20
"""The documented default, which every workspace honours."""
LARGEST_LIMIT = 100
OVERLAP = 2
"""Rows shared by neighbours on a quiet list; some may be hidden by Convocore's own filter."""
EMPTY_TO_END = 3
"""Hidden rows can empty a page; this many empty ones in a row, of full size, are the end."""
REMEMBERED = 8 * LARGEST_LIMIT
"""Rows of a walk kept in mind: as many as are ever read again behind the newest one."""
REPEATS_TO_FAIL = 3
"""Pages in a row that mostly repeat the one before: the page number is being ignored."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one request asks for: rows `start` to `end` of the list as it then is."""

    page: int
    limit: int

    @property
    def start(self) -> int:
        """The first row's offset."""
        return (self.page - 1) * self.limit

    @property
    def end(self) -> int:
        """The offset behind the last row."""
        return self.page * self.limit


def span_over(offset: int, *, cap: int, overlap: int = OVERLAP) -> Span:
    """The span that begins at least `overlap` rows before `offset` and reaches furthest."""
    start = max(0, offset - overlap)
    spans = (Span(start // limit + 1, limit) for limit in range(cap // 2 + 1, cap + 1))
    return max(spans, key=lambda span: span.end)


def cap_of(rows: int) -> int:
    """The largest limit to use, after `LARGEST_LIMIT` was asked for and brought `rows`.

    More than the default shows that limits are honoured at least so far. Fewer may mean a clamp
    at the default, which must not be mistaken for one that moves the offsets.
    """
    return min(max(LIMIT, rows), LARGEST_LIMIT)


def holds_end(span: Span, rows: int) -> bool:
    """Whether a page with so many rows has room left, more than a few hidden rows would leave."""
    return span.limit - rows >= span.limit // 5


class Chain:
    """Remembers the latest rows of a walk, to tell whether another page joins on.

    A row is told by its whole content: one that moved in between has changed.
    """

    def __init__(self) -> None:
        self._recent: deque[str] = deque()
        self._known: set[str] = set()
        self._newest: frozenset[str] = frozenset()
        self.repeats = 0
        """How many pages in a row mostly repeated the one before."""

    def joins(self, marks: Iterable[str]) -> bool:
        """Whether a page with these rows shares one with what was read before."""
        return not self._known or not self._known.isdisjoint(marks)

    def add(self, marks: Collection[str]) -> int:
        """Take in a page; returns how many of its rows are new."""
        repeated = sum(mark in self._newest for mark in marks)
        self.repeats = self.repeats + 1 if repeated > len(marks) * 3 // 4 else 0
        self._newest = frozenset(marks)
        new = [mark for mark in marks if mark not in self._known]
        self._recent.extend(new)
        self._known.update(new)
        while len(self._recent) > REMEMBERED:
            self._known.discard(self._recent.popleft())
        return len(new)

    @property
    def newest(self) -> frozenset[str]:
        """The rows of the page that joined last."""
        return self._newest


@dataclass(frozen=True, slots=True)
class PageNumberToken:
    """How far a walk by numbers got: enough for another process to join on to it."""

    offset: int
    """About where the last row stood that was read."""
    cap: int
    marks: frozenset[str]
    """The rows of the last page: what is read next must share one of them."""

    def written(self) -> str:
        """As text; `read` reads it."""
        held = {"offset": self.offset, "cap": self.cap, "marks": sorted(self.marks)}
        return json.dumps(held, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that `written` wrote."""
        held = json.loads(text)
        return cls(held["offset"], held["cap"], frozenset(held["marks"]))
