"""The questions about conversations and leads, one method each, with their cache."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.fields.row_query import SortKey
from convocore_mcp.models import Conversation, Filter, HotQuery, HotSummary, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import (
    CURRENT,
    UNKNOWN,
    agents,
    conversations,
    leads,
    quarantine,
    records,
)
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.fields.field_columns import SHOWN
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.read import conversation_search, hot_leads
from convocore_mcp.store.read.cache import ResultCache
from convocore_mcp.store.read.conversation_search import Plan, without_bounds
from convocore_mcp.store.read.people_index import PeopleIndex
from convocore_mcp.store.read.sql_conditions import without_index

CACHED_ANSWERS, CACHED_PAGES = 2_000, 64
"""Cache sizes: a count or sum has a few hundred bytes, a page of rows up to 200 kB."""
T = TypeVar("T")
_c, _l = conversations.c, leads.c


class MirrorReader:
    """Reads conversations and leads. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = ResultCache(CACHED_ANSWERS)
        self._page_cache = ResultCache(CACHED_PAGES)
        self.people_index = PeopleIndex(database)

    @property
    def generation(self) -> str:
        """The generation of the mirror. Sequence numbers belong to one generation."""
        return self._database.generation

    def sequence_number(self) -> int:
        """The number of the newest change."""
        with self._database.reading() as connection:
            return sequence_number(connection)

    def find(
        self,
        agent_id: str,
        criteria: Filter,
        *,
        sort: str,
        limit: int,
        at: int,
        after: SortKey | None,
    ) -> list[tuple[Conversation, SortKey]]:
        """The conversations that met `criteria` as of sequence number `at`, after sort key `after`.

        Each comes with its sort key. Records are not read. `sort` is one of `newest`, `oldest`,
        `score`, `value` and `waiting`.
        """
        plan = Plan.choose(
            criteria,
            matching=self.count(agent_id, without_bounds(criteria), at=at),
            fitting=self.count(agent_id, criteria, at=at),
        )
        return self._current(
            agent_id,
            (criteria, sort, limit, at, after),
            lambda c: conversation_search.find(
                c, agent_id, criteria, sort=sort, limit=limit, at=at, after=after, plan=plan
            ),
            cache=self._page_cache,
        )

    def count(self, agent_id: str, criteria: Filter, *, at: int) -> int:
        """How many conversations met `criteria` as of sequence number `at`."""

        def compute() -> int:
            with self._database.reading() as connection:
                return conversation_search.count(connection, agent_id, criteria, at=at)

        # No data version in the key: the state as of a sequence number never changes.
        return self._cache.get((self.generation, agent_id, "count", criteria, at), compute)

    def _current(
        self,
        agent_id: str,
        question: Hashable,
        compute: Callable[[Connection], T],
        *,
        cache: ResultCache | None = None,
    ) -> T:
        """The answer to a question about the present state, cached until the data change."""
        with self._database.reading() as connection:
            a = agents.c
            version = connection.scalar(select(a.data_version).where(a.agent_id == agent_id))
            key = (self.generation, agent_id, question, version)
            return (cache or self._cache).get(key, lambda: compute(connection))

    def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation with its record."""
        conversations = self._conversations(agent_id, _c.id == conversation_id)
        return conversations[0] if conversations else None

    def conversations_of_leads(self, agent_id: str, lead_ids: Iterable[str]) -> list[Conversation]:
        """All conversations of these leads, with their records, newest first."""
        return self._conversations(agent_id, _c.lead_id.in_(list(lead_ids)))

    def _conversations(self, agent_id: str, condition: ColumnElement[bool]) -> list[Conversation]:
        query = (
            select(*rows.COLUMNS, records.c.record)
            .join(records, records.c.valid_from == _c.valid_from)
            .where(_c.agent_id == agent_id, _c.valid_to == CURRENT, condition)
        )
        with self._database.reading() as connection:
            result = [rows.to_conversation(row) for row in connection.execute(query).mappings()]
        # Not sorted in SQL: SQLite would scan all conversations in that order.
        return sorted(result, key=lambda c: (-_sort_time(c.last_activity), c.id))

    def field_values(self, agent_id: str, field: str) -> list[str]:
        """The values of `stage`, `state` or `label` that occur, sorted."""
        # In the narrow table, and not by an index on the agent, which would find every row.
        f = conversation_fields.c
        value = func.coalesce(f[field + SHOWN], f[field])
        of_agent = without_index(f.agent_id) == agent_id
        query = select(value).where(of_agent, f.valid_to == CURRENT, value.is_not(None)).distinct()
        return self._current(
            agent_id, ("field values", field), lambda c: sorted(c.execute(query).scalars())
        )

    def quarantine_reasons(self, agent_id: str) -> dict[str, int]:
        """How many rows are quarantined, by the reason."""
        reason = quarantine.c.reason
        query = select(reason, func.count()).where(quarantine.c.agent_id == agent_id)
        with self._database.reading() as connection:
            return dict(connection.execute(query.group_by(reason)).all())

    def lead(self, agent_id: str, lead_id: str) -> Lead | None:
        """The lead with this id."""
        leads = self.leads(agent_id, lead_ids=[lead_id])
        return leads[0] if leads else None

    def leads(self, agent_id: str, *, lead_ids: Sequence[str]) -> list[Lead]:
        """The leads with these ids, most recently active first."""
        query = select(*rows.LEAD_COLUMNS).where(_l.agent_id == agent_id)
        with self._database.reading() as connection:
            result = [
                rows.to_lead(row)
                for part in rows.chunks(lead_ids)
                for row in connection.execute(query.where(_l.lead_id.in_(part))).mappings()
            ]
        # Not sorted in SQL: SQLite would scan all leads in that order.
        return sorted(result, key=lambda lead: (-_sort_time(lead.last_activity), lead.lead_id))

    def leads_with(self, agent_id: str, field: str, values: Sequence[str]) -> list[Lead]:
        """Leads with a conversation whose `email_key`, `phone_key` or `id` is among `values`."""
        condition = conversations.c[field].in_(values)
        query = select(_c.lead_id).where(_c.agent_id == agent_id, _c.valid_to == CURRENT, condition)
        with self._database.reading() as connection:
            ids = set(connection.scalars(query)) - {None}
        return self.leads(agent_id, lead_ids=sorted(ids))

    def hot_leads(self, query: HotQuery, *, limit: int) -> list[Lead]:
        """The first `limit` hot leads, in the order of `leads.hotness.rank`."""
        return self._current(
            query.agent_id,
            ("hot leads", query, limit),
            lambda c: hot_leads.top(c, *hot_leads.hot(query), limit=limit),
        )

    def hot_count(self, query: HotQuery, *, overdue_by: datetime | None = None) -> int:
        """How many leads are hot; with `overdue_by`, those that are overdue at that moment."""
        return self._current(
            query.agent_id,
            ("hot count", query, overdue_by),
            lambda c: hot_leads.count(c, *hot_leads.hot(query), *hot_leads.overdue(overdue_by)),
        )

    def hot_summary(self, query: HotQuery) -> HotSummary:
        """Counts and sums over the leads active in the window."""
        return self._current(
            query.agent_id, ("hot summary", query), lambda c: hot_leads.summary(c, query)
        )

    def near_misses(self, query: HotQuery, *, limit: int) -> tuple[int, list[Lead]]:
        """How many leads are near misses (`leads.hotness.is_near_miss`), and the first by rank."""
        near = hot_leads.near_misses(query)
        return self._current(
            query.agent_id,
            ("near misses", query, limit),
            lambda c: (hot_leads.count(c, *near), hot_leads.top(c, *near, limit=limit)),
        )


def _sort_time(time: datetime | None) -> int:
    return UNKNOWN if time is None else rows.to_milliseconds(time) or 0
