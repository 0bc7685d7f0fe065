"""What changed, read off the versions of conversations.

A version that begins where none of its conversation ended is a creation; one that begins where
another ended is an update; one that ended where none begins is a removal. Each has a number of its
own in the one sequence, in which transactions commit, so whoever has seen everything up to a
number has missed nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, select, union_all

from convocore_mcp.models import Change
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import agents, conversations, counter, records

_v = conversations.alias("version")
_other = conversations.alias("other")
KINDS = ("created", "updated", "removed")


class ChangeLog:
    """Reads changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bounds(self, agent_id: str) -> tuple[int, int, int | None]:
        """The oldest number from which on nothing is lost, the newest, and the baseline.

        Everything up to the baseline came with the first walk and is no change; `None` means that
        the walk is not complete, so that nothing is one.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(counter.c.horizon, counter.c.sequence_number)).one()
            baseline = connection.execute(
                select(agents.c.baseline).where(agents.c.agent_id == agent_id)
            ).scalar()
        return row.horizon, row.sequence_number, baseline

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
        """Changes numbered from `after` (exclusive) to `upto`, oldest first."""
        at_least = rows.milliseconds(since)
        parts = []
        if {"created", "updated"} & set(kinds):
            began: list[ColumnElement[bool]] = [_v.c.valid_from > after, _v.c.valid_from <= upto]
            if at_least is not None:
                began.append(_v.c.read_at >= at_least)
            followed = _exists(_other.c.valid_to == _v.c.valid_from)
            wanted = [followed] * ("updated" in kinds) + [~followed] * ("created" in kinds)
            parts.append((_v.c.valid_from, literal("began"), (*began, or_(*wanted))))
        if "removed" in kinds:
            ended = [_v.c.ended_at.is_not(None), _v.c.valid_to > after, _v.c.valid_to <= upto]
            if at_least is not None:
                ended.append(_v.c.ended_at >= at_least)
            gone = ~_exists(_other.c.valid_from == _v.c.valid_to)
            parts.append((_v.c.valid_to, literal("removed"), (*ended, gone)))
        numbered = union_all(
            *(
                select(number.label("number"), kind.label("kind"), _v.c.valid_from.label("version"))
                .where(_v.c.agent_id == agent_id, *which)
                .order_by(number)
                .limit(limit)
                .subquery()
                .select()
                for number, kind, which in parts
            )
        ).subquery()
        query = select(numbered).order_by(numbered.c.number).limit(limit)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
            return [self._change(connection, row.number, row.kind, row.version) for row in found]

    def _change(self, connection: Any, number: int, kind: str, version: int) -> Change:
        c = conversations.c
        query = select(*rows.COLUMNS, records.c.record, c.read_at, c.ended_at)
        query = query.join(records, records.c.valid_from == c.valid_from)
        one = connection.execute(query.where(c.valid_from == version)).mappings().one()
        after = rows.conversation(one)
        if kind == "removed":
            at = rows.moment(one["ended_at"] or one["read_at"])
            return Change(number, "removed", at, after, None)
        its = (c.agent_id == after.agent_id, c.id == after.id, c.valid_to == number)
        before = connection.execute(query.where(*its)).mappings().first()
        kind = "created" if before is None else "updated"
        old = None if before is None else rows.conversation(before)
        return Change(number, kind, rows.moment(one["read_at"]), after, old)


def _exists(where: ColumnElement[bool]) -> ColumnElement[bool]:
    same = and_(_other.c.agent_id == _v.c.agent_id, _other.c.id == _v.c.id)
    return select(_other.c.valid_from).where(same, where).exists()
