"""The protocol of the object that reads rows and fields of the mirror for the server."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from datetime import datetime

    from convocore_mcp.fields.grouping import FieldName, Grouping, Sort
    from convocore_mcp.fields.row_query import FoundRow, Groups, KnownValues, RowQuery, SortKey
    from convocore_mcp.fields.table import Field, Rows


class RowQueries(Protocol):
    """Questions about rows; each call blocks (`store.field_queries.row_reader.RowReader`)."""

    def sequence_number(self) -> int:
        """The number of the newest change; a list is paged through as it was at this number."""
        ...

    def count(self, query: "RowQuery", /, *, at: int) -> int:
        """How many rows met the query as of sequence number `at`."""
        ...

    def find(
        self,
        query: "RowQuery",
        /,
        *,
        fields: "Sequence[FieldName]",
        sort: "Sort",
        limit: int,
        at: int,
        after: "SortKey | None",
    ) -> "list[FoundRow]":
        """The rows that met the query as of sequence number `at`, those after `after`.

        Rows without the sorted field come last. Rows with the same value are sorted by last
        activity, newest first, then by agent and ID (of conversations, the largest first).
        """
        ...

    def leads_moved_since(self, agents: Sequence[str], /, *, at: int) -> bool:
        """Whether any lead of these agents changed after change `at`."""
        ...

    def groups(
        self,
        query: "RowQuery",
        group_by: "Sequence[Grouping]",
        measures: "Sequence[Field]",
        /,
        *,
        limit: int,
    ) -> "Groups":
        """The present rows that meet the query, counted and added up by group.

        The largest `limit` groups are listed, or of times the newest; the rest is one group.
        """
        ...

    def excluded(
        self, agents: Sequence[str], /, *, since: "datetime | None", until: "datetime | None"
    ) -> dict[str, int]:
        """How many conversations of the window are `tests` and, of the others, `blocked`."""
        ...

    def unread_fields(self, agents: Sequence[str], /) -> Mapping[str, int]:
        """How many present conversations have each of the fields that could not be read."""
        ...

    def values(
        self, rows: "Rows", agents: Sequence[str], field: "FieldName", /, *, near: str
    ) -> "KnownValues":
        """The values of a text or list field, the most frequent first.

        Where there are very many, these are the values that come before and after `near`.
        """
        ...
