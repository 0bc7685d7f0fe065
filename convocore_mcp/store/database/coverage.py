"""How far the reading of an agent has got, and how much of it is here: the table `agents`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select, update

from convocore_mcp.models import Coverage, UnfinishedSync
from convocore_mcp.store.database.rows import milliseconds, moment
from convocore_mcp.store.database.schema import (
    CURRENT,
    UNKNOWN,
    agents,
    conversations,
    counter,
    quarantine,
)

LOOKED_AT = 20
"""The newest versions that tell how far back a reading has got: about a page of them."""
_c = conversations.c
_AGENT: BindParameter[str] = bindparam("agent")
_OLDEST = (
    select(_c.by_newest)
    .where(_c.agent_id == _AGENT, _c.valid_to == CURRENT, _c.by_newest > UNKNOWN)
    .order_by(_c.by_newest)
    .limit(1)
)
_BAD = select(func.count()).select_from(quarantine).where(quarantine.c.agent_id == _AGENT)
# Made once, and one statement: every answer asks this first.
_COVERAGE = select(
    agents,
    counter.c.sequence_number,
    _OLDEST.scalar_subquery().label("oldest"),
    _BAD.scalar_subquery().label("bad"),
).select_from(counter.outerjoin(agents, agents.c.agent_id == _AGENT))


def coverage(connection: Connection, agent_id: str) -> Coverage:
    """How much of an agent's list is here."""
    known = dict(connection.execute(_COVERAGE, {"agent": agent_id}).mappings().one())
    return Coverage(
        as_of=moment(known["as_of"]),
        full_sync_at=moment(known["full_sync_at"]),
        oldest=moment(known["oldest"]),
        watermark=moment(known["watermark"]),
        conversations=known["held"] or 0,
        quarantined=known["bad"],
        sequence_number=known["sequence_number"],
        unfinished=_unfinished(known),
        gap=known["gap"],
    )


def reached(connection: Connection, agent_id: str) -> datetime | None:
    """All that is newer is here, as a first reading goes from the front to the end.

    The newest of the last rows, not the oldest: one of them may stand out of order.
    """
    last = (
        select(_c.last_activity)
        .where(_c.agent_id == agent_id)
        .order_by(_c.valid_from.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    return moment(connection.scalar(select(func.max(last.c.last_activity))))


def note(
    connection: Connection, agent_id: str, progress: Mapping[str, datetime | str | None]
) -> None:
    """Set fields of an agent's coverage; the caller has taken its turn."""
    values: dict[str, Any] = {
        name: milliseconds(value) if isinstance(value, datetime) else value
        for name, value in progress.items()
    }
    if values.get("full_sync_at") is not None:
        newest = select(counter.c.sequence_number).scalar_subquery()
        values["baseline"] = func.coalesce(agents.c.baseline, newest)
    _set(connection, agent_id, values)


def changed(connection: Connection, agent_id: str, *, more: int = 0) -> None:
    """Note that answers are no longer what they were, and `more` conversations are here."""
    a = agents.c
    _set(connection, agent_id, {"state": a.state + 1, "held": a.held + more})


def _set(connection: Connection, agent_id: str, values: Mapping[str, Any]) -> None:
    known = update(agents).where(agents.c.agent_id == agent_id).values(values)
    if not connection.execute(known).rowcount:
        connection.execute(insert(agents), {"agent_id": agent_id})
        connection.execute(known)


def _unfinished(known: Mapping[str, Any]) -> UnfinishedSync | None:
    started_at, resume_token = moment(known.get("full_sync_started_at")), known.get("resume_token")
    return (
        UnfinishedSync(started_at, resume_token, moment(known.get("full_sync_watermark")))
        if started_at and resume_token
        else None
    )
