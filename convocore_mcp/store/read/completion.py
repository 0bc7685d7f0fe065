"""Small looks at the mirror: what may be meant by a few letters, and what has changed since."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select

from convocore_mcp.models import MAX_WORD_LENGTH, NAME_WORD, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import (
    CURRENT,
    conversations,
    counter,
    leads,
    quarantine,
    terms,
)
from convocore_mcp.store.read.conditions import occurs
from convocore_mcp.store.read.conversation_search import INDEX_LOOKUP_LIMIT

_c, _l = conversations.c, leads.c
_LAST = "\U0010ffff"
"""Sorts behind every character."""


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """What changed of an agent, up to a sequence number."""

    sequence_number: int
    any: bool = False
    conversations: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many conversations are new, changed and gone."""

    created: int
    updated: int
    removed: int


class CompletionReader:
    """Plain blocking calls: hand them to a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def conversation_ids(self, agent_id: str, begins: str, *, limit: int) -> list[str]:
        """IDs that begin so; the newest conversations' where anything would do."""
        query = select(_c.id).where(_c.agent_id == agent_id, _c.valid_to == CURRENT).limit(limit)
        if begins:
            query = query.where(_c.id >= begins, _c.id < begins + _LAST).order_by(_c.id)
        else:
            query = query.order_by(_c.by_newest.desc(), _c.id.desc())
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def lead_ids(self, agent_id: str, begins: str, *, limit: int) -> list[str]:
        """IDs of leads that begin so."""
        query = select(_l.lead_id).where(_l.agent_id == agent_id)
        query = query.where(_l.lead_id >= begins, _l.lead_id < begins + _LAST)
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(_l.lead_id).limit(limit)).scalars())

    def people(self, agent_id: str, beginnings: Collection[str], *, limit: int) -> list[Lead]:
        """Leads with a name that has words with these beginnings, latest active first."""
        text = _l.text.concat(" ")
        query = (
            select(*rows.LEAD_COLUMNS)
            .where(_l.agent_id == agent_id, _l.name.is_not(None))
            .where(*(occurs(text, f" {word}") for word in beginnings))
            .order_by(_l.last_activity.desc().nulls_last(), _l.lead_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            if beginnings:
                # Few are looked up; many are soon come across among the latest.
                with_it = _with_word(agent_id, max(beginnings, key=len))
                few = connection.execute(with_it.limit(INDEX_LOOKUP_LIMIT + 1)).all()
                if len(few) <= INDEX_LOOKUP_LIMIT:
                    query = query.where(_l.lead_id.in_(with_it))
            return [rows.lead(row) for row in connection.execute(query).mappings()]

    def sequence_number(self) -> int:
        """The number of the newest change."""
        with self._database.reading() as connection:
            return int(connection.execute(select(counter.c.sequence_number)).scalar_one())

    def counted(self, agent_id: str, *, after: int) -> ChangeCounts:
        """What has come, changed and gone since change `after`."""
        old = conversations.alias()
        its = _c.agent_id.concat("") == agent_id  # not by the agent's index, see `news`
        begun = select(func.count()).select_from(conversations).where(its, _c.valid_from > after)
        ended = select(func.count()).select_from(conversations)
        ended = ended.where(
            its, _c.ended_at.is_not(None), _c.valid_to > after, _c.valid_to < CURRENT
        )
        replaced = select(func.count()).select_from(conversations)
        replaced = replaced.join(
            old, and_(old.c.valid_to == _c.valid_from, old.c.ended_at.is_not(None))
        )
        with self._database.reading() as connection:
            new, over, both = (
                connection.execute(query).scalar_one()
                for query in (begun, ended, replaced.where(its, _c.valid_from > after))
            )
        return ChangeCounts(new - both, both, over - both)

    def quarantined(self, agent_id: str) -> dict[str, int]:
        """How many records could not be read, by the reason as it was found."""
        reason = quarantine.c.reason
        query = select(reason, func.count()).where(quarantine.c.agent_id == agent_id)
        with self._database.reading() as connection:
            found = connection.execute(query.group_by(reason)).tuples()
            return dict(found.all())

    def changed_since(
        self, agent_id: str, *, after: int, ids: Collection[str], lead_ids: Collection[str]
    ) -> ChangedSince:
        """Whether anything of an agent changed behind change `after`, and which of these did.

        A lead has changed when one of its conversations has.
        """
        upto = self.sequence_number()
        if upto == after:
            return ChangedSince(upto)
        began = and_(_c.valid_from > after, _c.valid_from <= upto)
        ended = and_(_c.ended_at.is_not(None), _c.valid_to > after, _c.valid_to <= upto)
        with self._database.reading() as connection:

            def changed(
                column: ColumnElement[str], values: Collection[str] | None = None
            ) -> frozenset[str]:
                found: set[str] = set()
                for when in (began, ended):
                    query = select(column).where(_c.agent_id == agent_id, when)
                    if values is None:
                        # Not by the agent's index, which has everything: by number there is little.
                        its = _c.agent_id.concat("") == agent_id
                        query = select(column).where(its, when).limit(1)
                        found.update(connection.execute(query).scalars())
                        continue
                    for part in rows.parts(sorted(values)):
                        found.update(connection.execute(query.where(column.in_(part))).scalars())
                return frozenset(found)

            return ChangedSince(
                upto, bool(changed(_c.id)), changed(_c.id, ids), changed(_c.lead_id, lead_ids)
            )


def _with_word(agent_id: str, beginning: str) -> Select[str]:
    """The leads that go by a word that begins so."""
    t, begins = terms.c, f"{NAME_WORD}{beginning[:MAX_WORD_LENGTH]}"
    return select(t.lead_id).where(
        t.agent_id == agent_id, t.term >= begins, t.term < begins + _LAST
    )
