"""Everybody who may be one lead with those who changed, and not many more.

Two different identities are never one lead, so a value that hundreds of them share (a reception's
number, `info@`) leads from none of them to the others. Whoever has no identity is reached through
an email or a phone number; of the identities that share one with such a conversation it only
counts whether there are none, one (then it is that person's) or several (then it is nobody's), so
two of them are enough to know. What one change costs does not grow with how many share a value.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    TableValuedAlias,
    and_,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from convocore_mcp.models import Conversation, DerivedKeys
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import CURRENT, conversations

Found = Row[*tuple[Any, ...]]
_c = conversations.c
_DERIVED = (_c.email_key, _c.phone_key, _c.unparsed)
_SHARED = ("email_key", "phone_key")
_TAKES_PART = and_(~_c.is_test, ~_c.is_blocked)
_STRAY = and_(_c.identity.is_(None), _TAKES_PART)
_REACHED: dict[str, ColumnElement[bool] | None] = {
    "id": None,
    "lead_id": None,
    "identity": None,
    "email_key": _STRAY,
    "phone_key": _STRAY,
}
"""By what conversations are looked for, and which of those found count."""


@dataclass(slots=True)
class AffectedSet:
    """Current conversations by sequence number, and identities of which only a claim is known."""

    rows: dict[int, Found] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    claims: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """The identities that share an email or a phone number: all of them, or two."""
    fully_processed: list[Found] = field(default_factory=list)
    """Of `rows` those whose turn to be settled need not come: this was it."""

    @property
    def glimpsed(self) -> set[str]:
        """Identities of which not all conversations are here: nothing may be made of them."""
        return set().union(*self.claims.values()) - self.whole

    def keyed(self, agent_id: str) -> Iterator[tuple[Conversation, DerivedKeys]]:
        """What `leads.merge` works on: the conversations, and a stand-in for each claim."""
        for row in self.rows.values():
            yield rows.conversation_of(row), _keys(row)
        for (name, value), identities in self.claims.items():
            email, phone = (value, None) if name == "email_key" else (None, value)
            for identity in identities - self.whole:
                claim = DerivedKeys(
                    email, phone, amount=None, unparsed=False, currency=None, text=""
                )
                yield Conversation(agent_id, "", identity=identity), claim


def affected_set(connection: Connection, agent_id: str, batch: Sequence[Found]) -> AffectedSet:
    """All that is needed to make the leads of `batch` again (rows of `unsettled`)."""
    found = AffectedSet()
    asked: dict[str, set[str]] = {name: set() for name in _REACHED}
    ids = {row.id for row in batch}
    wanted = {"id": ids, "lead_id": {row.lead_id for row in batch} - {""}}
    wanted |= _former(connection, agent_id, sorted(ids))
    while any(wanted.values()):
        reached = {
            version
            for name, them in wanted.items()
            for version in _reached(connection, agent_id, name, them)
        }
        new = _read(connection, reached - found.rows.keys())
        for name, them in wanted.items():
            asked[name] |= them
        found.rows |= new
        found.whole |= wanted.get("identity", set())
        leading = _leading_on(connection, agent_id, new.values(), found)
        wanted = {name: them - asked[name] - {None} for name, them in leading.items()}
    # Whoever was somebody else before leads on to others, which was not followed but for `batch`.
    before = _changed(connection, agent_id, {row.id for row in found.rows.values()} - ids)
    found.fully_processed = [row for row in found.rows.values() if row.id not in before]
    return found


def _leading_on(
    connection: Connection, agent_id: str, new: Iterable[Found], found: AffectedSet
) -> dict[str, set[str]]:
    """Where `new` leads; notes in `found` who else claims them."""
    part = [row for row in new if not row.is_test and not row.is_blocked]
    strays = [row for row in part if row.identity is None]
    identities = {row.identity for row in part} - {None}
    for name in _SHARED:
        of = {getattr(row, name) for row in strays} - {None}
        open_ = {value for value in of if (name, value) not in found.claims}
        for value, claims in _claims(connection, agent_id, name, sorted(open_)):
            found.claims[name, value] = claims
            if len(claims) == 1:
                identities |= claims
    return {
        # An identity may be named after a conversation (see `leads.merge`).
        "id": set(identities),
        "identity": identities | {row.id for row in strays},
        "lead_id": {row.lead_id for row in new},
        **{name: {getattr(row, name) for row in part} for name in _SHARED},
    }


def _reached(
    connection: Connection, agent_id: str, name: str, wanted: Iterable[str]
) -> Iterator[int]:
    """The numbers of those with one of the `wanted` values: most are known, and not read again."""
    here = [_c.agent_id == agent_id, _c.valid_to == CURRENT]
    if (only := _REACHED[name]) is not None:
        here.append(only)
    for part in rows.parts(sorted(wanted)):
        yield from connection.scalars(select(_c.valid_from).where(*here, _c[name].in_(part))).all()


def _read(connection: Connection, seqs: Iterable[int]) -> dict[int, Found]:
    query = select(*rows.COLUMNS, _c.valid_from, *_DERIVED)
    return {
        row.valid_from: row
        for part in rows.parts(sorted(seqs))
        for row in connection.execute(query.where(_c.valid_from.in_(part))).all()
    }


def _claims(
    connection: Connection, agent_id: str, name: str, wanted: Sequence[str]
) -> Iterator[tuple[str, set[str]]]:
    """Which identities share each value: the first and the last, for there may be hundreds."""
    if not wanted:
        return
    asked, given = _table_of(connection, wanted)
    one = select(_c.identity).where(
        _c.agent_id == agent_id,
        _c[name] == asked.c.value,
        _c.identity.is_not(None),
        _c.valid_to == CURRENT,
        _TAKES_PART,
    )
    ends = (
        one.order_by(end).limit(1).correlate(asked).scalar_subquery()
        for end in (_c.identity, _c.identity.desc())
    )
    for value, *claims in connection.execute(select(asked.c.value, *ends), {"them": given}):
        yield value, set(claims) - {None}


def _table_of(
    connection: Connection, wanted: Sequence[str]
) -> tuple[TableValuedAlias, str | list[str]]:
    """A table of one column for any number of values: a `VALUES` is compiled for each anew."""
    value = column("value", Text)
    if connection.dialect.name == "postgresql":
        them = func.unnest(bindparam("them", type_=ARRAY(Text)))
        return them.table_valued(value, name="asked").render_derived(), list(wanted)
    them = func.json_each(bindparam("them"))
    return them.table_valued(value, name="asked"), json.dumps(wanted)


def _former(connection: Connection, agent_id: str, ids: Sequence[str]) -> dict[str, set[str]]:
    """What these shared with others before: whoever was torn between two people may be free now."""
    shared: dict[str, set[str]] = {name: set() for name in _SHARED}
    query = select(*(_c[name] for name in _SHARED)).where(
        _c.agent_id == agent_id, _c.valid_to < CURRENT
    )
    for part in rows.parts(ids):
        for row in connection.execute(query.where(_c.id.in_(part))).mappings():
            for name, them in shared.items():
                them.update({row[name]} - {None})
    return shared


def _changed(connection: Connection, agent_id: str, ids: set[str]) -> set[str]:
    """Those of `ids` of which there are older versions."""
    old = select(_c.id).where(_c.agent_id == agent_id, _c.valid_to < CURRENT).distinct()
    return {
        id_
        for part in rows.parts(sorted(ids))
        for id_ in connection.scalars(old.where(_c.id.in_(part)))
    }


def _keys(row: Found) -> DerivedKeys:
    return DerivedKeys(
        email=row.email_key,
        phone=row.phone_key,
        amount=row.amount,
        unparsed=row.unparsed,
        currency=row.currency_key,
        text="",
    )
