"""One statement for thousands of rows, as fast as the driver runs it.

SQLAlchemy Core would process every value of every row once more, which takes longer than the
engine's own work. So the values given here must be storable as they are (`columns.storable`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table

from convocore_mcp.store.database.columns import TSVECTOR_OF_TOKENS, Tokens

RowValues = tuple[Any, ...]


def insert_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[RowValues],
    *,
    skip_existing: bool = False,
) -> None:
    """Insert `rows`, whose values are in the order of `columns`.

    With `skip_existing`, a row whose primary key exists already is left out.
    """
    postgresql = connection.dialect.name == "postgresql"
    placeholders = (
        TSVECTOR_OF_TOKENS if postgresql and isinstance(table.c[name].type, Tokens) else "?"
        for name in columns
    )
    # The text holds names of our own tables and columns, and no values.
    text = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join(placeholders)})"  # noqa: S608
    _run(connection, f"{text} ON CONFLICT DO NOTHING" if skip_existing else text, rows)


def delete_rows(
    connection: Connection, key: Sequence[Column[Any]], rows: Iterable[RowValues]
) -> None:
    """Delete each row of the table whose `key` columns hold the values of one of `rows`."""
    where = " AND ".join(f"{column.name} = ?" for column in key)
    _run(connection, f"DELETE FROM {key[0].table.name} WHERE {where}", rows)  # noqa: S608


def update_column(
    connection: Connection, column: Column[Any], key: Column[Any], rows: Iterable[RowValues]
) -> None:
    """For each (value, key value) of `rows`: set `column` to the value in the row with that key."""
    table = column.table.name
    _run(connection, f"UPDATE {table} SET {column.name} = ? WHERE {key.name} = ?", rows)  # noqa: S608


def _run(connection: Connection, statement: str, rows: Iterable[RowValues]) -> None:
    values = list(rows)
    if values:
        qmark = connection.dialect.paramstyle == "qmark"
        text = statement if qmark else statement.replace("?", "%s")
        connection.exec_driver_sql(text, values)
