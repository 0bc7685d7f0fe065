"""Keeping the leads in step with the conversations, a few at a time.

What changed is listed in `unsettled`. For a handful of those, everything that can belong to the
same people is fetched (`closure`), merged afresh, and put in place of the leads they were in.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, and_, select

from convocore_mcp.models import Conversation, DerivedKeys, Lead
from convocore_mcp.store.database import bulk, rows
from convocore_mcp.store.database.schema import conversations, dirty, leads
from convocore_mcp.store.read import people_index
from convocore_mcp.store.write.affected_set import Found, affected_set

BATCH = 1_000
"""Changed conversations settled in one transaction, for whose end other writers wait."""

Merge = Callable[[Iterable[tuple[Conversation, DerivedKeys]]], Sequence[Lead]]
_c = conversations.c


def rebuild_leads(
    connection: Connection, agent_id: str, merge: Merge, *, at_once: int = BATCH
) -> int | None:
    """Settle one batch; returns how many leads it made, or `None` if there is nothing to do."""
    u = dirty.c
    listed = select(u.id, u.lead_id).where(u.agent_id == agent_id).limit(at_once)
    batch = connection.execute(listed).all()
    if not batch:
        return None
    reached = affected_set(connection, agent_id, batch)
    glimpsed = reached.glimpsed
    made = [lead for lead in merge(reached.keyed(agent_id)) if lead.lead_id not in glimpsed]
    old = {row.lead_id for row in (*batch, *reached.rows.values()) if row.lead_id}
    people_index.keep(connection, agent_id, _replace(connection, agent_id, old, made), made)
    _assign(connection, reached.rows.values(), made)
    # One by one: a conversation that went and came again is listed twice, with two leads.
    done = {(row.id, row.lead_id or "") for row in (*batch, *reached.fully_processed)}
    its = (agent_id,)
    bulk.take_out(connection, (u.agent_id, u.id, u.lead_id), (its + one for one in sorted(done)))
    return len(made)


def _replace(
    connection: Connection, agent_id: str, old: set[str], made: Sequence[Lead]
) -> dict[str, str]:
    """Put `made` in place of `old`; gives the terms of those that were there."""
    before: dict[str, str] = {}
    for part in rows.parts(sorted(old | {lead.lead_id for lead in made})):
        here = and_(leads.c.agent_id == agent_id, leads.c.lead_id.in_(part))
        had = connection.execute(select(leads.c.lead_id, leads.c.terms).where(here))
        before |= {row.lead_id: row.terms for row in had}
    which = (leads.c.agent_id, leads.c.lead_id)
    bulk.take_out(connection, which, ((agent_id, lead_id) for lead_id in sorted(before)))
    stored = [rows.lead_row(lead) for lead in made]
    if stored:
        bulk.put(connection, leads, list(stored[0]), (tuple(row.values()) for row in stored))
    return before


def _assign(connection: Connection, found: Iterable[Found], made: Sequence[Lead]) -> None:
    of = {id_: lead.lead_id for lead in made for id_ in lead.conversation_ids}
    moved = ((to, row.valid_from) for row in found if row.lead_id != (to := of.get(row.id)))
    bulk.change(connection, _c.lead_id, _c.valid_from, moved)
