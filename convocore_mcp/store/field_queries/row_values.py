"""Which values of a field occur."""

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.store.field_queries.groups.group_columns import group_column
from convocore_mcp.store.field_queries.groups.group_figures import ROWS, Figures
from convocore_mcp.store.field_queries.groups.group_keys import GroupKeys
from convocore_mcp.store.field_queries.groups.top_groups import has_top, top_groups
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import ShownField, shown_fields
from convocore_mcp.store.fields.text_keys import text_key

MAX_FIELD_VALUES = 1_000
"""Values that are given, of however many there are."""


def values(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    valid: ColumnElement[bool],
    field: FieldName,
) -> tuple[list[str], int]:
    """The values of a text or list field, the most frequent first, and how many there are.

    Each is in its usual spelling. Long texts have no values that anybody could name.
    """
    shown = shown_fields(table, [field])[0]
    if shown.long:
        return [], 0
    columns = [group_column(connection, table, query, [valid], field)]
    if not has_top(columns):
        return _counted_here(connection, shown, valid)
    known = columns[0].key if columns[0].key is not None else columns[0].value
    figures = Figures((ROWS,), (func.count(),))
    top = top_groups(
        connection, table, columns, figures, [valid, known.is_not(None)], MAX_FIELD_VALUES
    )
    keys = GroupKeys([field], columns)
    for key, parts in top.parts.items():
        for part in parts:
            keys.note_spellings(key, part.values, part.rows)
    return [str(keys.shown(key)[0]) for key in top.parts], top.total


def _counted_here(
    connection: Connection, shown: ShownField, valid: ColumnElement[bool]
) -> tuple[list[str], int]:
    """The same of a field of which only Python knows the keys."""
    count = func.count().label("count")
    query = select(*shown.columns, count).where(valid).group_by(*shown.columns)
    spellings: dict[str, Counter[str]] = {}
    for *parts, occurs in connection.execute(query):
        value = shown.read(parts)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                spellings.setdefault(text_key(text), Counter())[text] += occurs
    by_frequency = sorted(spellings.items(), key=lambda item: (-item[1].total(), item[0]))
    known = [usual_spelling(counts) for _, counts in by_frequency[:MAX_FIELD_VALUES]]
    return known, len(by_frequency)


def usual_spelling(counts: Counter[str]) -> str:
    """The most frequent spelling; of equally frequent ones the first in code point order."""
    return min(counts, key=lambda text: (-counts[text], text))
