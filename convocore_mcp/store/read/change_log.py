"""What has changed, read from the versions of conversations.

A version that begins where no version of its conversation ended is a creation; one that begins
where another ended is an update; one that ended where no other begins is a removal. Each change has
a sequence number of its own, and transactions commit in the order of these numbers: whoever has
read everything up to a number has missed nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, union_all

from convocore_mcp.models import Change
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import CURRENT, agents, conversations, counter, records
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.details.tables import enriched_versions
from convocore_mcp.store.read.sql_conditions import without_index

_c = conversations.c
_v = conversations.alias("version")
_other = conversations.alias("other")
_e = enriched_versions.c
KINDS = ("created", "updated", "removed")


class LogBounds(NamedTuple):
    """The part of the log that can be read, in sequence numbers."""

    pruned_up_to: int
    """Old versions up to this number may be gone: only later changes are all there."""
    newest: int
    baseline: int | None
    """Changes up to this number came with the first full sync, so they are not reported.

    `None` until that sync is complete; until then nothing is reported.
    """


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


class ChangeLog:
    """Reads changes. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bounds(self, agent_id: str) -> LogBounds:
        """Which part of the log can be read."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(counter.c.pruned_up_to, counter.c.sequence_number)
            ).one()
            baseline = connection.scalar(
                select(agents.c.baseline).where(agents.c.agent_id == agent_id)
            )
        return LogBounds(row.pruned_up_to, row.sequence_number, baseline)

    def changes(
        self,
        agent_id: str,
        *,
        after: int,
        upto: int,
        kinds: Sequence[str],
        since: datetime | None,
        limit: int,
    ) -> list[Change]:
        """Changes numbered from `after` (exclusive) to `upto` (inclusive), oldest first.

        `kinds` are among `KINDS`; `since` is the earliest time at which a change was read.
        """
        earliest = rows.to_milliseconds(since)
        selects = []
        if {"created", "updated"} & set(kinds):
            began: list[ColumnElement[bool]] = [_v.c.valid_from > after, _v.c.valid_from <= upto]
            began.append(~select(_e.valid_from).where(_e.valid_from == _v.c.valid_from).exists())
            if earliest is not None:
                began.append(_v.c.read_at >= earliest)
            replaces = _exists(_other.c.valid_to == _v.c.valid_from)
            of_kind = [replaces] * ("updated" in kinds) + [~replaces] * ("created" in kinds)
            selects.append((_v.c.valid_from, literal("began"), (*began, or_(*of_kind))))
        if "removed" in kinds:
            ended = [_v.c.ended_at.is_not(None), _v.c.valid_to > after, _v.c.valid_to <= upto]
            if earliest is not None:
                ended.append(_v.c.ended_at >= earliest)
            removed = ~_exists(_other.c.valid_from == _v.c.valid_to)
            selects.append((_v.c.valid_to, literal("removed"), (*ended, removed)))
        numbered = union_all(
            *(
                select(number.label("number"), kind.label("kind"), _v.c.valid_from.label("version"))
                .where(_v.c.agent_id == agent_id, *conditions)
                .order_by(number)
                .limit(limit)
                .subquery()
                .select()
                for number, kind, conditions in selects
            )
        ).subquery()
        query = select(numbered).order_by(numbered.c.number).limit(limit)
        with self._database.reading() as connection:
            return [
                _change(connection, row.number, row.kind, row.version)
                for row in connection.execute(query).all()
            ]

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
        updated = versions.join(replaced, same_number).where(of_agent, _c.valid_from > after)
        enriched = select(func.count()).select_from(enriched_versions)
        enriched = enriched.where(_e.valid_from > after, _e.agent_id == agent_id)
        with self._database.reading() as connection:
            begun_count, ended_count, replaced_count, enriched_count = (
                connection.execute(query).scalar_one()
                for query in (begun, ended, updated, enriched)
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

        A lead has changed when one of its conversations has.
        """
        with self._database.reading() as connection:
            upto = sequence_number(connection)
            if upto == after:
                return ChangedSince(upto)
            return ChangedSince(
                upto,
                any=_any_changed(connection, agent_id, after, upto),
                conversations=_changed_values(connection, agent_id, after, upto, _c.id, ids),
                leads=_changed_values(connection, agent_id, after, upto, _c.lead_id, lead_ids),
            )


def _began_or_ended(after: int, upto: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # Two conditions, for two queries: joined by OR, no engine would use an index.
    return (
        and_(_c.valid_from > after, _c.valid_from <= upto),
        and_(_c.ended_at.is_not(None), _c.valid_to > after, _c.valid_to <= upto),
    )


def _any_changed(connection: Connection, agent_id: str, after: int, upto: int) -> bool:
    # Not by an index on the agent, which would find every row: few rows have such numbers.
    of_agent = without_index(_c.agent_id) == agent_id
    return any(
        connection.execute(select(_c.id).where(of_agent, changed).limit(1)).first() is not None
        for changed in _began_or_ended(after, upto)
    )


def _changed_values(
    connection: Connection,
    agent_id: str,
    after: int,
    upto: int,
    column: ColumnElement[str],
    values: Collection[str],
) -> frozenset[str]:
    """Those of `values` that `column` has in a version that began or ended."""
    return frozenset(
        value
        for changed in _began_or_ended(after, upto)
        for part in rows.chunks(sorted(values))
        for value in connection.scalars(
            select(column).where(_c.agent_id == agent_id, changed, column.in_(part))
        )
    )


def _change(connection: Connection, number: int, kind: str, version: int) -> Change:
    query = select(*rows.COLUMNS, records.c.record, _c.read_at, _c.ended_at)
    query = query.join(records, records.c.valid_from == _c.valid_from)
    row = connection.execute(query.where(_c.valid_from == version)).mappings().one()
    after = rows.to_conversation(row)
    if kind == "removed":
        removed_at = rows.from_milliseconds(row["ended_at"] or row["read_at"])
        return Change(number, "removed", removed_at, after, None)
    replaced = (_c.agent_id == after.agent_id, _c.id == after.id, _c.valid_to == number)
    old = connection.execute(query.where(*replaced)).mappings().first()
    kind = "created" if old is None else "updated"
    before = None if old is None else rows.to_conversation(old)
    return Change(number, kind, rows.from_milliseconds(row["read_at"]), after, before)


def _exists(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is another version of the same conversation with `condition`."""
    same = and_(_other.c.agent_id == _v.c.agent_id, _other.c.id == _v.c.id)
    return select(_other.c.valid_from).where(same, condition).exists()
