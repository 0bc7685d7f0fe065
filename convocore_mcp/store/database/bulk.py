"""One statement for thousands of rows, as fast as the driver runs it.

SQLAlchemy Core would process every value of every row once more, which takes longer than the
engine's own work. So the values given here must be storable as they are (`columns.storable`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Row, Table

from convocore_mcp.store.database.columns import TSVECTOR_OF_TOKENS, Tokens
from convocore_mcp.store.database.rows import chunks

RowValues = tuple[Any, ...]


def rows_in(
    connection: Connection,
    columns: Sequence[Column[Any]],
    key: Column[Any],
    values: Collection[str] | Collection[int],
    *,
    where: str = "",
    given: RowValues = (),
) -> Iterator[Row[*tuple[Any, ...]]]:
    """The rows whose `key` is one of `values`, as the driver gives them: a flag may be 0 or 1.

    `where` is a further condition in the SQL of both engines, with the values `given` for its
    question marks.
    """
    names, table = ", ".join(column.name for column in columns), key.table.name
    begin = f"SELECT {names} FROM {table} WHERE {where and f'{where} AND '}{key.name} IN"  # noqa: S608
    for part in chunks(sorted(values)):
        text = _in_style(connection, f"{begin} ({', '.join('?' * len(part))})")
        yield from connection.exec_driver_sql(text, (*given, *part)).all()


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


def insert_selected(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    query: str,
    rows: Iterable[RowValues],
) -> None:
    """For each of `rows`, insert what `query` selects, in the order of `columns`.

    `query` is SQL of both engines; the row has the values for its question marks.
    """
    _run(connection, f"INSERT INTO {table.name} ({', '.join(columns)}) {query}", rows)


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
        connection.exec_driver_sql(_in_style(connection, statement), values)


def _in_style(connection: Connection, statement: str) -> str:
    """`statement`, whose values are question marks, with the driver's own marks."""
    qmark = connection.dialect.paramstyle == "qmark"
    return statement if qmark else statement.replace("?", "%s")
