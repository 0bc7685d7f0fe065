"""Orders of rows: by any field, in both directions, what is missing last.

Rows with equal values come by last activity, newest first, then by agent and ID: leads by ascending
ID, conversations by descending ID, as the indexes of plain lists have them (`store.read`).
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, case, cast, func, literal, or_

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Sort
from convocore_mcp.fields.row_query import SortKey
from convocore_mcp.fields.table import BY_NAME, Kind, Rows
from convocore_mcp.models import WAITING
from convocore_mcp.store.database.columns import Sql, Text
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.text_keys import text_key

_UNKNOWN_WAIT = 2**53
"""Stands for an unknown `waiting_since`. Later than any time, so it sorts after all known times."""


@dataclass(frozen=True, slots=True)
class OrderPart:
    """One expression of an order, and its direction."""

    expression: Sql
    descending: bool = False


def order_parts(table: RowTable, sort: Sort) -> list[OrderPart]:
    """The expressions of an order, the most important first; none of them is ever `NULL`."""
    tie_breakers = [
        OrderPart(table.newest, descending=True),
        OrderPart(table.column("agent_id")),
        OrderPart(table.row_id, descending=table.rows is Rows.CONVERSATIONS),
    ]
    field = sort.field
    if field is BY_NAME["last_activity"] and sort.descending:
        return tie_breakers  # they begin with the last activity, unknown ones last
    if isinstance(field, DataField):
        return [*_by_data(table, field, descending=sort.descending), *tie_breakers]
    value = _waiting(table) if field is None else table.value(field)
    is_text = field is not None and (field.is_text or field.kind is Kind.LIST)
    if field is not None and field.kind is Kind.FLAG:
        value = cast(value, Integer)
    missing = case((value.is_(None), 1), else_=0)
    known = func.coalesce(value, literal("", Text) if is_text else 0)
    return [OrderPart(missing), OrderPart(known, sort.descending), *tie_breakers]


def _waiting(table: RowTable) -> Sql:
    """Since when somebody waits; missing for rows in which nobody waits."""
    since = func.coalesce(table.column("waiting_since"), cast(_UNKNOWN_WAIT, BigInteger))
    leads = table.rows is Rows.LEADS
    waits = table.column("waiting") if leads else table.column("state") == text_key(WAITING)
    return case((waits, since))


def _by_data(table: RowTable, field: DataField, *, descending: bool) -> list[OrderPart]:
    """Numbers stand before texts, and after them in a descending order."""
    key, number = table.data(field, 0), table.data(field, 1)
    return [
        OrderPart(case((key.is_(None), 1), else_=0)),
        OrderPart(case((number.is_(None), 1), else_=0), descending),
        OrderPart(func.coalesce(number, 0.0), descending),
        OrderPart(func.coalesce(key, literal("", Text)), descending),
    ]


def after_key(parts: list[OrderPart], key: SortKey) -> ColumnElement[bool]:
    """The rows that come after the one with this key."""
    alternatives: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for part, value in zip(parts, key, strict=True):
        later = part.expression < value if part.descending else part.expression > value
        alternatives.append(and_(*same, later))
        same.append(part.expression == value)
    return or_(*alternatives)
