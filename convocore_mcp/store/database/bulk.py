"""One statement for thousands of rows, as fast as the driver runs it.

SQLAlchemy would look at every value of every row once more, which costs more than the engine takes
to store it. So what is given here must be fit to store as it stands (`columns.storable`): it comes
from the mirror, or from a rule that was given what comes from there, or it was made fit.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Table

from convocore_mcp.store.database.columns import VECTOR, Tokens

Row = tuple[Any, ...]


def put(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[Row],
    *,
    anew: bool = True,
) -> None:
    """Insert `rows`, each with the values of `names` in their order.

    Unless they are known to be `anew`, those whose keys are there already are left out.
    """
    vectors = connection.dialect.name == "postgresql"
    marks = (VECTOR if vectors and isinstance(table.c[n].type, Tokens) else "?" for n in names)
    # Names of our own tables, no values.
    text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(marks)})"  # noqa: S608
    _run(connection, text if anew else f"{text} ON CONFLICT DO NOTHING", rows)


def take_out(connection: Connection, by: Sequence[Column[Any]], rows: Iterable[Row]) -> None:
    """Delete what has the values of one of `rows` in the columns `by`."""
    where = " AND ".join(f"{column.name} = ?" for column in by)
    _run(connection, f"DELETE FROM {by[0].table.name} WHERE {where}", rows)  # noqa: S608


def change(
    connection: Connection, column: Column[Any], by: Column[Any], rows: Iterable[Row]
) -> None:
    """Set `column` to the first value of each of `rows`, where `by` is its second."""
    table = column.table.name
    _run(connection, f"UPDATE {table} SET {column.name} = ? WHERE {by.name} = ?", rows)  # noqa: S608


def _run(connection: Connection, statement: str, rows: Iterable[Row]) -> None:
    values = list(rows)
    if values:
        qmark = connection.dialect.paramstyle == "qmark"
        text = statement if qmark else statement.replace("?", "%s")
        connection.exec_driver_sql(text, values)
