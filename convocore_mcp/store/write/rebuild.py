"""Keeping the leads in step with the conversations, a batch of changes at a time.

Changed conversations are listed in `dirty_conversations`. For a batch of them, everything that may
belong to the same leads is fetched (the affected set, `leads.affected`) and merged, and the result
replaces the leads that those conversations were in.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from convocore_mcp.models import Lead
from convocore_mcp.store.database import bulk, rows
from convocore_mcp.store.database.coverage import note_data_changed, note_leads_settled
from convocore_mcp.store.database.schema import conversations, dirty_conversations, leads
from convocore_mcp.store.database.sequence import sequence_number
from convocore_mcp.store.fields import field_writer
from convocore_mcp.store.read import people_index
from convocore_mcp.store.write.affected_lookup import AffectedLookup, VersionRow

BATCH_SIZE = 1_000
"""Dirty conversations of one transaction; other writers wait until it ends."""

MergeAffected = Callable[[AffectedLookup, Collection[str], Collection[str]], Sequence[Lead]]
"""Makes the leads that changed conversations touch, from their ids and the leads they were in."""
_c = conversations.c


def rebuild_leads(
    connection: Connection,
    agent_id: str,
    merge_affected: MergeAffected,
    *,
    batch_size: int = BATCH_SIZE,
) -> int | None:
    """Rebuild the leads of one batch; returns how many, or `None` if nothing is dirty."""
    d = dirty_conversations.c
    query = select(d.id, d.lead_id).where(d.agent_id == agent_id).limit(batch_size)
    batch = connection.execute(query).all()
    if not batch:
        return None
    lookup = AffectedLookup(connection, agent_id)
    ids = {row.id for row in batch}
    made = merge_affected(lookup, ids, {row.lead_id for row in batch} - {""})
    affected = list(lookup.rows.values())
    old = {row.lead_id for row in (*batch, *affected) if row.lead_id}
    versions = {row.id: row.valid_from for row in affected}
    before = _replace(connection, agent_id, old, made, versions)
    field_writer.replace_leads(
        connection, agent_id, old, made, versions, sequence_number(connection)
    )
    people_index.update_index(connection, agent_id, before, made)
    _set_lead_ids(connection, affected, made, began=ids)
    # What an affected conversation shared in its older versions was not looked up, except for those
    # of the batch: it stays dirty until it is in a batch itself. All others are fully processed.
    unfinished = lookup.with_older_versions({row.id for row in affected} - ids)
    processed = [row for row in affected if row.id not in unfinished]
    # By id and lead: a conversation that was removed and added again is listed with two leads.
    done = {(agent_id, row.id, row.lead_id or "") for row in (*batch, *processed)}
    bulk.delete_rows(connection, (d.agent_id, d.id, d.lead_id), sorted(done))
    return len(made)


def rebuild_all(
    connection: Connection, agent_id: str, merge_affected: MergeAffected, *, number: int
) -> None:
    """Bring the leads up to date with every change up to `number`, the newest one, at once."""
    while rebuild_leads(connection, agent_id, merge_affected) is not None:
        note_data_changed(connection, agent_id)
    note_leads_settled(connection, agent_id, number)


def _replace(
    connection: Connection,
    agent_id: str,
    old: set[str],
    made: Sequence[Lead],
    versions: Mapping[str, int],
) -> dict[str, str]:
    """Put the leads `made` in place of the leads `old`; returns the terms of replaced leads.

    `versions` has the current version of each conversation in them.
    """
    replaced = old | {lead.lead_id for lead in made}
    known, given = (leads.c.lead_id, leads.c.terms), (agent_id,)
    existing = bulk.rows_in(
        connection, known, leads.c.lead_id, replaced, where="agent_id = ?", given=given
    )
    before: dict[str, str] = {row.lead_id: row.terms for row in existing}
    key = (leads.c.agent_id, leads.c.lead_id)
    bulk.delete_rows(connection, key, ((agent_id, lead_id) for lead_id in sorted(before)))
    columns = [*(column.name for column in rows.LEAD_COLUMNS), "overdue_at"]
    moments = field_writer.overdue_moments(connection, versions.values())
    new = (
        (*rows.lead_row(lead), min((moments[v] for v in of_lead if v in moments), default=None))
        for lead in made
        if (of_lead := [versions[id_] for id_ in lead.conversation_ids])
    )
    bulk.insert_rows(connection, leads, columns, new)
    return before


def _set_lead_ids(
    connection: Connection,
    affected: Sequence[VersionRow],
    made: Sequence[Lead],
    *,
    began: Collection[str],
) -> None:
    """Note the leads of current versions; `began` are conversations that have changed themselves.

    The others were moved by changes of other conversations: the feed of changes needs their first
    lead.
    """
    lead_of = {id_: lead.lead_id for lead in made for id_ in lead.conversation_ids}
    moved = [
        (lead_id, row.valid_from)
        for row in affected
        if row.lead_id != (lead_id := lead_of.get(row.id))
    ]
    first = [
        (row.lead_id, row.valid_from)
        for row in affected
        if row.id not in began and None is row.first_lead_id and row.lead_id is not None
        if row.lead_id != lead_of.get(row.id)
    ]
    bulk.update_column(connection, _c.first_lead_id, _c.valid_from, first)
    field_writer.move_to_leads(connection, moved)
    bulk.update_column(connection, _c.lead_id, _c.valid_from, moved)
