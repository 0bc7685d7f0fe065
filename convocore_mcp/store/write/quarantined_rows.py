"""Rows that can't be read or stored, kept as they came. The caller holds the write lock."""

from collections.abc import Container
from datetime import datetime

from sqlalchemy import Connection, delete, insert

from convocore_mcp.models import Page, Quarantined
from convocore_mcp.store.database.rows import digest, to_milliseconds
from convocore_mcp.store.database.schema import quarantine
from convocore_mcp.store.write import versions
from convocore_mcp.store.write.tombstones import Tombstones


def save_quarantined(
    connection: Connection, agent_id: str, page: Page, at: int, tombstones: Tombstones
) -> None:
    """Keep the rows of a page that can't be read or stored; `at` is in milliseconds.

    Those of forgotten people are not kept.
    """
    unstorable = [
        Quarantined(row.record, reason, last_activity=row.last_activity)
        for row in page.rows
        if (reason := versions.why_unstorable(row))
    ]
    kept = (row for row in page.quarantined if not tombstones.is_forgotten(agent_id, row))
    by_digest = {digest(row.raw): row for row in (*kept, *unstorable)}
    if not by_digest:
        return
    q = quarantine.c
    connection.execute(delete(quarantine).where(q.agent_id == agent_id, q.digest.in_(by_digest)))
    connection.execute(
        insert(quarantine),
        [
            {
                "agent_id": agent_id,
                "digest": key,
                "raw": row.raw,
                "reason": row.reason,
                "seen_at": at,
                "last_activity": to_milliseconds(row.last_activity),
            }
            for key, row in by_digest.items()
        ],
    )


def versions_of_unreadable(
    connection: Connection, agent_id: str, page: Page, stored: Container[str]
) -> list[int]:
    """The versions, by `valid_from`, of the rows of a page that are not `stored`.

    Such a row exists in Convocore, so the version in the mirror counts as seen.
    """
    ids = [row.id for row in page.rows if row.id not in stored]
    ids += [row.id for row in page.quarantined if row.id is not None]
    current = versions.current_versions(connection, agent_id, ids) if ids else {}
    return [version.valid_from for version in current.values()]


def drop_quarantined(
    connection: Connection,
    agent_id: str,
    *,
    before: datetime,
    now: datetime | None = None,
    active_after: datetime | None = None,
) -> None:
    """Delete quarantined rows that a sync begun at `before` did not bring again.

    With `active_after`, it has read the list only down to that time: a row without a time, or one
    dated in the future, may stand anywhere.
    """
    q = quarantine.c
    unseen = versions.not_seen_since(q.seen_at, before, now)
    if active_after is not None:
        until, since = to_milliseconds(now or before), to_milliseconds(active_after)
        unseen &= (q.last_activity > since) & (q.last_activity <= until)
    connection.execute(delete(quarantine).where(q.agent_id == agent_id, unseen))
