"""What the mirror holds of a person: their conversations, and what is known of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import CURRENT, conversations, leads, quarantine
from convocore_mcp.store.details.tables import transcripts
from convocore_mcp.store.write.tombstones import NAMES

_c = conversations.c


@dataclass(slots=True)
class Traces:
    """What the mirror holds of a person."""

    conversation_ids: set[str] = field(default_factory=set)
    lead_ids: set[str] = field(default_factory=set)
    """Leads that nobody else is in."""
    shared_lead_ids: set[str] = field(default_factory=set)
    """Leads of other people by now, or still of several."""
    identities: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    """How much is erased, by what it is."""


def find_traces(connection: Connection, agent_id: str, ids: Collection[str]) -> Traces:
    """Everything that these conversations, all of one person, have left in the mirror.

    So have those that have joined them since somebody named these.
    """
    found = Traces(conversation_ids=set(ids) | _joined_since(connection, agent_id, ids))
    _collect(connection, agent_id, found)
    # Tests and blocked conversations are in no lead, but may be of the same person.
    same = or_(
        _c.identity.in_(found.identities),
        _c.email_key.in_(found.emails) & _c.identity.is_(None),
        _c.phone_key.in_(found.phones) & _c.identity.is_(None),
    )
    aside = select(_c.id).where(_c.agent_id == agent_id, or_(_c.is_test, _c.is_blocked), same)
    more = set(connection.scalars(aside)) - found.conversation_ids
    if more:
        found.conversation_ids |= more
        _collect(connection, agent_id, found)
    found.counts = _counts(connection, agent_id, found)
    return found


def _joined_since(connection: Connection, agent_id: str, ids: Collection[str]) -> set[str]:
    """The conversations in the leads of `ids` that were nobody else's before.

    Before its details were read, a row may have been a lead of its own without a name.
    """
    versions = select(_c.id, _c.lead_id, _c.first_lead_id, _c.valid_to, NAMES.label("names"))
    all_leads, leads_now = set[str | None]([None]), set[str]()
    for part in chunks(sorted(ids)):
        for row in connection.execute(versions.where(_c.agent_id == agent_id, _c.id.in_(part))):
            all_leads |= {row.lead_id, row.first_lead_id}
            leads_now |= {row.lead_id} if row.valid_to == CURRENT and row.lead_id else set()
    joined, others = set[str](), set[str]()
    for part in chunks(sorted(leads_now)):
        members = select(_c.id).where(
            _c.agent_id == agent_id, _c.valid_to == CURRENT, _c.lead_id.in_(part)
        )
        for row in connection.execute(versions.where(_c.agent_id == agent_id, _c.id.in_(members))):
            elsewhere = row.names and not {row.lead_id, row.first_lead_id} <= all_leads
            (others if elsewhere else joined).add(row.id)
    return joined - others - set(ids)


def _collect(connection: Connection, agent_id: str, found: Traces) -> None:
    columns = (_c.lead_id, _c.identity, _c.email_key, _c.phone_key)
    sets = (found.lead_ids, found.identities, found.emails, found.phones)
    for part in chunks(sorted(found.conversation_ids)):
        query = select(*columns).where(_c.agent_id == agent_id, _c.id.in_(part))
        for row in connection.execute(query):
            for values, value in zip(sets, row, strict=True):
                values.update([value] if value is not None else [])
    # A lead that others have left their conversations in is another person's by now.
    others = select(_c.lead_id).where(
        _c.agent_id == agent_id,
        _c.valid_to == CURRENT,
        _c.lead_id.in_(found.lead_ids),
        _c.id.not_in(found.conversation_ids),
    )
    found.shared_lead_ids |= set(connection.scalars(others))
    found.lead_ids -= found.shared_lead_ids


def _counts(connection: Connection, agent_id: str, found: Traces) -> dict[str, int]:
    ids = found.conversation_ids

    def count(table: Table, *conditions: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(table).where(table.c.agent_id == agent_id)
        return int(connection.scalar(query.where(*conditions)) or 0)

    return {
        "conversations": count(conversations, _c.id.in_(ids), _c.valid_to == CURRENT),
        "versions": count(conversations, _c.id.in_(ids)),
        "leads": count(leads, leads.c.lead_id.in_(found.lead_ids)),
        "transcripts": count(transcripts, transcripts.c.id.in_(ids)),
        "quarantined rows": len(quarantined_rows(connection, agent_id, found)),
    }


def quarantined_rows(connection: Connection, agent_id: str, found: Traces) -> list[bytes]:
    """The quarantined rows that name the person, by digest."""
    q = quarantine.c
    marks = {*found.conversation_ids, *found.identities, *found.emails}
    rows = connection.execute(select(q.digest, q.raw).where(q.agent_id == agent_id))
    return [row.digest for row in rows if any(mark in row.raw.lower() for mark in _lower(marks))]


def _lower(values: Iterable[str]) -> list[str]:
    return [value.lower() for value in values]
