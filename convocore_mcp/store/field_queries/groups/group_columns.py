"""What the engine groups by for each grouping of a question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, case, func, literal, select

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
    """The key that `group_keys` makes, from `key` or else `value`; `None`: only Python can."""
    cheap: bool = True
    """Whether the key is a column as it is: then reading it several times takes less time than
    sorting rows with all that is added up."""


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
        return GroupColumn(
            entry, sql_key=lambda stored: _known(table.key_of_entry(stored)), cheap=False
        )
    shown = shown_fields(table, [grouping])[0]
    if shown.long:
        whole = _whole_text(table.column(grouping.name), shown.columns[0], grouping.name)
        return GroupColumn(whole, sql_key=_known, cheap=False)
    if grouping.kind in _KEYS:
        return GroupColumn(shown.columns[0], sql_key=_KEYS[grouping.kind])
    if grouping.kind is Kind.LIST:
        return GroupColumn(shown.columns[0], table.column(grouping.name))
    # As one expression: sorting rows by two columns takes an engine twice as long.
    key, spelling = shown.columns
    # By model, there may be groups without rows (`model_shares`).
    known = None if grouping == BY_NAME["model"] else _known
    return GroupColumn(func.coalesce(spelling, key), key, known)


def _known(key: Sql) -> Sql:
    return func.coalesce(key, literal(MISSING, Text))


def _key_of_flag(value: Sql) -> Sql:
    return case((value, literal("true", Text)), else_=literal("false", Text))


def _whole_text(beginning: Sql, version: Sql, name: str) -> Sql:
    """A long text, of which `beginning` is all or a part. Only what may be a part is looked up."""
    of_version = conversation_texts.c.valid_from == version
    whole = select(conversation_texts.c[name]).where(of_version).scalar_subquery()
    return case((func.length(beginning) < BEGINNING, beginning), else_=whole)


_KEYS: dict[Kind, SqlKey] = {Kind.FLAG: _key_of_flag, Kind.ID: _known}
