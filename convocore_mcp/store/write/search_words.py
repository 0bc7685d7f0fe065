"""Adds the words of new versions to what searches look up.

In SQLite, that is the full-text index. PostgreSQL keeps its own up to date, but can't list the
words in it, so they are listed beside it (`search_terms`).
"""

import secrets
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select

from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.schema import meta, search_index, search_terms
from convocore_mcp.store.database.search_tokens import word_of
from convocore_mcp.words.inflections import can_be_inflected

_MAX_KNOWN = 500_000
"""Words that a process remembers to have listed."""
_ERASED = "words_erased"
"""The key of a mark that is another one whenever words have been taken from the list."""
_STATE = select(meta.c.value).where(meta.c.key.in_(["generation", _ERASED])).order_by(meta.c.key)


class SearchWords:
    """Adds the words of new versions; each word is added to the list once per process.

    What was listed counts for one mirror, and until words are erased, also by another process.
    """

    def __init__(self) -> None:
        self._listed: set[str] = set()
        self._state: Sequence[str | None] = ()
        self._added: set[str] = set()

    def add(self, connection: Connection, versions: Iterable[tuple[int, str]]) -> None:
        """Add the tokens of new versions, which are given with their numbers."""
        if connection.dialect.name != "postgresql":
            bulk.insert_rows(connection, search_index, ("rowid", "search"), versions)
            return
        state = connection.scalars(_STATE).all()
        if state != self._state:
            self._listed.clear()
            self._state = state
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


def note_erased(connection: Connection) -> None:
    """Note that words were taken from the list: no process may take them for listed any more."""
    connection.execute(delete(meta).where(meta.c.key == _ERASED))
    connection.execute(insert(meta), {"key": _ERASED, "value": secrets.token_hex(8)})
