"""Writing the mirror. `sync` alone does this; everybody else reads (`queries`)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from convocore_mcp.models import Conversation, Coverage, Keys, Lead, Page
from convocore_mcp.store.engine import Database
from convocore_mcp.store.people import settle
from convocore_mcp.store.rows import (
    conversation_row,
    digest,
    facet_rows,
    milliseconds,
    moment,
)
from convocore_mcp.store.schema import (
    CURRENT,
    agents,
    conversations,
    counter,
    facets,
    quarantine,
    unsettled,
)

KEEP_VERSIONS = 7 * 24 * 3600 * 1000
"""Milliseconds for which an old version is kept: a week of changes can be asked for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The decisions that the mirror applies but does not make."""

    keys: Callable[[Conversation], Keys]
    merge: Callable[[Iterable[tuple[Conversation, Keys]]], Sequence[Lead]]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a page changed."""

    created: int
    updated: int
    unchanged: int


class Mirror:
    """The local copy. Plain blocking calls: hand them to a thread."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self.database = database
        self._rules = rules

    def coverage(self, agent_id: str) -> Coverage:
        """How much of an agent's list is here."""
        c = conversations.c
        with self.database.reading() as connection:
            row = connection.execute(select(agents).where(agents.c.agent_id == agent_id)).first()
            held = and_(c.agent_id == agent_id, c.until == CURRENT)
            count = connection.scalar(select(func.count()).select_from(conversations).where(held))
            bad = connection.scalar(
                select(func.count())
                .select_from(quarantine)
                .where(quarantine.c.agent_id == agent_id)
            )
            seq = connection.scalar(select(counter.c.seq))
        known: dict[str, Any] = dict(row._mapping) if row else {}
        return Coverage(
            as_of=moment(known.get("as_of")),
            walked_at=moment(known.get("walked_at")),
            oldest=moment(known.get("oldest")),
            mark=moment(known.get("mark")),
            conversations=count or 0,
            quarantined=bad or 0,
            seq=seq or 0,
            gap=known.get("gap"),
        )

    def save(self, agent_id: str, page: Page, *, read_at: datetime) -> Saved:
        """Take in one page, in one transaction. A row read before the one held is not taken.

        `read_at` is when the page was asked for; rows newer than it in the mirror stay.
        """
        rows = {row.id: row for row in page.rows}
        at = milliseconds(read_at) or 0
        with self.database.writing() as connection:
            seq = _take_turn(connection)
            held = _held(connection, agent_id, rows)
            fresh = [
                (row, old)
                for row in rows.values()
                if (old := held.get(row.id)) is None
                or (old.digest != digest(row.record) and old.read_at <= at)
            ]
            self._replace(connection, fresh, seq=seq, at=at)
            _set_turn(connection, seq + len(fresh))
            _keep_aside(connection, agent_id, page, at)
            found_again = [old.seq for old in held.values() if old.missed]
            if found_again:
                connection.execute(
                    update(conversations)
                    .where(conversations.c.seq.in_(found_again))
                    .values(missed=0)
                )
        updated = sum(old is not None for _, old in fresh)
        return Saved(len(fresh) - updated, updated, len(rows) - len(fresh))

    def _replace(
        self,
        connection: Connection,
        fresh: Sequence[tuple[Conversation, Any | None]],
        *,
        seq: int,
        at: int,
    ) -> None:
        if not fresh:
            return
        versions, values, changed = [], [], []
        for number, (row, old) in enumerate(fresh, start=seq + 1):
            lead_id = old.lead_id if old is not None else None
            if old is not None:
                _end(connection, old.seq, until=number, at=at)
            columns = conversation_row(row, self._rules.keys(row))
            place = {"seq": number, "until": CURRENT, "read_at": at, "missed": 0}
            versions.append(columns | place | {"lead_id": lead_id})
            values.extend(facet_rows(row, number))
            changed.append((row.id, lead_id))
        connection.execute(insert(conversations), versions)
        if values:
            connection.execute(insert(facets), values)
        _unsettle(connection, fresh[0][0].agent_id, changed)

    def remove(self, agent_id: str, ids: Iterable[str], *, at: datetime) -> int:
        """Take out conversations that Convocore no longer has; returns how many were there."""
        now = milliseconds(at) or 0
        with self.database.writing() as connection:
            seq = _take_turn(connection)
            held = _held(connection, agent_id, ids)
            for number, old in enumerate(held.values(), start=seq + 1):
                _end(connection, old.seq, until=number, at=now)
            _set_turn(connection, seq + len(held))
            _unsettle(connection, agent_id, [(old.id, old.lead_id) for old in held.values()])
        return len(held)

    def missing(self, agent_id: str, seen: Iterable[str], *, before: datetime) -> dict[str, int]:
        """Conversations held since `before` but not among `seen`, and how often each was missed."""
        c = conversations.c
        with self.database.reading() as connection:
            held = connection.execute(
                select(c.id, c.missed).where(
                    c.agent_id == agent_id,
                    c.until == CURRENT,
                    c.read_at < (milliseconds(before) or 0),
                )
            )
            known = set(seen)
            return {row.id: row.missed for row in held if row.id not in known}

    def miss(self, agent_id: str, ids: Iterable[str]) -> None:
        """Note that a complete walk did not see these."""
        with self.database.writing() as connection:
            found = [old.seq for old in _held(connection, agent_id, ids).values()]
            connection.execute(
                update(conversations)
                .where(conversations.c.seq.in_(found))
                .values(missed=conversations.c.missed + 1)
            )

    def note(self, agent_id: str, **progress: datetime | str | None) -> None:
        """Set fields of the agent's coverage: `as_of`, `walked_at`, `oldest`, `mark`, `gap`."""
        values: dict[str, Any] = {
            name: milliseconds(value) if isinstance(value, datetime) else value
            for name, value in progress.items()
        }
        with self.database.writing() as connection:
            if values.get("walked_at") is not None:
                baseline = connection.execute(
                    select(agents.c.baseline).where(agents.c.agent_id == agent_id)
                ).scalar()
                if baseline is None:
                    values["baseline"] = _take_turn(connection)
            known = update(agents).where(agents.c.agent_id == agent_id).values(values)
            if not connection.execute(known).rowcount:
                try:
                    row = {"agent_id": agent_id} | values
                    connection.execute(insert(agents), row)
                except IntegrityError:  # another process was first
                    connection.execute(known)

    def release(self, agent_id: str, *, before: datetime) -> None:
        """Forget quarantined rows that a complete walk begun at `before` did not bring again."""
        with self.database.writing() as connection:
            connection.execute(
                delete(quarantine).where(
                    quarantine.c.agent_id == agent_id,
                    quarantine.c.seen_at < (milliseconds(before) or 0),
                )
            )

    def settle(self, agent_id: str) -> int:
        """Bring the leads up to date with the conversations; returns how many were made."""
        made = 0
        while True:
            with self.database.writing() as connection:
                _take_turn(connection)
                count = settle(connection, agent_id, self._rules.merge)
            if count is None:
                return made
            made += count

    def prune(self, *, now: datetime) -> int:
        """Drop versions that ended long ago; returns how many."""
        before = (milliseconds(now) or 0) - KEEP_VERSIONS
        with self.database.writing() as connection:
            c = conversations.c
            gone = select(c.seq).where(c.until < CURRENT, c.ended_at < before)
            newest = connection.scalar(select(func.max(c.until)).where(c.seq.in_(gone)))
            if newest is None:
                return 0
            connection.execute(update(counter).values(horizon=newest))
            connection.execute(delete(facets).where(facets.c.seq.in_(gone)))
            return connection.execute(delete(conversations).where(c.seq.in_(gone))).rowcount

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def _take_turn(connection: Connection) -> int:
    # Writing first takes the lock: the next writer waits here until this one has committed.
    connection.execute(update(counter).values(seq=counter.c.seq))
    return int(connection.execute(select(counter.c.seq)).scalar_one())


def _set_turn(connection: Connection, seq: int) -> None:
    connection.execute(update(counter).values(seq=seq))


def _held(connection: Connection, agent_id: str, ids: Iterable[str]) -> dict[str, Any]:
    c = conversations.c
    found = connection.execute(
        select(c.seq, c.id, c.digest, c.read_at, c.lead_id, c.missed).where(
            c.agent_id == agent_id, c.until == CURRENT, c.id.in_(list(ids))
        )
    )
    return {row.id: row for row in found}


def _end(connection: Connection, seq: int, *, until: int, at: int) -> None:
    c = conversations.c
    connection.execute(update(conversations).where(c.seq == seq).values(until=until, ended_at=at))


def _unsettle(
    connection: Connection, agent_id: str, changed: Iterable[tuple[str, str | None]]
) -> None:
    rows = [{"agent_id": agent_id, "id": id_, "lead_id": lead or ""} for id_, lead in changed]
    if not rows:
        return
    u = unsettled.c
    ids = [row["id"] for row in rows]
    query = select(u.id, u.lead_id).where(u.agent_id == agent_id, u.id.in_(ids))
    known = {(row.id, row.lead_id) for row in connection.execute(query)}
    new = [row for row in rows if (row["id"], row["lead_id"]) not in known]
    if new:
        connection.execute(insert(unsettled), new)


def _keep_aside(connection: Connection, agent_id: str, page: Page, at: int) -> None:
    bad = {digest(row.raw): row for row in page.quarantined}
    if not bad:
        return
    q = quarantine.c
    connection.execute(delete(quarantine).where(q.agent_id == agent_id, q.digest.in_(bad)))
    connection.execute(
        insert(quarantine),
        [
            {"agent_id": agent_id, "digest": key, "raw": b.raw, "reason": b.reason, "seen_at": at}
            for key, b in bad.items()
        ],
    )
