"""Keeping the leads in step with the conversations, a few at a time.

What changed is listed in `unsettled`. For a handful of those, everything that can belong to the
same people is fetched (whoever shares an identity, an email or a phone number, and whoever was in
the same lead before), merged afresh, and put in place of the leads they were in.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, insert, select, update

from convocore_mcp.models import Conversation, Keys, Lead
from convocore_mcp.store import rows
from convocore_mcp.store.schema import CURRENT, conversations, leads, unsettled

BATCH = 500
"""Changed conversations settled in one transaction."""
PARAMETERS = 400
"""Values in one `IN`: SQLite takes 999 parameters in its older builds."""

Merge = Callable[[Iterable[tuple[Conversation, Keys]]], Sequence[Lead]]
_c = conversations.c
_DERIVED = (_c.email_key, _c.phone_key, _c.amount, _c.unparsed, _c.currency_key)
_JOINED_BY = ("lead_id", "identity", "email_key", "phone_key")


def settle(connection: Connection, agent_id: str, merge: Merge) -> int | None:
    """Settle one batch; returns how many leads it made, or `None` if there is nothing to do."""
    u = unsettled.c
    batch = (
        connection.execute(select(u.id, u.lead_id).where(u.agent_id == agent_id).limit(BATCH))
        .mappings()
        .all()
    )
    if not batch:
        return None
    found = _closure(connection, agent_id, batch)
    made = merge([(rows.conversation(row), _keys(row)) for row in found.values()])
    old = {row["lead_id"] for row in (*batch, *found.values()) if row["lead_id"]}
    for part in _parts(sorted(old | {lead.lead_id for lead in made})):
        here = and_(leads.c.agent_id == agent_id, leads.c.lead_id.in_(part))
        connection.execute(delete(leads).where(here))
    if made:
        connection.execute(insert(leads), [rows.lead_row(lead) for lead in made])
    _assign(connection, found, made)
    done = [row["id"] for row in (*batch, *found.values())]
    for part in _parts(sorted(set(done))):
        connection.execute(delete(unsettled).where(u.agent_id == agent_id, u.id.in_(part)))
    return len(made)


def _closure(
    connection: Connection, agent_id: str, batch: Sequence[RowMapping]
) -> dict[int, RowMapping]:
    """All current conversations that may be one lead with any of `batch`, by sequence number."""
    asked: dict[str, set[str]] = {name: set() for name in ("id", *_JOINED_BY)}
    wanted = {
        "id": {row["id"] for row in batch},
        "lead_id": {row["lead_id"] for row in batch} - {""},
    }
    found: dict[int, RowMapping] = {}
    while any(wanted.values()):
        new: dict[int, RowMapping] = {}
        for name, values in wanted.items():
            asked[name] |= values
            for part in _parts(sorted(values)):
                query = select(_c.seq, *rows.COLUMNS, *_DERIVED).where(
                    _c.agent_id == agent_id, _c.until == CURRENT, _c[name].in_(part)
                )
                new |= {
                    row["seq"]: row
                    for row in connection.execute(query).mappings()
                    if row["seq"] not in found
                }
        found |= new
        wanted = {
            name: {row[name] for row in new.values()} - asked[name] - {None} for name in _JOINED_BY
        }
    return found


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


def _keys(row: RowMapping) -> Keys:
    return Keys(
        email=row["email_key"],
        phone=row["phone_key"],
        amount=row["amount"],
        unparsed=row["unparsed"],
        currency=row["currency_key"],
        text="",
    )


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[i : i + PARAMETERS] for i in range(0, len(values), PARAMETERS))
