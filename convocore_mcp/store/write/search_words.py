"""Adds the words of new versions to what searches look up.

In SQLite, that is the full-text index. PostgreSQL keeps its own up to date, but can't list the
words in it, so they are listed beside it (`search_terms`).
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.schema import search_index, search_terms
from convocore_mcp.store.database.search_tokens import word_of
from convocore_mcp.words.inflections import can_be_inflected

_MAX_KNOWN = 500_000
"""Words that a process remembers to have listed."""


class SearchWords:
    """Adds the words of new versions; each word is added to the list once per process."""

    def __init__(self) -> None:
        self._listed: set[str] = set()
        self._added: set[str] = set()

    def add(self, connection: Connection, versions: Iterable[tuple[int, str]]) -> None:
        """Add the tokens of new versions, which are given with their numbers."""
        if connection.dialect.name != "postgresql":
            bulk.insert_rows(connection, search_index, ("rowid", "search"), versions)
            return
        new = {token for _, tokens in versions for token in tokens.split()} - self._listed
        self._added = {token for token in new if can_be_inflected(word_of(token))}
        rows = ((token,) for token in sorted(self._added))
        bulk.insert_rows(connection, search_terms, ("term",), rows, skip_existing=True)

    def committed(self) -> None:
        """The transaction of the last `add` is committed: its words need not be added again."""
        if len(self._listed) > _MAX_KNOWN:
            self._listed.clear()
        self._listed |= self._added
        self._added = set()
