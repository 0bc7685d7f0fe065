"""Which values of a field occur."""

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.store.field_queries.groups.group_columns import MISSING, group_column
from convocore_mcp.store.field_queries.groups.group_figures import ROWS, Figures
from convocore_mcp.store.field_queries.groups.group_keys import GroupKeys
from convocore_mcp.store.field_queries.groups.top_groups import has_top, top_groups
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import ShownField, shown_fields
from convocore_mcp.store.fields.text_keys import text_key

MOST_VALUES = 100


def values(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    valid: ColumnElement[bool],
    field: FieldName,
) -> list[str]:
    """The values of a text or list field, the most frequent first, each in its usual spelling."""
    shown = shown_fields(table, [field])[0]
    if shown.long:
        return []
    columns = [group_column(connection, table, query, [valid], field)]
    if not has_top(columns):
        return _counted_here(connection, shown, valid)
    # One more: rows without a value are a group, too.
    figures = Figures((ROWS,), (func.count(),))
    top = top_groups(connection, table, columns, figures, [valid], MOST_VALUES + 1)
    keys = GroupKeys([field], columns)
    for key, parts in top.parts.items():
        for part in parts:
            keys.note_spellings(key, part.values, part.rows)
    found = [keys.shown(key)[0] for key in top.parts if key != (MISSING,)]
    return list(map(str, found[:MOST_VALUES]))


def _counted_here(
    connection: Connection, shown: ShownField, valid: ColumnElement[bool]
) -> list[str]:
    """The values of a field of which only Python knows the keys."""
    count = func.count().label("count")
    query = select(*shown.columns, count).where(valid).group_by(*shown.columns)
    spellings: dict[str, Counter[str]] = {}
    for *parts, occurs in connection.execute(query):
        value = shown.read(parts)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                spellings.setdefault(text_key(text), Counter())[text] += occurs
    by_frequency = sorted(spellings.items(), key=lambda item: (-item[1].total(), item[0]))
    return [usual_spelling(counts) for _, counts in by_frequency[:MOST_VALUES]]


def usual_spelling(counts: Counter[str]) -> str:
    """The most frequent spelling; of equally frequent ones the first in code point order."""
    return min(counts, key=lambda text: (-counts[text], text))
