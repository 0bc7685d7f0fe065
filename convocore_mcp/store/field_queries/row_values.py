"""Which values of a field occur."""

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, select

from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.table import Kind
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import shown_fields
from convocore_mcp.store.fields.text_keys import text_key

MOST_VALUES = 1_000
"""Values that are given, of however many there are."""


def values(
    connection: Connection, table: RowTable, valid: ColumnElement[bool], field: FieldName
) -> tuple[list[str], int]:
    """The values of a text or list field, the most frequent first, and how many there are.

    Each is in its usual spelling. Long texts have no values that anybody could name.
    """
    shown = shown_fields(table, [field])[0]
    if shown.long:
        return [], 0
    count = func.count().label("count")
    query = select(*shown.columns, count).where(valid).group_by(*shown.columns)
    spellings: dict[str, Counter[str]] = {}
    for *parts, occurs in connection.execute(query):
        value = shown.read(parts)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                key = text if _is_id(field) else text_key(text)
                spellings.setdefault(key, Counter())[text] += occurs
    by_frequency = sorted(spellings.items(), key=lambda item: (-item[1].total(), item[0]))
    known = [usual_spelling(counts) for _, counts in by_frequency[:MOST_VALUES]]
    return known, len(by_frequency)


def usual_spelling(counts: Counter[str]) -> str:
    """The most frequent spelling; of equally frequent ones the first in code point order."""
    return min(counts, key=lambda text: (-counts[text], text))


def _is_id(field: FieldName) -> bool:
    return getattr(field, "kind", None) is Kind.ID
