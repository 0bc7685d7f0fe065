"""Questions about rows and their fields, one method each, with their cache.

The values of fields are scanned in narrow tables: the time of the first answer to a question grows
with the number of rows. The same question again is answered from the cache.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.fields.grouping import FieldName, Grouping, Sort, TimeUnit
from convocore_mcp.fields.row_query import FoundRow, Groups, KnownValues, RowQuery, SortKey
from convocore_mcp.fields.table import Field, Rows, Storage
from convocore_mcp.fields.times import Clock
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import CURRENT, agents, conversations
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.field_queries import row_values
from convocore_mcp.store.field_queries.field_conditions import meets_requirements
from convocore_mcp.store.field_queries.groups import row_groups
from convocore_mcp.store.field_queries.row_orders import after_key, order_parts
from convocore_mcp.store.field_queries.row_search import has_search
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import ShownField, long_texts, shown_fields
from convocore_mcp.store.read import hot_leads
from convocore_mcp.store.read.cache import ResultCache

CACHED_ANSWERS, CACHED_PAGES = 2_000, 64
"""Cache sizes: a count has a few bytes, a page of rows or a table of groups up to 200 kB."""
T = TypeVar("T")
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""The clock of questions whose answers do not depend on the time: then they share cached ones."""


class RowReader:
    """Fulfils `server.row_queries.RowQueries`. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = ResultCache(CACHED_ANSWERS)
        self._page_cache = ResultCache(CACHED_PAGES)

    def sequence_number(self) -> int:
        """The number of the newest change."""
        with self._database.reading() as connection:
            return sequence_number(connection)

    def count(self, query: RowQuery, /, *, at: int) -> int:
        """How many rows met the query as of sequence number `at`."""

        def compute(connection: Connection) -> int:
            table = RowTable.of(query, connection)
            rows = select(func.count()).select_from(table.table)
            return connection.scalar(rows.where(*_conditions(connection, table, query, at))) or 0

        return self._cached(query, ("count", at), (), compute, self._cache)

    def find(
        self,
        query: RowQuery,
        /,
        *,
        fields: Sequence[FieldName],
        sort: Sort,
        limit: int,
        at: int,
        after: SortKey | None,
    ) -> list[FoundRow]:
        """The rows that met the query as of sequence number `at`, those after `after`."""

        def compute(connection: Connection) -> list[FoundRow]:
            table = RowTable.of(query, connection)
            order = order_parts(table, sort)
            shown = shown_fields(table, fields)
            rows = select(
                *(part.expression for part in order),
                *(column for field in shown for column in field.columns),
            ).where(*_conditions(connection, table, query, at))
            if after is not None:
                rows = rows.where(after_key(order, after))
            rows = rows.order_by(
                *(p.expression.desc() if p.descending else p.expression for p in order)
            )
            found = connection.execute(rows.limit(limit)).all()
            return _found_rows(connection, shown, len(order), found)

        question = ("find", tuple(fields), sort, limit, at, after)
        used = [*fields, *([sort.field] if sort.field is not None else [])]
        return self._cached(query, question, used, compute, self._page_cache)

    def leads_moved_since(self, agent_ids: Sequence[str], /, *, at: int) -> bool:
        """Whether any lead of these agents changed after sequence number `at`."""
        newest = select(func.max(agents.c.leads_changed)).where(agents.c.agent_id.in_(agent_ids))
        with self._database.reading() as connection:
            return (connection.scalar(newest) or 0) > at

    def excluded(
        self, agent_ids: Sequence[str], /, *, since: datetime | None, until: datetime | None
    ) -> dict[str, int]:
        """How many present conversations of the window are `tests` and, of the others, `blocked`.

        An index holds just these.
        """
        query = RowQuery(Rows.LEADS, tuple(agent_ids), Clock(_ANY_TIME))
        return self._cached(
            query,
            ("excluded", since, until),
            (),
            lambda connection: hot_leads.excluded(connection, agent_ids, since, until),
            self._cache,
        )

    def groups(
        self,
        query: RowQuery,
        group_by: Sequence[Grouping],
        measures: Sequence[Field],
        /,
        *,
        limit: int,
    ) -> Groups:
        """The present rows that meet the query, counted and added up by group.

        The largest `limit` groups are listed, or of times the newest.
        """

        def compute(connection: Connection) -> Groups:
            table = RowTable.of(query, connection)
            at = sequence_number(connection)
            conditions = _conditions(connection, table, query, at)
            return row_groups.groups(
                connection, table, query, conditions, group_by, measures, limit=limit
            )

        grouped = [g.of if isinstance(g, TimeUnit) else g for g in group_by]
        question = ("groups", tuple(group_by), tuple(measures), limit)
        always_used = row_groups.TIME_DEPENDENT_FIELDS if query.rows is Rows.LEADS else ()
        used = (*grouped, *measures, *always_used)
        return self._cached(query, question, used, compute, self._page_cache, present=True)

    def unread_fields(self, agent_ids: Sequence[str], /) -> Mapping[str, int]:
        """How many present conversations have each of the fields that could not be read."""
        c = conversations.c
        present = (c.agent_id.in_(agent_ids), c.valid_to == CURRENT, c.unread_fields.is_not(None))
        counted = select(c.unread_fields, func.count()).where(*present).group_by(c.unread_fields)

        def compute(connection: Connection) -> Mapping[str, int]:
            count = Counter[str]()
            for names, conversations_with in connection.execute(counted):
                for name in names.split(","):
                    count[name] += conversations_with
            return count

        return self._cached(
            RowQuery(Rows.CONVERSATIONS, tuple(agent_ids), Clock(_ANY_TIME)),
            "unread fields",
            (),
            compute,
            self._cache,
            present=True,
        )

    def values(
        self, rows: Rows, agents: Sequence[str], field: FieldName, /, *, near: str
    ) -> KnownValues:
        """The values of a text or list field, the most frequent first.

        Where there are very many, only those that are sorted next to `near` (`row_values`).
        """
        query = RowQuery(rows, tuple(agents), Clock(_ANY_TIME))

        def compute(connection: Connection) -> KnownValues:
            table = RowTable.of(query, connection)
            valid = table.valid_at(query.agents, sequence_number(connection))
            return row_values.values(connection, table, valid, field, near)

        question = ("values", field, near)
        return self._cached(query, question, [field], compute, self._page_cache, present=True)

    def _cached(
        self,
        query: RowQuery,
        question: Hashable,
        used: Iterable[FieldName],
        compute: Callable[[Connection], T],
        cache: ResultCache,
        *,
        present: bool = False,
    ) -> T:
        """The answer; the key of the cache holds everything that the answer depends on.

        `used` are the fields that it depends on beside those of the conditions. The conversations
        as of a sequence number never change, except for the leads that they belong to.
        """
        names = [*used, *(c.field for r in query.requirements for c in r.conditions)]
        if not any(isinstance(f, Field) and f.storage is Storage.NONE for f in names):
            query = replace(query, clock=Clock(_ANY_TIME, query.clock.zone))
        versioned = query.rows is Rows.CONVERSATIONS and not present
        with self._database.reading() as connection:
            version: tuple[int, ...] = ()
            if not versioned or any(f.name == "lead_id" for f in names):
                version = _data_versions(connection, query.agents)
            key = (self._database.generation, query, question, version)
            return cache.get(key, lambda: compute(connection))


def _conditions(
    connection: Connection, table: RowTable, query: RowQuery, at: int
) -> list[ColumnElement[bool]]:
    """The conditions that a row must meet: it is valid, and it meets the query."""
    return [
        table.valid_at(query.agents, at),
        *meets_requirements(table, query),
        *has_search(connection, table, query, at=at),
    ]


def _data_versions(connection: Connection, agent_ids: tuple[str, ...]) -> tuple[int, ...]:
    a = agents.c
    versions = select(a.data_version).where(a.agent_id.in_(agent_ids)).order_by(a.agent_id)
    return tuple(connection.scalars(versions))


def _found_rows(
    connection: Connection,
    shown: Sequence[ShownField],
    key_length: int,
    found: Sequence[Sequence[object]],
) -> list[FoundRow]:
    rows: list[FoundRow] = []
    texts: dict[str, dict[int, str]] = {}
    begin = key_length
    ranges = []
    for field in shown:
        ranges.append((field, begin, begin + len(field.columns)))
        if field.long:
            versions = (v for row in found if isinstance(v := row[begin], int))
            texts[field.name] = long_texts(connection, field.name, versions)
        begin += len(field.columns)
    for row in found:
        values = {}
        for field, begin, end in ranges:
            value = field.read(row[begin:end])
            if field.long:
                value = texts[field.name].get(value) if isinstance(value, int) else None
            if value is not None:
                values[field.name] = value
        key: SortKey = tuple(row[:key_length])  # type: ignore[arg-type]  # numbers and texts
        rows.append(FoundRow(values, key))
    return rows
