"""Which rows at the front of a list prove that all rows after them are known.

Convocore's list is *nearly* newest first. Rows dated in the future, rows in milliseconds among rows
in seconds, and pinned rows may stand in front for good; new rows then arrive behind them. So one
unchanged row proves nothing, and neither does a page of them. The rule:

Reading may stop once the last `evidence` rows that count are known, and none of them has changed. A
row counts if its time is at most the watermark, and if it **stands where its time belongs**: at
least four of five conversations in the mirror that are newer (up to the watermark) were read before
it.

Misplaced rows in front are older than most rows that were not read yet, so they do not count,
however many they are. A row in the future does not count either. One case is left: a pinned row
whose time equals the newest time counts like an ordinary row. It takes `EVIDENCE` such rows in
succession to hide a new row. The rule needs no memory but the mirror itself, so another process
comes to the same decision.

A conversation that was deleted is "not read yet" until a full sync removes it; so of each five
newer conversations one may be missing, and reading goes a little deeper.

Pure: rows and times in, decisions out.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

EVIDENCE = 21
"""One more than a page: at most one page more is read than the last that has changed rows."""
REREAD_EVIDENCE = 10
"""Half a page: enough if the list has just been read, to find what moved meanwhile. What this
misses, the next incremental sync finds, because the mirror does not know it."""
CLOCK_SKEW = timedelta(minutes=5)
"""Convocore's clock may be ahead of ours by this much; a later time is in the future."""
SECOND_IS_OVER = timedelta(minutes=1)
"""This long after a second is over, no further conversation gets a time within that second."""
WINDOW_EVIDENCE = 50
"""A time window counts as read once this many rows in succession are older. Fewer rows could be
misplaced."""
FRONT_ROWS = 200
"""Rows from the front on that may set the watermark: this many may be misplaced."""
_MAX_CANDIDATES = 64
"""Rows that are remembered for a decision: more than `evidence` ever is."""
_UNREAD = -1


class ListedRow(NamedTuple):
    """A row as the list showed it, or as the mirror holds it."""

    id: str
    at: datetime | None
    """Its last activity."""


@dataclass(frozen=True, slots=True)
class Front:
    """Up to where the list is known, and when that was read."""

    watermark: datetime | None = None
    """The newest activity that was seen, unless it lay in the future."""
    read_at: datetime | None = None


class FrontReading:
    """One reading of the list from its front on, until the rest is known to be unchanged."""

    def __init__(
        self,
        known_to: Front,
        *,
        now: datetime,
        evidence: int = EVIDENCE,
        kept_since: datetime | None = None,
    ) -> None:
        """`known_to` is where the last reading stood; `now` is when this one begins.

        Rows that were last active before `kept_since` are not kept in the mirror.
        """
        self.pages_with_new_rows = 0
        self.at_end = False
        """Whether the list was read to its end."""
        self.read_down_to: datetime | None = None
        """Where reading ended: whatever is newer, and not dated in the future, was read.

        `REREAD_EVIDENCE` of the rows that prove that all further ones are known are not newer.
        """
        self.watermark: datetime | None = None
        """The newest activity among the first `FRONT_ROWS` rows, without the future."""
        self._limit = known_to.watermark
        self._second_is_over = bool(
            known_to.watermark
            and known_to.read_at
            and known_to.watermark + SECOND_IS_OVER < known_to.read_at
        )
        self._latest = now + CLOCK_SKEW
        self._evidence = evidence
        self._kept_since, self._rows_not_kept = kept_since, 0
        self._positions: dict[str, int] = {}
        self._candidates: deque[tuple[int, ListedRow]] = deque(maxlen=_MAX_CANDIDATES)
        self._pages = 0
        self._next_check = 1

    def add(
        self,
        rows: Iterable[ListedRow],
        known: Collection[str],
        outdated: Collection[str] = frozenset(),
    ) -> None:
        """Add a page; `known` are the rows whose record the mirror held already.

        `outdated` rows are other copies than the mirror's: neither new nor evidence.
        """
        self._pages += 1
        has_new_rows = False
        for row in rows:
            position = self._positions.setdefault(row.id, len(self._positions))
            if position < FRONT_ROWS and row.at is not None and row.at <= self._latest:
                self.watermark = max(row.at, self.watermark or row.at)
            self._count_not_kept(row)
            if row.id in outdated:
                continue
            if row.id not in known:
                has_new_rows = True
                self._candidates.clear()
            elif self._may_count(row):
                self._candidates.append((position, row))
        self.pages_with_new_rows += has_new_rows

    def _count_not_kept(self, row: ListedRow) -> None:
        if self._kept_since is None or row.at is None or row.at > self._latest:
            return
        self._rows_not_kept = self._rows_not_kept + 1 if row.at < self._kept_since else 0

    @property
    def is_past_retention(self) -> bool:
        """Whether all further rows are too old to be kept, because many in succession were.

        A few such rows could be misplaced.
        """
        return self._rows_not_kept >= WINDOW_EVIDENCE

    def _may_count(self, row: ListedRow) -> bool:
        if row.at is None:
            return True
        if self._limit is None:
            return False
        if row.at < self._limit or self._second_is_over:
            return row.at <= self._limit
        # In the newest second more may have arrived since, in any order: one row of it counts.
        one_counts = all(candidate.at != row.at for _, candidate in self._candidates)
        return row.at == self._limit and one_counts

    @property
    def list_size(self) -> int | None:
        """How many conversations the list shows; `None` if it was not read to its end."""
        return len(self._positions) if self.at_end else None

    @property
    def at_front(self) -> bool:
        """Whether further rows may raise the watermark."""
        return len(self._positions) < FRONT_ROWS

    @property
    def should_check(self) -> bool:
        """Whether there may be enough evidence. Deep in a list, not every page is checked."""
        return len(self._candidates) >= self._evidence and self._pages >= self._next_check

    @property
    def rows_to_compare(self) -> int:
        """How many of the mirror's newest conversations `is_enough` has to know."""
        return max(len(self._positions) * 5 // 4 + 2, EVIDENCE)

    def is_enough(self, newest: Sequence[ListedRow]) -> bool:
        """Whether the rest of the list is known.

        `newest` are the `rows_to_compare` newest conversations in the mirror that have a time, up
        to the watermark if there is one, newest first.
        """
        self._next_check = self._pages + 1 + self._pages // 8
        if len(newest) < EVIDENCE:
            # Too few rows have a time to compare: count only the rows without one.
            read = all(row.id in self._positions for row in newest)
            timeless = read or len(self._positions) >= FRONT_ROWS
            count = sum(timeless and row.at is None for _, row in self._candidates)
        else:
            count = self._count_in_order(newest)
        if count < self._evidence:
            return False
        times = sorted(row.at for _, row in self._candidates if row.at is not None)
        self.read_down_to = times[REREAD_EVIDENCE - 1] if len(times) >= REREAD_EVIDENCE else None
        return True

    def _count_in_order(self, newest: Sequence[ListedRow]) -> int:
        ages = [-row.at.timestamp() for row in newest if row.at is not None]
        positions = [self._positions.get(row.id, _UNREAD) for row in newest]
        is_cut = len(newest) >= self.rows_to_compare
        count = 0
        for position, row in self._candidates:
            if row.at is None:
                continue
            newer = bisect_left(ages, -row.at.timestamp())
            if newer == len(newest) and is_cut:
                continue  # more conversations are newer than were read
            read = sum(_UNREAD < other < position for other in positions[:newer])
            count += (newer - read) * 4 <= read
        return count
