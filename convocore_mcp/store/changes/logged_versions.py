"""Finds the versions of changes: the number of a change, and its versions before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    literal,
    or_,
    select,
    union_all,
)

from convocore_mcp.store.changes.log_bounds import LogBounds
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.schema import conversations, records
from convocore_mcp.store.details.tables import enriched_versions
from convocore_mcp.store.read.sql_conditions import without_index

_c = conversations.c
_v = conversations.alias("version")
_other = conversations.alias("other")
_e = enriched_versions.c
KINDS = ("created", "updated", "removed")


class NumberedChange(NamedTuple):
    """A change, and the version that it began, or ended where it is a removal.

    `kind` is `began` or `removed`: whether `began` means created or updated, `read_versions` tells.
    """

    number: int
    kind: str
    version: int


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A change with the rows of its versions."""

    number: int
    kind: str
    row: RowMapping
    old: RowMapping | None

    @property
    def lead_id(self) -> str | None:
        """The lead that the conversation was in after the change, or before it was removed.

        Later changes of other conversations may have moved it.
        """
        first: str | None = None if self.kind == "removed" else self.row["first_lead_id"]
        return first or self.row["lead_id"]


def numbered_changes(
    connection: Connection, bounds: LogBounds, *, after: int, kinds: Sequence[str], limit: int
) -> list[NumberedChange]:
    """The first `limit` changes after number `after`, in order."""
    selects = []
    if {"created", "updated"} & set(kinds):
        replaces = _exists(_other.c.valid_to == _v.c.valid_from)
        of_kind = [replaces] * ("updated" in kinds) + [~replaces] * ("created" in kinds)
        is_enriched = select(_e.valid_from).where(_e.valid_from == _v.c.valid_from).exists()
        began = (*_in_range(_v.c.valid_from, after, bounds), ~is_enriched, or_(*of_kind))
        selects.append((_v.c.valid_from, literal("began"), began))
    if "removed" in kinds:
        continues = _exists(_other.c.valid_from == _v.c.valid_to)
        ended = (*_in_range(_v.c.valid_to, after, bounds), _v.c.ended_at.is_not(None), ~continues)
        selects.append((_v.c.valid_to, literal("removed"), ended))
    numbered = union_all(
        *(
            select(number.label("number"), kind.label("kind"), _v.c.valid_from.label("version"))
            .where(*conditions)
            .order_by(number)
            .limit(limit)
            .subquery()
            .select()
            for number, kind, conditions in selects
        )
    ).subquery()
    found = connection.execute(select(numbered).order_by(numbered.c.number).limit(limit))
    return [NumberedChange(*row) for row in found]


def _in_range(
    number: ColumnElement[int], after: int, bounds: LogBounds
) -> tuple[ColumnElement[bool], ...]:
    """Whether a number is above `after` and the baseline of its agent, and within `bounds`."""
    agent = without_index(_v.c.agent_id)
    of_agents = (
        and_(agent == agent_id, number > baseline)
        for agent_id, baseline in bounds.baselines.items()
    )
    return (number > after, number <= bounds.up_to, or_(*of_agents))


def read_versions(connection: Connection, numbered: Sequence[NumberedChange]) -> list[LoggedChange]:
    """The same changes with their versions."""
    query = select(
        *rows.COLUMNS,
        *(_c.valid_from, _c.valid_to, _c.read_at, _c.ended_at, _c.first_lead_id),
        records.c.record,
    ).join(records, records.c.valid_from == _c.valid_from)
    by_version: dict[int, RowMapping] = {}
    by_end: dict[int, RowMapping] = {}
    for part in rows.chunks(numbered):
        versions = _c.valid_from.in_([change.version for change in part])
        by_version |= {row["valid_from"]: row for row in _mappings(connection, query, versions)}
        began = [change.number for change in part if change.kind == "began"]
        ended = and_(_c.ended_at.is_not(None), _c.valid_to.in_(began))
        by_end |= {row["valid_to"]: row for row in _mappings(connection, query, ended)}
    return [_logged(change, by_version[change.version], by_end) for change in numbered]


def _logged(change: NumberedChange, row: RowMapping, by_end: dict[int, RowMapping]) -> LoggedChange:
    if change.kind == "removed":
        return LoggedChange(change.number, "removed", row, None)
    old = by_end.get(change.number)
    return LoggedChange(change.number, "created" if old is None else "updated", row, old)


def versions_of(connection: Connection, numbers: Sequence[int]) -> dict[int, RowMapping]:
    """Versions by `valid_from`, without records."""
    query = select(*rows.COLUMNS, _c.valid_from)
    return {
        row["valid_from"]: row
        for part in rows.chunks(numbers)
        for row in _mappings(connection, query, _c.valid_from.in_(part))
    }


def _mappings(
    connection: Connection, query: Select[*tuple[object, ...]], condition: ColumnElement[bool]
) -> Sequence[RowMapping]:
    return connection.execute(query.where(condition)).mappings().all()


def _exists(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is another version of the same conversation with `condition`."""
    same = and_(_other.c.agent_id == _v.c.agent_id, _other.c.id == _v.c.id)
    return select(_other.c.valid_from).where(same, condition).exists()
