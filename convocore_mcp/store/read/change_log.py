"""Whether and how much has changed since a sequence number (`store.changes` reads the changes)."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, select

from convocore_mcp.store.changes.log_bounds import read_bounds
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import CURRENT, agents, conversations
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.details.tables import enriched_versions
from convocore_mcp.store.fields.field_tables import lead_fields
from convocore_mcp.store.read.sql_conditions import without_index

_c = conversations.c
_e = enriched_versions.c
_l = lead_fields.c


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """What changed of an agent."""

    sequence_number: int
    """Up to here, leads follow the changes: what came later must be asked for again."""
    any: bool = False
    conversations: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many conversations are new, changed and gone."""

    created: int
    updated: int
    removed: int


class ChangeLog:
    """Reads changes. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def settled(self, agent_id: str) -> int:
        """The sequence number up to which an agent's leads were rebuilt after each change."""
        with self._database.reading() as connection:
            return read_bounds(connection, [agent_id]).up_to

    def count_changes(self, agent_id: str, *, after: int) -> ChangeCounts:
        """How many conversations were created, updated and removed since change `after`."""
        replaced = conversations.alias("replaced")
        # Not by an index on the agent, which would find every row: few rows have such numbers.
        of_agent = without_index(_c.agent_id) == agent_id
        versions = select(func.count()).select_from(conversations)
        begun = versions.where(of_agent, _c.valid_from > after)
        ended = versions.where(
            of_agent, _c.ended_at.is_not(None), _c.valid_to > after, _c.valid_to < CURRENT
        )
        same_number = and_(replaced.c.valid_to == _c.valid_from, replaced.c.ended_at.is_not(None))
        replacing = versions.join(replaced, same_number).where(of_agent, _c.valid_from > after)
        # A version that begins with the first details is no change of Convocore's.
        enriched = select(func.count()).select_from(enriched_versions)
        enriched = enriched.where(_e.valid_from > after, _e.agent_id == agent_id)
        with self._database.reading() as connection:
            begun_count, ended_count, replaced_count, enriched_count = (
                connection.execute(query).scalar_one()
                for query in (begun, ended, replacing, enriched)
            )
        return ChangeCounts(
            begun_count - replaced_count,
            replaced_count - enriched_count,
            ended_count - replaced_count,
        )

    def changed_since(
        self, agent_id: str, *, after: int, ids: Collection[str], lead_ids: Collection[str]
    ) -> ChangedSince:
        """Whether an agent's data changed after change `after`, and which of these IDs did.

        A lead has changed when one of its conversations has, and when it has become another one:
        its ID may be that of a conversation, which finds the lead that it belongs to by now.
        """
        with self._database.reading() as connection:
            up_to = sequence_number(connection)
            if up_to == after:
                return ChangedSince(up_to)
            changed = _changed_values(connection, agent_id, after, up_to, _c.id, ids)
            moved = _changed_leads(connection, agent_id, after, up_to, lead_ids)
            versions_changed = _any_changed(connection, agent_id, after, up_to)
            erased = not versions_changed and _leads_changed(connection, agent_id, after)
            if erased:  # erased rows leave no version that would show it
                changed |= _gone(connection, agent_id, _c.id, ids)
                moved |= _gone(connection, agent_id, _c.lead_id, lead_ids)
            return ChangedSince(
                max(after, read_bounds(connection, [agent_id]).up_to),
                any=versions_changed or erased,
                conversations=changed,
                leads=moved,
            )


def _began_or_ended(after: int, up_to: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # Two conditions, for two queries: joined by OR, no engine would use an index.
    return (
        and_(_c.valid_from > after, _c.valid_from <= up_to),
        and_(_c.ended_at.is_not(None), _c.valid_to > after, _c.valid_to <= up_to),
    )


def _any_changed(connection: Connection, agent_id: str, after: int, up_to: int) -> bool:
    # Not by an index on the agent, which would find every row: few rows have such numbers.
    of_agent = without_index(_c.agent_id) == agent_id
    return any(
        connection.execute(select(_c.id).where(of_agent, changed).limit(1)).first() is not None
        for changed in _began_or_ended(after, up_to)
    )


def _leads_changed(connection: Connection, agent_id: str, after: int) -> bool:
    newest = select(agents.c.leads_changed).where(agents.c.agent_id == agent_id)
    return (connection.scalar(newest) or 0) > after


def _gone(
    connection: Connection, agent_id: str, column: ColumnElement[str], values: Collection[str]
) -> frozenset[str]:
    """Those of `values` that `column` has in no version."""
    return frozenset(values) - {
        value
        for part in rows.chunks(sorted(values))
        for value in connection.scalars(
            select(column).where(_c.agent_id == agent_id, column.in_(part))
        )
    }


def _changed_leads(
    connection: Connection, agent_id: str, after: int, up_to: int, ids: Collection[str]
) -> frozenset[str]:
    """Those of `ids` that name a lead that changed, by its ID or by a conversation's."""
    current = (_c.agent_id == agent_id, _c.valid_to == CURRENT, _c.lead_id.is_not(None))
    lead_of = {
        row.id: row.lead_id
        for part in rows.chunks(sorted(ids))
        for row in connection.execute(select(_c.id, _c.lead_id).where(*current, _c.id.in_(part)))
    }
    leads = {*ids, *lead_of.values()}
    changed = _changed_values(connection, agent_id, after, up_to, _c.lead_id, leads)
    # Another person's conversation may have joined or parted leads: theirs have not changed then.
    versions = (_l.valid_from > after, and_(_l.valid_to > after, _l.valid_to <= up_to))
    changed |= {
        lead_id
        for version in versions
        for part in rows.chunks(sorted(leads))
        for lead_id in connection.scalars(
            select(_l.lead_id).where(_l.agent_id == agent_id, version, _l.lead_id.in_(part))
        )
    }
    return frozenset(id_ for id_ in ids if not changed.isdisjoint({id_, lead_of.get(id_, id_)}))


def _changed_values(
    connection: Connection,
    agent_id: str,
    after: int,
    up_to: int,
    column: ColumnElement[str],
    values: Collection[str],
) -> frozenset[str]:
    """Those of `values` that `column` has in a version that began or ended."""
    return frozenset(
        value
        for changed in _began_or_ended(after, up_to)
        for part in rows.chunks(sorted(values))
        for value in connection.scalars(
            select(column).where(_c.agent_id == agent_id, changed, column.in_(part))
        )
    )
