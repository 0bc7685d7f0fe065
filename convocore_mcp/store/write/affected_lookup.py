"""The look-ups in the mirror that the rule of the affected set needs (`leads.affected`)."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
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
from convocore_mcp.store.database import bulk, rows
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.schema import CURRENT, conversations

VersionRow = Row[*tuple[Any, ...]]
_c = conversations.c
_FETCHED = (
    *rows.MERGED_COLUMNS,
    *(_c.valid_from, _c.first_lead_id, _c.email_key, _c.phone_key),
    *(_c.amount, _c.unparsed, _c.currency_key),
)
_SHARED = {"email": _c.email_key, "phone": _c.phone_key}
# A conversation with an identity, an email or a phone number names somebody: so these two are all
# of `leads.merge.takes_part` that is left to test where one of those is given.
_TAKES_PART = and_(~_c.is_test, ~_c.is_blocked)
_OLDER = "agent_id = ? AND valid_to < ?"
_NOW = "agent_id = ? AND valid_to = ?"
_UNIDENTIFIED = f"{_NOW} AND identity IS NULL AND NOT is_test AND NOT is_blocked"
_LOOKUPS: dict[str, tuple[Column[Any], str]] = {
    "id": (_c.id, _NOW),
    "lead_id": (_c.lead_id, _NOW),
    "identity": (_c.identity, _NOW),
    "email": (_c.email_key, _UNIDENTIFIED),
    "phone": (_c.phone_key, _UNIDENTIFIED),
}
"""The column of each field, and which of the conversations that have the value count."""


class AffectedLookup:
    """Fulfils `leads.affected.ConversationLookup`, and remembers the versions it has fetched."""

    def __init__(self, connection: Connection, agent_id: str) -> None:
        self._connection = connection
        self._agent_id = agent_id
        self.rows: dict[int, VersionRow] = {}
        """The fetched versions by `valid_from`."""

    def fetch(
        self, values: Mapping[str, Collection[str]]
    ) -> list[tuple[Conversation, DerivedKeys]]:
        """The current conversations with one of `values`, by field, not fetched before."""
        numbers = {
            number for field, of_field in values.items() for number in self._find(field, of_field)
        }
        unknown = numbers - self.rows.keys()
        new = list(bulk.rows_in(self._connection, _FETCHED, _c.valid_from, unknown))
        self.rows |= {row.valid_from: row for row in new}
        return [(rows.to_merged_conversation(row), _keys(row)) for row in new]

    def _find(self, field: str, values: Collection[str]) -> Iterator[int]:
        """Only the numbers of the versions: most versions were fetched before."""
        found_by, condition = _LOOKUPS[field]
        given, key = (self._agent_id, CURRENT), (_c.valid_from,)
        for row in bulk.rows_in(
            self._connection, key, found_by, values, where=condition, given=given
        ):
            yield row[0]

    def identities_sharing(
        self, field: str, values: Collection[str]
    ) -> Iterator[tuple[str, set[str]]]:
        """The first and the last identity that share each value: there may be hundreds."""
        if not values:
            return
        table, parameter = _table_of(self._connection, list(values))
        identity = select(_c.identity).where(
            _c.agent_id == self._agent_id,
            _SHARED[field] == table.c.value,
            _c.identity.is_not(None),
            _c.valid_to == CURRENT,
            _TAKES_PART,
        )
        first_and_last = (
            identity.order_by(order).limit(1).correlate(table).scalar_subquery()
            for order in (_c.identity, _c.identity.desc())
        )
        query = select(table.c.value, *first_and_last)
        for value, *identities in self._connection.execute(query, {"given": parameter}):
            yield value, set(identities) - {None}

    def former_values(self, ids: Collection[str]) -> dict[str, set[str]]:
        """The emails and phone numbers of older versions of these conversations."""
        values: dict[str, set[str]] = {field: set() for field in _SHARED}
        for row in self._older_versions(ids, tuple(_SHARED.values())):
            for of_field, value in zip(values.values(), row, strict=True):
                if value is not None:
                    of_field.add(value)
        return values

    def with_older_versions(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that have older versions."""
        return {row[0] for row in self._older_versions(ids, (_c.id,))}

    def _older_versions(
        self, ids: Collection[str], columns: Sequence[Column[Any]]
    ) -> Iterator[VersionRow]:
        given = (self._agent_id, CURRENT)
        return bulk.rows_in(self._connection, columns, _c.id, ids, where=_OLDER, given=given)


def _table_of(
    connection: Connection, values: Sequence[str]
) -> tuple[TableValuedAlias, str | list[str]]:
    """A table with one column `value`, and its parameter `given`.

    Unlike a `VALUES` clause, the statement is the same for any number of values, so SQLAlchemy
    compiles it once.
    """
    value = column("value", Text)
    if connection.dialect.name == "postgresql":
        given = func.unnest(bindparam("given", type_=ARRAY(Text)))
        return given.table_valued(value, name="given_values").render_derived(), list(values)
    given = func.json_each(bindparam("given"))
    return given.table_valued(value, name="given_values"), json.dumps(values)


def _keys(row: VersionRow) -> DerivedKeys:
    return DerivedKeys(
        email=row.email_key,
        phone=row.phone_key,
        amount=row.amount,
        unparsed=bool(row.unparsed),
        currency=row.currency_key,
        text="",
    )
