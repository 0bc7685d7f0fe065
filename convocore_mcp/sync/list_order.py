"""Which rows at the front of a list prove that everything behind them is known.

Convocore's list is *nearly* newest first. A row dated in the future, a row in milliseconds among
rows in seconds, or a pinned row may stand in front for good; new rows then arrive behind it. So one
unchanged row proves nothing. The rule:

An incremental sync may stop when it has read `EVIDENCE` rows that are unchanged, that are no newer
than the watermark, and that did not stand out of order when the front was last read.

Rows stand out of order if they are no part of the longest run of rows, in the order of the list,
whose times do not rise, or if their time lies in the future. A conversation that was touched since
stands before every row of that run. So the rule fails only if at least `EVIDENCE` rows at once are
newest by their time, stand in front, and stay there while newer rows arrive behind them; and the
first time that this is seen, they are known to be out of order.

Pure: rows and times in, decisions out.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

EVIDENCE = 25
"""More than a page of 20: an ordinary incremental sync reads two of those, or one page of 100."""
FRONT_ROWS = 200
"""Rows from the front on that are examined for their order."""
CLOCK_SKEW = timedelta(minutes=5)
"""Convocore's clock may be ahead of ours by this much; a later time is in the future."""


class ListedRow(NamedTuple):
    """A row as the list showed it."""

    id: str
    at: datetime | None
    """Its last activity."""


@dataclass(frozen=True, slots=True)
class FrontOrder:
    """What is remembered of the front of the list for the next incremental sync."""

    watermark: datetime | None = None
    """The newest time among the rows that stand in order."""
    misplaced: frozenset[str] = frozenset()
    """IDs of rows that stand out of order."""
    timeless: bool = False
    """Most rows bear no time: then rows without one count as evidence too."""

    @classmethod
    def of(cls, rows: Sequence[ListedRow], *, now: datetime) -> Self:
        """Examine the front of the list; `rows` in its order, `now` when it was asked for."""
        rows = rows[:FRONT_ROWS]
        timed = [row for row in rows if row.at is not None]
        latest = now + CLOCK_SKEW
        placed = [row for row in timed if row.at is not None and row.at <= latest]
        in_order = _longest_falling_run([row.at for row in placed if row.at is not None])
        ordinary = [placed[i] for i in in_order]
        kept = {row.id for row in ordinary}
        return cls(
            watermark=max((row.at for row in ordinary if row.at is not None), default=None),
            misplaced=frozenset(row.id for row in timed) - kept,
            timeless=len(timed) * 2 < len(rows),
        )

    def evidence(self, unchanged: Iterable[ListedRow]) -> int:
        """How many of these unchanged rows prove that what stands behind them is known."""
        return sum(self._proves(row) for row in unchanged)

    def _proves(self, row: ListedRow) -> bool:
        if row.id in self.misplaced:
            return False
        if row.at is None:
            return self.timeless
        return self.watermark is not None and row.at <= self.watermark

    def encode(self) -> str:
        """As text, for the mirror; `decode` reads it."""
        seconds = None if self.watermark is None else self.watermark.timestamp()
        return json.dumps([seconds, sorted(self.misplaced), self.timeless], ensure_ascii=False)

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """What `encode` wrote; nothing known if there is nothing, or nothing readable."""
        try:
            seconds, misplaced, timeless = json.loads(text or "")
            watermark = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
            return cls(watermark, frozenset(misplaced), bool(timeless))
        except (ValueError, TypeError, OverflowError):
            return cls()


def _longest_falling_run(times: Sequence[datetime]) -> list[int]:
    """Positions of the longest subsequence of `times` that never rises (patience sorting)."""
    tails: list[float] = []
    ends: list[int] = []
    before: list[int] = []
    for position, at in enumerate(times):
        key = -at.timestamp()
        length = bisect_right(tails, key)
        before.append(ends[length - 1] if length else -1)
        if length == len(tails):
            tails.append(key)
            ends.append(position)
        else:
            tails[length], ends[length] = key, position
    run: list[int] = []
    position = ends[-1] if ends else -1
    while position >= 0:
        run.append(position)
        position = before[position]
    return run[::-1]


def reaches_back(times: Sequence[datetime | None], since: datetime) -> bool:
    """Whether all rows active from `since` on are among those read, which have these `times`.

    The last `EVIDENCE` rows that bear a time must all be older: a few misplaced rows prove nothing.
    """
    last = [at for at in times if at is not None][-EVIDENCE:]
    return len(last) == EVIDENCE and all(at < since for at in last)
