"""Rows grouped a range at a time, where the engine groups by sorting.

SQLite sorts what it groups. Sorting a few thousand rows at a time stays in the processor's cache
and takes time with the number of rows, not more; a group then comes in several parts.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from sqlalchemy import BigInteger, Connection, Select, bindparam, func, select

from convocore_mcp.store.fields.row_tables import RowTable

RANGE_SIZE = 8_192
"""Row numbers of a range."""
MAX_RANGES = 256
FETCHED_ROWS = 10_000
"""Rows of a result that are fetched together."""
AnySelect = Select[*tuple[object, ...]]
AnyRow = Sequence[object]


def read_in_ranges(
    connection: Connection, table: RowTable, statement: AnySelect
) -> Iterator[Sequence[AnyRow]]:
    """The rows of a grouping statement: those of one range of rows after another.

    In SQLite, it must select from the table itself: the range is a condition on its rows.
    """
    if not table.sqlite:
        with connection.execute(statement, execution_options={"yield_per": FETCHED_ROWS}) as rows:
            yield from rows.partitions()
        return
    number = table.row_number
    first, last = row_numbers(connection, table)
    step = max(RANGE_SIZE, (last - first) // MAX_RANGES + 1)
    of_range = statement.where(
        number >= bindparam("first_row", type_=BigInteger),
        number < bindparam("end_row", type_=BigInteger),
    )
    for begin in range(first, last + 1, step):
        bounds = {"first_row": begin, "end_row": begin + step}
        with connection.execute(of_range, bounds) as found:
            # The driver's own tuples: to make SQLAlchemy's rows of them takes as long as to read.
            yield list(cast("Iterable[AnyRow]", found.cursor))


def row_numbers(connection: Connection, table: RowTable) -> tuple[int, int]:
    """The first and the last row number; of an empty table, the last is the smaller."""
    number = table.row_number
    # Two subqueries: for both in one, SQLite would read every row.
    ends = (select(end).scalar_subquery() for end in (func.min(number), func.max(number)))
    first, last = connection.execute(select(*ends)).one()
    return (0, -1) if first is None else (first, last)
