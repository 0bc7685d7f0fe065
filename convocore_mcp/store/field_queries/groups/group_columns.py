"""What the engine groups by for each grouping of a question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, literal, literal_column, select

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.fields.table import BY_NAME, Kind
from convocore_mcp.store.database.columns import Sql, Text
from convocore_mcp.store.field_queries.groups.local_times import local_unit
from convocore_mcp.store.fields.field_columns import DIGEST
from convocore_mcp.store.fields.field_tables import conversation_texts
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import shown_fields

MISSING = "\U0010ffff"
"""The key of a missing value; it sorts last."""
SqlKey = Callable[[Sql], Sql]


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """What the engine groups by."""

    value: Sql
    """What the engine groups by. Several values, such as spellings, may have one key."""
    key: Sql | None = None
    """The column that holds the key, where the key is stored beside the value."""
    sql_key: SqlKey | None = None
    """Makes in SQL the key that `group_keys` makes, from `key` or else `value`; `NULL` where a
    value is missing. `None` where only Python can make it."""
    cheap_key: bool = True
    """Whether the key takes no time to compute, so that a query may read it several times."""
    no_item_marks: bool = True
    """Whether no key can hold an `ITEM_MARK`; the keys of IDs can, which are stored unchanged."""

    @property
    def stored_key(self) -> Sql:
        """The key of a row, as `sql_key` makes it where there is one."""
        return self.key_of(self.value if self.key is None else self.key)

    def key_of(self, stored: Sql) -> Sql:
        """The key, made of the stored column."""
        return stored if self.sql_key is None else self.sql_key(stored)


def group_column(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    conditions: Sequence[ColumnElement[bool]],
    grouping: Grouping,
) -> GroupColumn:
    """What the engine groups by for one grouping."""
    if isinstance(grouping, TimeUnit):
        column, zone = table.value(grouping.of), query.clock.zone
        found = local_unit(
            connection, table, column, list(conditions),
            unit=grouping.unit, zone=zone, may_be_day=grouping.of.kind is Kind.DATE,
        )  # fmt: skip
        return GroupColumn(found)
    if isinstance(grouping, DataField):
        entry = table.data_entry(grouping)
        return GroupColumn(entry, sql_key=table.key_of_entry, cheap_key=False)
    shown = shown_fields(table, [grouping])[0]
    if shown.long:
        beginning, digest = (table.column(grouping.name + suffix) for suffix in ("", DIGEST))
        whole = _whole_text(beginning, digest, shown.columns[0], grouping.name)
        # The whole text is in another table, and need not be looked up to compare groups.
        key = beginning.concat(func.coalesce(digest, literal("", Text)))
        return GroupColumn(whole, key, sql_key=_unchanged)
    if grouping.kind in _KEYS:
        key_of, no_item_marks = _KEYS[grouping.kind], grouping.kind is not Kind.ID
        return GroupColumn(shown.columns[0], sql_key=key_of, no_item_marks=no_item_marks)
    if grouping.kind is Kind.LIST:
        return GroupColumn(shown.columns[0], table.column(grouping.name))
    # One expression, because sorting rows by two columns takes an engine twice as long.
    key, spelling = shown.columns
    # By model, there may be groups without rows (`model_shares`).
    sql_key = None if grouping == BY_NAME["model"] else _unchanged
    return GroupColumn(func.coalesce(spelling, key), key, sql_key)


def _unchanged(key: Sql) -> Sql:
    return key


def _key_of_flag(value: Sql) -> Sql:
    # No parameters: PostgreSQL would not see that two such expressions are the same.
    return case((value, literal_column("'true'", Text)), else_=literal_column("'false'", Text))


def _whole_text(beginning: Sql, digest: Sql, version: Sql, name: str) -> Sql:
    """The whole of a long text. It is looked up only where `beginning` is not all of it."""
    of_version = conversation_texts.c.valid_from == version
    whole = select(conversation_texts.c[name]).where(of_version).scalar_subquery()
    return case((digest.is_(None), beginning), else_=whole)


_KEYS: dict[Kind, SqlKey] = {Kind.FLAG: _key_of_flag, Kind.ID: _unchanged}
