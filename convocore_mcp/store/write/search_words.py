"""The list of indexed words that PostgreSQL's full-text index cannot give (`search_terms`)."""

from collections.abc import Iterable

from sqlalchemy import Connection

from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.schema import search_terms
from convocore_mcp.store.database.search_tokens import word_of
from convocore_mcp.words.inflections import can_be_inflected

_MAX_KNOWN = 500_000
"""Words that a process remembers to have listed."""


class SearchWords:
    """Adds the words of new versions to the list, each once in a process."""

    def __init__(self) -> None:
        self._listed: set[str] = set()
        self._added: set[str] = set()

    def add(self, connection: Connection, searches: Iterable[str]) -> None:
        """List the words among the tokens of new versions; SQLite's index lists them itself."""
        if connection.dialect.name != "postgresql":
            return
        new = {token for tokens in searches for token in tokens.split()} - self._listed
        self._added = {token for token in new if can_be_inflected(word_of(token))}
        rows = ((token,) for token in sorted(self._added))
        bulk.insert_rows(connection, search_terms, ("term",), rows, skip_existing=True)

    def committed(self) -> None:
        """The transaction of the last `add` is committed: its words need not be added again."""
        if len(self._listed) > _MAX_KNOWN:
            self._listed.clear()
        self._listed |= self._added
        self._added = set()
