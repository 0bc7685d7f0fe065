"""Tells whether anything in the mirror may have changed, without a transaction."""

import sqlite3
import threading
from typing import TYPE_CHECKING

from sqlalchemy.pool import StaticPool

from convocore_mcp.errors import MirrorError
from convocore_mcp.store.database.engine import Database

if TYPE_CHECKING:
    from sqlalchemy import Engine, PoolProxiedConnection

_SNAPSHOT = "SELECT CAST(pg_current_snapshot() AS text)"
"""Names the transactions whose changes are visible: the same text, the same data."""


class DataVersion:
    """The version of the data: equal versions mean that nothing was committed in between."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._connection: PoolProxiedConnection | None = None
        """Of a SQLite file; kept, because only numbers of one connection are comparable."""
        database.before_replacement.append(self.close)

    def read(self) -> str | None:
        """The current version of the data; `None` if the database can't tell. Blocks.

        The call that reads the data then gets the same error, and reports it.
        """
        try:
            return f"{self._database.generation} {self._number()}"
        except (MirrorError, sqlite3.Error):
            return None

    def _number(self) -> int | str:
        engine = self._database.engine
        if isinstance(engine.pool, StaticPool):
            # A database in memory is one connection: what all threads write is counted there.
            return self._database.writes
        if engine.dialect.name == "postgresql":
            with self._database.reading() as connection:
                return str(connection.exec_driver_sql(_SNAPSHOT).scalar_one())
        with self._lock:
            if self._connection is None or self._engine is not engine:
                self._give_back()  # a damaged mirror was replaced
                self._engine, self._connection = engine, engine.raw_connection()
            sqlite = self._connection.driver_connection
            assert isinstance(sqlite, sqlite3.Connection)  # noqa: S101  another one is not asked
            return int(sqlite.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Give the connection back, before the database is closed."""
        with self._lock:
            self._give_back()

    def _give_back(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
