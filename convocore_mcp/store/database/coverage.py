"""How far syncing an agent has got, and how much of it the mirror holds: the table `agents`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)

from convocore_mcp.models import Coverage, UnfinishedSync
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.parsed_records import stored_value
from convocore_mcp.store.database.rows import from_milliseconds, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    UNKNOWN,
    agents,
    conversations,
    counter,
    meta,
    quarantine,
    records,
)

NEWEST_VERSIONS = 50
"""Versions that `first_sync_reached` looks at: up to this many rows in front may be misplaced."""
DAMAGED_RECORD = (
    "A stored conversation was damaged: parts of it are missing until the next full sync."
)
KEPT_SECONDS = "kept_seconds"
"""The key in `meta` of how many seconds conversations are kept (`write.retention`).

An empty value means that they are kept for ever.
"""
_c = conversations.c
_AGENT: BindParameter[str] = bindparam("agent")
_OLDEST = (
    select(_c.by_newest)
    .where(_c.agent_id == _AGENT, _c.valid_to == CURRENT, _c.by_newest > UNKNOWN)
    .order_by(_c.by_newest)
    .limit(1)
)
_QUARANTINED = select(func.count()).select_from(quarantine).where(quarantine.c.agent_id == _AGENT)
_DROPPED = select(_c.dropped_fields).where(
    _c.agent_id == _AGENT, _c.valid_to == CURRENT, _c.dropped_fields > 0
)
_KEPT = select(meta.c.value).where(meta.c.key == KEPT_SECONDS)
# One statement, built once: every answer runs it first.
_COVERAGE = select(
    agents,
    _DROPPED.with_only_columns(func.sum(_c.dropped_fields)).scalar_subquery().label("dropped"),
    _DROPPED.with_only_columns(func.count()).scalar_subquery().label("with_dropped"),
    counter.c.sequence_number,
    _OLDEST.scalar_subquery().label("oldest"),
    _QUARANTINED.scalar_subquery().label("quarantined"),
    _KEPT.scalar_subquery().label("kept"),
).select_from(counter.outerjoin(agents, agents.c.agent_id == _AGENT))

_OF_AGENT = update(agents).where(agents.c.agent_id == _AGENT)
_DATA_CHANGED = _OF_AGENT.values(
    data_version=agents.c.data_version + 1,
    conversation_count=agents.c.conversation_count + bindparam("added", type_=BigInteger),
)
_RESUME_TOKEN = _OF_AGENT.where(
    agents.c.full_sync_started_at == bindparam("started_at", type_=BigInteger)
).values(resume_token=bindparam("token", type_=Text))


def read_coverage(connection: Connection, agent_id: str) -> Coverage:
    """How much of an agent's list the mirror holds."""
    row = dict(connection.execute(_COVERAGE, {"agent": agent_id}).mappings().one())
    return Coverage(
        as_of=from_milliseconds(row["as_of"]),
        full_sync_at=from_milliseconds(row["full_sync_at"]),
        oldest=from_milliseconds(row["oldest"]),
        watermark=from_milliseconds(row["watermark"]),
        conversations=row["conversation_count"] or 0,
        quarantined=row["quarantined"],
        dropped_fields=int(row["dropped"] or 0),
        with_dropped_fields=row["with_dropped"],
        sequence_number=row["sequence_number"],
        unfinished=_unfinished_sync(row),
        gap=row["gap"],
        doubt=row["doubt"],
        lost_at=from_milliseconds(row["lost_at"]),
        short_syncs=row["short_syncs"] or 0,
        kept_seconds=float(row["kept"]) if row["kept"] else None,
    )


def first_sync_reached(connection: Connection, agent_id: str, *, now: datetime) -> datetime | None:
    """The time down to which a first full sync has read: everything newer is in the mirror.

    A full sync reads from the newest conversation to the oldest, so the versions written last tell
    how far it got. The newest of them counts, not the oldest: some may be out of order. Times in
    the future do not count. `None` while there are too few to tell.
    """
    newest_versions = (
        select(_c.last_activity)
        .where(_c.agent_id == agent_id, _c.last_activity <= to_milliseconds(now))
        .order_by(_c.valid_from.desc())
        .limit(NEWEST_VERSIONS)
        .subquery()
    )
    query = select(func.count(), func.max(newest_versions.c.last_activity))
    count, newest = connection.execute(query).one()
    return from_milliseconds(newest) if count == NEWEST_VERSIONS else None


def newest_activities(
    connection: Connection, agent_id: str, *, up_to: datetime | None, limit: int
) -> list[tuple[str, datetime]]:
    """The newest conversations that bear a time, newest first, up to a time: id and activity."""
    query = select(_c.id, _c.by_newest).where(
        _c.agent_id == agent_id, _c.valid_to == CURRENT, _c.by_newest > UNKNOWN
    )
    if up_to is not None:
        query = query.where(_c.by_newest <= to_milliseconds(up_to))
    rows = connection.execute(query.order_by(_c.by_newest.desc(), _c.id.desc()).limit(limit))
    return [(id_, at) for id_, newest in rows if (at := from_milliseconds(newest)) is not None]


def update_coverage(
    connection: Connection, agent_id: str, fields: Mapping[str, datetime | str | int | None]
) -> None:
    """Set fields of an agent's coverage; the caller holds the write lock.

    The first `full_sync_at` also sets `baseline`: changes up to it came with the first full sync,
    which ended at `baseline_at`, by default when it began to read the last page.
    """
    values: dict[str, Any] = {
        name: to_milliseconds(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
    if values.get("full_sync_at") is not None:
        newest = select(counter.c.sequence_number).scalar_subquery()
        values["baseline"] = func.coalesce(agents.c.baseline, newest)
        reached = values.get("baseline_at") or values.get("as_of") or values["full_sync_at"]
        values["baseline_at"] = func.coalesce(agents.c.baseline_at, reached)
    _set_agent(connection, agent_id, values)


def save_resume_token(
    connection: Connection, agent_id: str, token: str, *, started_at: datetime
) -> None:
    """Note where the full sync that began at `started_at` goes on, unless another has begun."""
    given = {"agent": agent_id, "started_at": to_milliseconds(started_at), "token": token}
    connection.execute(_RESUME_TOKEN, given)


def note_leads_settled(connection: Connection, agent_id: str, number: int) -> None:
    """Note that the leads of all changes up to `number` have been rebuilt."""
    _set_agent(connection, agent_id, {"settled": number})


def note_leads_changed(connection: Connection, agent_id: str, number: int) -> None:
    """Note that values of leads changed at `number`."""
    _set_agent(connection, agent_id, {"leads_changed": number})


def note_data_changed(connection: Connection, agent_id: str, *, added: int = 0) -> None:
    """Invalidate cached answers about an agent, and count `added` more conversations (or fewer)."""
    _update_agent(connection, _DATA_CHANGED, {"agent": agent_id, "added": added})


def blank_damaged_record(connection: Connection, damaged: str) -> None:
    """Put an empty record in place of a damaged one, which the next full sync replaces.

    Until then the agent's coverage has a gap, so that answers say what they lack.
    """
    versions = select(records.c.valid_from).where(records.c.record == damaged)
    affected = _c.valid_from.in_(versions)
    agent_ids = connection.scalars(select(_c.agent_id).where(affected).distinct()).all()
    # No record has this digest: whatever the list shows next counts as changed.
    connection.execute(update(conversations).where(affected).values(digest=b""))
    connection.execute(update(records).where(records.c.record == damaged).values(record="{}"))
    for agent_id in agent_ids:
        _set_agent(connection, agent_id, {"gap": DAMAGED_RECORD})


def _set_agent(connection: Connection, agent_id: str, values: Mapping[str, Any]) -> None:
    _update_agent(connection, _OF_AGENT.values(values), {"agent": agent_id})


def _update_agent(connection: Connection, statement: Update, given: Mapping[str, object]) -> None:
    """Execute an update of the row of the agent `given`, which is made if it is missing."""
    if not connection.execute(statement, given).rowcount:
        connection.execute(insert(agents), {"agent_id": given["agent"]})
        connection.execute(statement, given)


def _unfinished_sync(row: Mapping[str, Any]) -> UnfinishedSync | None:
    started_at = from_milliseconds(row.get("full_sync_started_at"))
    resume_token = row.get("resume_token")
    if not (started_at and resume_token):
        return None
    stored_value(resume_token)  # a damaged token raises here: no sync could ever continue from it
    watermark = from_milliseconds(row.get("full_sync_watermark"))
    return UnfinishedSync(started_at, resume_token, watermark)
