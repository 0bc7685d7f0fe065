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

Merge = Callable[[Iterable[tuple[Conversation, Keys]]], Sequence[Lead]]
_c = conversations.c
_DERIVED = (_c.email_key, _c.phone_key, _c.amount, _c.unparsed, _c.currency_key)
_JOINED_BY = ("lead_id", "identity", "email_key", "phone_key")


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
    found = _closure(connection, agent_id, batch)
    made = merge([(rows.conversation(row), _keys(row)) for row in found.values()])
    old = {row["lead_id"] for row in (*batch, *found.values()) if row["lead_id"]}
    for part in rows.parts(sorted(old | {lead.lead_id for lead in made})):
        here = and_(leads.c.agent_id == agent_id, leads.c.lead_id.in_(part))
        connection.execute(delete(leads).where(here))
    if made:
        connection.execute(insert(leads), [rows.lead_row(lead) for lead in made])
    _assign(connection, found, made)
    # One by one: a conversation that went and came again is listed twice, with two leads.
    done = {(row["id"], row["lead_id"] or "") for row in (*batch, *found.values())}
    connection.execute(
        delete(unsettled).where(
            u.agent_id == agent_id, u.id == bindparam("of"), u.lead_id == bindparam("in")
        ),
        [{"of": id_, "in": lead_id} for id_, lead_id in sorted(done)],
    )
    return len(made)


def _closure(
    connection: Connection, agent_id: str, batch: Sequence[RowMapping]
) -> dict[int, RowMapping]:
    """All current conversations that may be one lead with any of `batch`, by sequence number."""
    asked: dict[str, set[str]] = {name: set() for name in ("id", *_JOINED_BY)}
    wanted = _former(connection, agent_id, sorted({row["id"] for row in batch})) | {
        "id": {row["id"] for row in batch},
        "lead_id": {row["lead_id"] for row in batch} - {""},
    }
    found: dict[int, RowMapping] = {}
    while any(wanted.values()):
        new: dict[int, RowMapping] = {}
        for name, values in wanted.items():
            asked[name] |= values
            for part in rows.parts(sorted(values)):
                query = select(_c.seq, *rows.COLUMNS, *_DERIVED).where(
                    _c.agent_id == agent_id, _c.until == CURRENT, _c[name].in_(part)
                )
                new |= {
                    row["seq"]: row
                    for row in connection.execute(query).mappings()
                    if row["seq"] not in found
                }
        found |= new
        of = {name: {row[name] for row in new.values()} for name in ("id", *_JOINED_BY)}
        # An identity may be named after a conversation (see `leads.merge`).
        of["id"], of["identity"] = of["identity"], of["identity"] | of["id"]
        wanted = {name: values - asked[name] - {None} for name, values in of.items()}
    return found


def _former(
    connection: Connection, agent_id: str, ids: Sequence[str]
) -> dict[str, set[str | None]]:
    """What these shared with others before: whoever was torn between two people may be free now."""
    shared: dict[str, set[str | None]] = {"email_key": set(), "phone_key": set()}
    query = select(_c.email_key, _c.phone_key).where(_c.agent_id == agent_id, _c.until < CURRENT)
    for part in rows.parts(ids):
        for row in connection.execute(query.where(_c.id.in_(part))).mappings():
            for name, values in shared.items():
                values.update({row[name]} - {None})
    return shared


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
