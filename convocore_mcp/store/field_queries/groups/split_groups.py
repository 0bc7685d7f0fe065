"""Groups whose keys only Python knows: of lists, of times, and of AI models.

The engine groups by what is stored. Its rows are read twice, first to count and then to add up, so
that only the groups which are shown are ever held in memory.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey, GroupKeys
from convocore_mcp.store.fields.row_tables import RowTable

MAX_KEPT = 100_000
"""Parts that are kept between the two readings; where there are more, the engine is asked twice."""
AT_A_TIME = 10_000
SplitPart = tuple[Part, Iterable[GroupKey]]


class SplitParts:
    """The parts of all groups, each with its keys; they can be read several times."""

    def __init__(
        self,
        connection: Connection,
        table: RowTable,
        keys: GroupKeys,
        figures: Figures,
        fitting: Sequence[ColumnElement[bool]],
        *,
        most_kept: int = MAX_KEPT,
    ) -> None:
        grouped = [*keys.columns, *figures.by_currency]
        read = [*keys.columns, *map(func.min, keys.stored_keys), *figures.by_currency]
        statement = select(*read, *figures.aggregates).select_from(table.table).where(*fitting)
        self._statement = statement.group_by(*grouped) if grouped else statement
        self._connection, self._keys, self._figures = connection, keys, figures
        reading = self._read()
        kept = list(islice(reading, most_kept + 1))
        self._kept = kept if len(kept) <= most_kept else None
        self._begun: Iterator[SplitPart] | None = chain(kept, reading)
        """The first reading, which goes on where it was left."""

    def __iter__(self) -> Iterator[SplitPart]:
        if self._kept is not None:
            return iter(self._kept)
        begun, self._begun = self._begun, None
        return self._read() if begun is None else begun

    def chunks(self) -> Iterator[list[SplitPart]]:
        """The parts, many at a time."""
        parts = iter(self)
        while chunk := list(islice(parts, AT_A_TIME)):
            yield chunk

    def _read(self) -> Generator[SplitPart, None, None]:
        keys, begin = self._keys, len(self._keys.columns) + len(self._keys.stored_keys)
        options = {"yield_per": AT_A_TIME}
        with self._connection.execute(self._statement, execution_options=options) as rows:
            for row in rows:
                values = row[:begin]
                yield self._figures.part(values, row[begin:]), tuple(keys.of(values))
