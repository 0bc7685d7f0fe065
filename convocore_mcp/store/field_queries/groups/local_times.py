"""Times of a time zone in SQL. The engine does not need to know the zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select

from convocore_mcp.store.database.columns import Sql
from convocore_mcp.store.fields.row_tables import RowTable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP_SECONDS = 7 * 86_400
"""The zone is looked at once a week: no zone changes its clocks twice within a week."""
_MAX_CLOCK_CHANGES = 200
_DAY, _HOUR = 86_400_000, 3_600_000
_ADDED_DAYS = 1_000_000
"""Days that are added before a division: engines round negative numbers in different ways."""


def local_unit(
    connection: Connection,
    table: RowTable,
    column: Sql,
    conditions: list[ColumnElement[bool]],
    *,
    unit: str,
    zone: tzinfo,
    may_be_day: bool,
) -> Sql:
    """The hour of the day of a time (of the unit `hour`), else the days from 1970 to its day.

    `may_be_day`: where a day begins, the day is meant, which has no hour.
    """
    known = select(func.min(column), func.max(column)).select_from(table.table).where(*conditions)
    first, last = connection.execute(known).one()
    moment = cast(column, BigInteger) + _ADDED_DAYS * _DAY
    local, day_begins = moment, moment % _DAY == 0
    if isinstance(first, int | float) and isinstance(last, int | float):
        offsets = _Offsets.between(int(first) // 1000, int(last) // 1000, zone)
        local = moment + offsets.at(column)
        # A day whose midnight the clocks skip begins as they change: by the old offset at midnight.
        day_begins = (moment + offsets.before(column)) % _DAY == 0
    if unit == "hour":
        hour = (local % _DAY) // _HOUR
        return case((day_begins, None), else_=hour) if may_be_day else hour
    return local // _DAY - _ADDED_DAYS


def day_of(number: int) -> datetime:
    """The day that is `number` days after 1970-01-01."""
    return _EPOCH + timedelta(days=number)


@dataclass(frozen=True, slots=True)
class _Offsets:
    """The UTC offsets of a zone between two times; they change with the seasons."""

    changes: Sequence[tuple[int, int]]
    """The seconds at which the clocks change, each with the offset until then."""
    last: int
    """The offset after the last change, in seconds."""

    @classmethod
    def between(cls, first: int, last: int, zone: tzinfo) -> "_Offsets":
        """Those from one second to another."""
        changes: list[tuple[int, int]] = []
        # A change at the very first second counts: the offset until then is another.
        first -= 1
        before = _utc_offset_at(first, zone)
        for at in range(first + _STEP_SECONDS, last + _STEP_SECONDS, _STEP_SECONDS):
            after = _utc_offset_at(at, zone)
            if after != before and len(changes) < _MAX_CLOCK_CHANGES:
                changes.append((_clock_change(at - _STEP_SECONDS, at, zone), before))
                before = after
        return cls(changes, before)

    def at(self, column: Sql) -> Sql | int:
        """The offset at a time, in milliseconds."""
        return self._case([(column < at * 1000, offset) for at, offset in self.changes])

    def before(self, column: Sql) -> Sql | int:
        """The same; at the moment of a change, the offset until then."""
        return self._case([(column <= at * 1000, offset) for at, offset in self.changes])

    def _case(self, cases: Sequence[tuple[ColumnElement[bool], int]]) -> Sql | int:
        if not cases:
            return self.last * 1000
        return case(
            *((earlier, offset * 1000) for earlier, offset in cases), else_=self.last * 1000
        )


def _clock_change(low: int, high: int, zone: tzinfo) -> int:
    """The second after `low`, and not after `high`, from which the UTC offset is another."""
    before = _utc_offset_at(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _utc_offset_at(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _utc_offset_at(second: int, zone: tzinfo) -> int:
    try:
        offset = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    except OverflowError:  # at the ends of the calendar
        return 0
    return int(offset.total_seconds()) if offset else 0
