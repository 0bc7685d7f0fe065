"""Keeping the leads in step with the conversations, a few at a time.

What changed is listed in `unsettled`. For a handful of those, everything that can belong to the
same people is fetched (`closure`), merged afresh, and put in place of the leads they were in.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, insert, select, update

from convocore_mcp.models import Conversation, Keys, Lead
from convocore_mcp.store import lookup, rows
from convocore_mcp.store.closure import closure
from convocore_mcp.store.schema import conversations, leads, unsettled

BATCH = 500
"""Changed conversations settled in one transaction."""

Merge = Callable[[Iterable[tuple[Conversation, Keys]]], Sequence[Lead]]
_c = conversations.c


def settle(
    connection: Connection, agent_id: str, merge: Merge, *, at_once: int = BATCH
) -> int | None:
    """Settle one batch; returns how many leads it made, or `None` if there is nothing to do."""
    u = unsettled.c
    batch = (
        connection.execute(select(u.id, u.lead_id).where(u.agent_id == agent_id).limit(at_once))
        .mappings()
        .all()
    )
    if not batch:
        return None
    reached = closure(connection, agent_id, batch)
    found, glimpsed = reached.rows, reached.glimpsed
    made = [lead for lead in merge(reached.keyed(agent_id)) if lead.lead_id not in glimpsed]
    old = {row["lead_id"] for row in (*batch, *found.values()) if row["lead_id"]}
    before: dict[str, str] = {}
    for part in rows.parts(sorted(old | {lead.lead_id for lead in made})):
        here = and_(leads.c.agent_id == agent_id, leads.c.lead_id.in_(part))
        had = connection.execute(select(leads.c.lead_id, leads.c.terms).where(here))
        before |= {row.lead_id: row.terms for row in had}
        connection.execute(delete(leads).where(here))
    if made:
        connection.execute(insert(leads), [rows.lead_row(lead) for lead in made])
    lookup.keep(connection, agent_id, before, made)
    _assign(connection, found, made)
    # One by one: a conversation that went and came again is listed twice, with two leads.
    done = {(row["id"], row["lead_id"] or "") for row in (*batch, *reached.settled)}
    connection.execute(
        delete(unsettled).where(
            u.agent_id == agent_id, u.id == bindparam("of"), u.lead_id == bindparam("in")
        ),
        [{"of": id_, "in": lead_id} for id_, lead_id in sorted(done)],
    )
    return len(made)


def _assign(connection: Connection, found: dict[int, RowMapping], made: Sequence[Lead]) -> None:
    of = {id_: lead.lead_id for lead in made for id_ in lead.conversation_ids}
    moved = [
        {"of": row["seq"], "to": of.get(row["id"])}
        for row in found.values()
        if row["lead_id"] != of.get(row["id"])
    ]
    if moved:
        connection.execute(
            update(conversations).where(_c.seq == bindparam("of")).values(lead_id=bindparam("to")),
            moved,
        )
