"""Reading the mirror. Plain blocking calls: hand them to a thread."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, select

from convocore_mcp.models import Conversation, Filter, Group, HotQuery, HotSummary, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import (
    CURRENT,
    UNKNOWN,
    agents,
    conversations,
    counter,
    leads,
    records,
)
from convocore_mcp.store.read import conversation_search, hot_leads
from convocore_mcp.store.read.aggregates import stats
from convocore_mcp.store.read.cache import AnswerCache
from convocore_mcp.store.read.conversation_search import Key
from convocore_mcp.store.read.people_index import PeopleIndex

ANSWERS, PAGES = 2_000, 64
"""Counts and sums that are kept, a few hundred bytes each, and pages of rows, up to 200 kB each."""
T = TypeVar("T")
_c, _l = conversations.c, leads.c


class MirrorReader:
    """Questions to the mirror, one method each."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = AnswerCache(ANSWERS)
        self._pages = AnswerCache(PAGES)
        self.people_index = PeopleIndex(database)

    @property
    def generation(self) -> str:
        """Which filling of the mirror this is; sequence numbers mean nothing in another."""
        return self._database.generation

    def sequence_number(self) -> int:
        """The number of the newest change."""
        with self._database.reading() as connection:
            return int(connection.execute(select(counter.c.sequence_number)).scalar_one())

    def find(
        self, agent_id: str, wanted: Filter, *, sort: str, limit: int, at: int, after: Key | None
    ) -> list[tuple[Conversation, Key]]:
        """The conversations that fit, as they were at change `at`, from behind `after` on.

        Each comes with its place in the order. Records are not read.
        """
        plan = conversation_search.Plan.of(
            wanted,
            matching=self.count(agent_id, conversation_search.unbounded(wanted), at=at),
            fitting=self.count(agent_id, wanted, at=at),
        )
        return self._now(
            agent_id,
            (wanted, sort, limit, at, after),
            lambda c: conversation_search.find(
                c, agent_id, wanted, sort=sort, limit=limit, at=at, after=after, plan=plan
            ),
            kept=self._pages,
        )

    def count(self, agent_id: str, wanted: Filter, *, at: int) -> int:
        """How many conversations fit, as they were at change `at`."""

        def work_out() -> int:
            with self._database.reading() as connection:
                return conversation_search.count(connection, agent_id, wanted, at=at)

        # How it was then never changes.
        return self._cache.answer((self.generation, agent_id, "count", wanted, at), work_out)

    def _now(
        self,
        agent_id: str,
        question: Hashable,
        ask: Callable[[Connection], T],
        *,
        kept: AnswerCache | None = None,
    ) -> T:
        """The answer to a question about how things are now."""
        with self._database.reading() as connection:
            a = agents.c
            state = connection.scalar(select(a.state).where(a.agent_id == agent_id))
            known = (self.generation, agent_id, question, state)
            return (kept or self._cache).answer(known, lambda: ask(connection))

    def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """One conversation with its record."""
        found = self._conversations(agent_id, _c.id == conversation_id)
        return found[0] if found else None

    def of_leads(self, agent_id: str, lead_ids: Iterable[str]) -> list[Conversation]:
        """All conversations of these leads, with their records, newest first."""
        return self._conversations(agent_id, _c.lead_id.in_(list(lead_ids)))

    def _conversations(self, agent_id: str, which: ColumnElement[bool]) -> list[Conversation]:
        query = (
            select(*rows.COLUMNS, records.c.record)
            .join(records, records.c.valid_from == _c.valid_from)
            .where(_c.agent_id == agent_id, _c.valid_to == CURRENT, which)
        )
        with self._database.reading() as connection:
            found = [rows.conversation(row) for row in connection.execute(query).mappings()]
        # Not in SQL: SQLite would go through all conversations in that order.
        return sorted(found, key=lambda c: (-_time(c.last_activity), c.id))

    def known(self, agent_id: str, field: str) -> list[str]:
        """The values of `stage`, `state` or `label` that occur."""
        column = conversations.c[field]
        here = (_c.agent_id == agent_id, _c.valid_to == CURRENT, column.is_not(None))
        query = select(column).where(*here).distinct()
        return self._now(agent_id, ("known", field), lambda c: sorted(c.execute(query).scalars()))

    def stats(
        self, agent_id: str, wanted: Filter, group_by: Sequence[str], *, hot_from: float
    ) -> list[Group]:
        """What fits, counted and added up by each combination of values of `group_by`."""
        return self._now(
            agent_id,
            ("stats", wanted, tuple(group_by), hot_from),
            lambda connection: stats(connection, agent_id, wanted, group_by, hot_from=hot_from),
        )

    # Leads

    def lead(self, agent_id: str, lead_id: str) -> Lead | None:
        """The lead of that id."""
        found = self.leads(agent_id, lead_ids=[lead_id])
        return found[0] if found else None

    def leads(self, agent_id: str, *, lead_ids: Sequence[str]) -> list[Lead]:
        """The leads of these ids, latest active first."""
        query = select(*rows.LEAD_COLUMNS).where(_l.agent_id == agent_id)
        with self._database.reading() as connection:
            found = [
                rows.lead(row)
                for part in rows.parts(lead_ids)
                for row in connection.execute(query.where(_l.lead_id.in_(part))).mappings()
            ]
        # Not in SQL: SQLite would go through all leads in that order.
        return sorted(found, key=lambda lead: (-_time(lead.last_activity), lead.lead_id))

    def leads_with(self, agent_id: str, field: str, values: Sequence[str]) -> list[Lead]:
        """Leads with a conversation whose `email_key`, `phone_key` or `id` is among `values`."""
        return self._leads_of(agent_id, conversations.c[field].in_(values))

    def _leads_of(self, agent_id: str, which: ColumnElement[bool]) -> list[Lead]:
        query = select(_c.lead_id).where(_c.agent_id == agent_id, _c.valid_to == CURRENT, which)
        with self._database.reading() as connection:
            ids = set(connection.scalars(query)) - {None}
        return self.leads(agent_id, lead_ids=sorted(ids))

    def hot_leads(self, heat: HotQuery, *, limit: int) -> list[Lead]:
        """The hottest, in the order of `leads.heat.rank`."""
        return self._now(
            heat.agent_id,
            ("hot leads", heat, limit),
            lambda c: hot_leads.first(c, *hot_leads.met(heat), limit=limit),
        )

    def hot_count(self, heat: HotQuery) -> int:
        """How many are hot_leads."""
        return self._now(
            heat.agent_id, ("hot count", heat), lambda c: hot_leads.count(c, *hot_leads.met(heat))
        )

    def hot_summary(self, heat: HotQuery) -> HotSummary:
        """Counts and sums over the leads active in the window."""
        return self._now(heat.agent_id, ("hot", heat), lambda c: hot_leads.summary(c, heat))

    def near_misses(self, heat: HotQuery, *, limit: int) -> tuple[int, list[Lead]]:
        """Leads that would be hot but for their label or ten points of score."""
        near = hot_leads.near(heat)
        return self._now(
            heat.agent_id,
            ("near", heat, limit),
            lambda c: (hot_leads.count(c, *near), hot_leads.first(c, *near, limit=limit)),
        )


def _time(moment: datetime | None) -> int:
    return UNKNOWN if moment is None else rows.milliseconds(moment) or 0
