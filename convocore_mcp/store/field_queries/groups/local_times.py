"""Times of a time zone in SQL. The engine does not need to know the zone."""

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
) -> Sql:
    """The hour of the day of a time (of the unit `hour`), else the days from 1970 to its day."""
    known = select(func.min(column), func.max(column)).select_from(table.table).where(*conditions)
    first, last = connection.execute(known).one()
    offset: Sql | int = 0
    if isinstance(first, int | float) and isinstance(last, int | float):
        offset = _offset(column, int(first) // 1000, int(last) // 1000, zone)
    local = cast(column, BigInteger) + offset + _ADDED_DAYS * _DAY
    if unit == "hour":
        return (local % _DAY) // _HOUR
    return local // _DAY - _ADDED_DAYS


def day_of(number: int) -> datetime:
    """The day that is `number` days after 1970-01-01."""
    return _EPOCH + timedelta(days=number)


def _offset(column: Sql, first: int, last: int, zone: tzinfo) -> Sql | int:
    """The UTC offset of the zone at a time, in milliseconds; it changes with the seasons."""
    changes: list[tuple[int, int]] = []
    before = _utc_offset_at(first, zone)
    for at in range(first + _STEP_SECONDS, last + _STEP_SECONDS, _STEP_SECONDS):
        after = _utc_offset_at(at, zone)
        if after != before and len(changes) < _MAX_CLOCK_CHANGES:
            changes.append((_clock_change(at - _STEP_SECONDS, at, zone), before))
            before = after
    if not changes:
        return before * 1000
    return case(
        *((column < at * 1000, offset * 1000) for at, offset in changes), else_=before * 1000
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
