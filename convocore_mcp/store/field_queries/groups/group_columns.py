"""What the engine groups by for each grouping of a question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, literal_column, select

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.fields.table import BY_NAME, Kind
from convocore_mcp.store.database.columns import Sql, Text
from convocore_mcp.store.field_queries.groups.local_times import local_unit
from convocore_mcp.store.fields.field_tables import conversation_texts
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import shown_fields
from convocore_mcp.store.fields.text_keys import BEGINNING

MISSING = "\U0010ffff"
"""The key of a missing value; it sorts last."""
SqlKey = Callable[[Sql], Sql]


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """What the engine groups by."""

    value: Sql
    """What rows of a group have in common. Several values may have one key: spellings."""
    key: Sql | None = None
    """The column of the key, where that is another and stored."""
    sql_key: SqlKey | None = None
    """The key that `group_keys` makes, from `key` or else `value`, and `NULL` where a value is
    missing; `None`: only Python can."""
    cheap: bool = True
    """Whether the key is a column as it is, which can be read several times."""
    unmarked: bool = True
    """Whether no key has an `ITEM_MARK`: only IDs are kept as they are."""

    @property
    def stored_key(self) -> Sql:
        """The key of a row as `sql_key` makes it."""
        return self.key_of(self.value if self.key is None else self.key)

    def key_of(self, stored: Sql) -> Sql:
        """The key, from what is stored of it."""
        return stored if self.sql_key is None else self.sql_key(stored)


def group_column(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    grouping: Grouping,
) -> GroupColumn:
    """What the engine groups by for one grouping."""
    if isinstance(grouping, TimeUnit):
        column, zone = table.value(grouping.of), query.clock.zone
        unit = grouping.unit
        return GroupColumn(
            local_unit(connection, table, column, list(fitting), unit=unit, zone=zone)
        )
    if isinstance(grouping, DataField):
        entry = table.data_entry(grouping)
        return GroupColumn(entry, sql_key=table.key_of_entry, cheap=False)
    shown = shown_fields(table, [grouping])[0]
    if shown.long:
        whole = _whole_text(table.column(grouping.name), shown.columns[0], grouping.name)
        return GroupColumn(whole, sql_key=_as_it_is, cheap=False)
    if grouping.kind in _KEYS:
        key_of, unmarked = _KEYS[grouping.kind], grouping.kind is not Kind.ID
        return GroupColumn(shown.columns[0], sql_key=key_of, unmarked=unmarked)
    if grouping.kind is Kind.LIST:
        return GroupColumn(shown.columns[0], table.column(grouping.name))
    # As one expression: sorting rows by two columns takes an engine twice as long.
    key, spelling = shown.columns
    # By model, there may be groups without rows (`model_shares`).
    sql_key = None if grouping == BY_NAME["model"] else _as_it_is
    return GroupColumn(func.coalesce(spelling, key), key, sql_key)


def _as_it_is(key: Sql) -> Sql:
    return key


def _key_of_flag(value: Sql) -> Sql:
    # No parameters: PostgreSQL would not see that two such expressions are the same.
    return case((value, literal_column("'true'", Text)), else_=literal_column("'false'", Text))


def _whole_text(beginning: Sql, version: Sql, name: str) -> Sql:
    """A long text, of which `beginning` is all or a part. Only what may be a part is looked up."""
    of_version = conversation_texts.c.valid_from == version
    whole = select(conversation_texts.c[name]).where(of_version).scalar_subquery()
    return case((func.length(beginning) < BEGINNING, beginning), else_=whole)


_KEYS: dict[Kind, SqlKey] = {Kind.FLAG: _key_of_flag, Kind.ID: _as_it_is}
