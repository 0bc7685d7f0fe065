"""Writing the mirror. `sync` alone does this; everybody else reads (`queries`)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from convocore_mcp.models import Conversation, Coverage, DerivedKeys, Lead, Page, Quarantined
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.coverage import changed, coverage, note, reached
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import (
    conversation_row,
    digest,
    milliseconds,
)
from convocore_mcp.store.database.schema import (
    CURRENT,
    agents,
    conversations,
    counter,
    quarantine,
    records,
)
from convocore_mcp.store.write import versions
from convocore_mcp.store.write.rebuild import rebuild_leads

KEEP_VERSIONS = 7 * 24 * 3600 * 1000
"""Milliseconds for which an old version is kept: a week of changes can be asked for."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The decisions that the mirror applies but does not make."""

    keys: Callable[[Conversation], DerivedKeys]
    merge: Callable[[Iterable[tuple[Conversation, DerivedKeys]]], Sequence[Lead]]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a page changed."""

    created: int
    updated: int
    unchanged: int


class MirrorWriter:
    """The local copy. Plain blocking calls: hand them to a thread."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self.database = database
        self._rules = rules

    def coverage(self, agent_id: str) -> Coverage:
        """How much of an agent's list is here."""
        with self.database.reading() as connection:
            return coverage(connection, agent_id)

    def reached(self, agent_id: str) -> datetime | None:
        """How far back a first reading has got (`coverage.reached`)."""
        with self.database.reading() as connection:
            return reached(connection, agent_id)

    def save(
        self, agent_id: str, page: Page, *, read_at: datetime, unfinished: datetime | None = None
    ) -> Saved:
        """Take in one page, in one transaction. A row read before the one held is not taken.

        `read_at` is when the page was asked for; rows newer than it in the mirror stay. `sweep`
        is when the walk began that the page belongs to: its place is kept with the rows.
        """
        rows = {row.id: row for row in page.rows if not versions.too_long(row)}
        at = milliseconds(read_at) or 0
        with self.database.writing() as connection:
            sequence_number = _take_write_lock(connection)
            held = versions.held(connection, agent_id, rows)
            fresh = [
                (row, old)
                for row in rows.values()
                if (old := held.get(row.id)) is None
                or (old.digest != digest(row.record) and old.seen_at <= at)
            ]
            self._replace(connection, fresh, sequence_number=sequence_number, at=at)
            _keep_aside(connection, agent_id, page, at)
            replaced = {row.id for row, _ in fresh}
            same = [old.valid_from for old in held.values() if old.id not in replaced]
            # Unreadable now, but there: no walk has missed it.
            ids = [bad.id for bad in page.quarantined if bad.id is not None]
            unreadable = versions.held(connection, agent_id, ids).values() if ids else ()
            versions.seen(connection, [*same, *(old.valid_from for old in unreadable)], at)
            if unfinished is not None and page.resume_token is not None:
                a = agents.c
                ours = (a.agent_id == agent_id, a.full_sync_started_at == milliseconds(unfinished))
                connection.execute(
                    update(agents).where(*ours).values(resume_token=page.resume_token)
                )
        updated = sum(old is not None for _, old in fresh)
        return Saved(len(fresh) - updated, updated, len(rows) - len(fresh))

    def _replace(
        self,
        connection: Connection,
        fresh: Sequence[tuple[Conversation, Any | None]],
        *,
        sequence_number: int,
        at: int,
    ) -> None:
        if not fresh:
            return
        fresh = fresh[::-1]  # pages come newest first; what happened first is the first change
        ended = [
            (old, number) for number, (_, old) in enumerate(fresh, start=sequence_number + 1) if old
        ]
        versions.end(connection, ended, at=at)
        new = []
        for number, (row, old) in enumerate(fresh, start=sequence_number + 1):
            columns = conversation_row(row, self._rules.keys(row))
            validity = {
                "valid_from": number,
                "valid_to": CURRENT,
                "read_at": at,
                "seen_at": at,
                "missed": 0,
            }
            new.append(validity | columns | {"lead_id": old.lead_id if old else None})
        bulk.put(connection, conversations, list(new[0]), (tuple(row.values()) for row in new))
        whole = (
            (n, storable(row.record)) for n, (row, _) in enumerate(fresh, start=sequence_number + 1)
        )
        bulk.put(connection, records, ("valid_from", "record"), whole)
        versions.mark_dirty(
            connection, [(row.agent_id, row.id, old and old.lead_id) for row, old in fresh]
        )
        _set_sequence_number(connection, sequence_number + len(fresh))
        changed(connection, fresh[0][0].agent_id, more=len(fresh) - len(ended))

    def remove(self, agent_id: str, ids: Iterable[str], *, at: datetime) -> int:
        """Take out conversations that Convocore no longer has; returns how many were there."""
        now = milliseconds(at) or 0
        with self.database.writing() as connection:
            sequence_number = _take_write_lock(connection)
            held = list(versions.held(connection, agent_id, ids).values())
            if held:
                versions.end(
                    connection,
                    [(old, sequence_number + i) for i, old in enumerate(held, start=1)],
                    at=now,
                )
                _set_sequence_number(connection, sequence_number + len(held))
                changed(connection, agent_id, more=-len(held))
                versions.mark_dirty(connection, [(agent_id, old.id, old.lead_id) for old in held])
        return len(held)

    def missing(self, agent_id: str, *, before: datetime) -> dict[str, int]:
        """Conversations that nobody has seen since `before`, and how often each was missed."""
        c = conversations.c
        with self.database.reading() as connection:
            held = connection.execute(
                select(c.id, c.missed).where(
                    c.agent_id == agent_id,
                    c.valid_to == CURRENT,
                    c.seen_at < (milliseconds(before) or 0),
                )
            )
            return {row.id: row.missed for row in held}

    def miss(self, agent_id: str, ids: Iterable[str]) -> None:
        """Note that a complete walk did not see these."""
        with self.database.writing() as connection:
            _take_write_lock(connection)
            found = [
                {"of": old.valid_from} for old in versions.held(connection, agent_id, ids).values()
            ]
            if found:
                c = conversations.c
                one = update(conversations).where(c.valid_from == bindparam("of"))
                connection.execute(one.values(missed=c.missed + 1), found)

    def note(self, agent_id: str, **progress: datetime | str | None) -> None:
        """Set fields of the agent's coverage: `as_of`, `walked_at`, `mark`, `gap`, `sweep_…`."""
        with self.database.writing() as connection:
            _take_write_lock(connection)
            note(connection, agent_id, progress)

    def release(self, agent_id: str, *, before: datetime) -> None:
        """Forget quarantined rows that a complete walk begun at `before` did not bring again."""
        with self.database.writing() as connection:
            _take_write_lock(connection)
            connection.execute(
                delete(quarantine).where(
                    quarantine.c.agent_id == agent_id,
                    quarantine.c.seen_at < (milliseconds(before) or 0),
                )
            )

    def rebuild_leads(self, agent_id: str) -> int:
        """Bring the leads up to date with the conversations; returns how many were made."""
        made = 0
        while True:
            with self.database.writing() as connection:
                _take_write_lock(connection)
                count = rebuild_leads(connection, agent_id, self._rules.merge)
                if count is None:
                    return made
                changed(connection, agent_id)
            made += count

    def prune(self, *, now: datetime) -> int:
        """Drop versions that ended long ago; returns how many."""
        before = (milliseconds(now) or 0) - KEEP_VERSIONS
        with self.database.writing() as connection:
            _take_write_lock(connection)
            c = conversations.c
            gone = select(c.valid_from).where(c.valid_to < CURRENT, c.ended_at < before)
            newest = connection.scalar(select(func.max(c.valid_to)).where(c.valid_from.in_(gone)))
            if newest is None:
                return 0
            connection.execute(update(counter).values(horizon=newest))
            connection.execute(delete(records).where(records.c.valid_from.in_(gone)))
            return connection.execute(delete(conversations).where(c.valid_from.in_(gone))).rowcount

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def _take_write_lock(connection: Connection) -> int:
    """The newest number. Every writer calls this first: the next one waits here until it is done.

    So numbers are committed in order, and no two writers lock the same rows crosswise.
    """
    return int(connection.execute(select(counter.c.sequence_number).with_for_update()).scalar_one())


def _set_sequence_number(connection: Connection, sequence_number: int) -> None:
    connection.execute(update(counter).values(sequence_number=sequence_number))


def _keep_aside(connection: Connection, agent_id: str, page: Page, at: int) -> None:
    long = [
        Quarantined(row.record, reason) for row in page.rows if (reason := versions.too_long(row))
    ]
    bad = {digest(row.raw): row for row in (*page.quarantined, *long)}
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
