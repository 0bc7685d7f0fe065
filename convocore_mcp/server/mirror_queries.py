"""Protocols of the objects that read the mirror for the server. Every call blocks."""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from datetime import datetime

    from convocore_mcp.fields.row_query import SortKey
    from convocore_mcp.models import (
        Change,
        ChangePage,
        Conversation,
        FeedPosition,
        Filter,
        HotQuery,
        HotSummary,
        Lead,
    )


class MirrorQueries(Protocol):
    """Questions to the mirror; each call blocks (`store.read.mirror_reader.MirrorReader`)."""

    @property
    def generation(self) -> str:
        """The generation of the mirror. Sequence numbers belong to one generation."""
        ...

    def sequence_number(self) -> int:
        """The number of the newest change."""
        ...

    def find(
        self,
        agent_id: str,
        conditions: "Filter",
        /,
        *,
        sort: str,
        limit: int,
        at: int,
        after: "SortKey | None",
    ) -> "list[tuple[Conversation, SortKey]]":
        """Matching conversations after `after`, as of sequence number `at`, without records."""
        ...

    def count(self, agent_id: str, conditions: "Filter", /, *, at: int) -> int:
        """How many conversations match as of sequence number `at`."""
        ...

    def conversation(self, agent_id: str, conversation_id: str, /) -> "Conversation | None":
        """One conversation with its record."""
        ...

    def conversations_of_leads(
        self, agent_id: str, lead_ids: Sequence[str], /
    ) -> "list[Conversation]":
        """All conversations of these leads with their records, newest first."""
        ...

    def field_values(self, agent_id: str, field: str, /) -> list[str]:
        """The values of `stage`, `state` or `label` that occur, sorted."""
        ...

    def quarantine_reasons(self, agent_id: str, /) -> dict[str, int]:
        """How many records could not be read, by reason."""
        ...

    def leads(self, agent_id: str, /, *, lead_ids: Sequence[str]) -> "list[Lead]":
        """The leads with these IDs, most recently active first."""
        ...

    def hot_leads(self, query: "HotQuery", /, *, limit: int) -> "list[Lead]":
        """The hottest leads, hottest first."""
        ...

    def hot_count(self, query: "HotQuery", /, *, overdue_by: "datetime | None" = None) -> int:
        """How many leads are hot; with `overdue_by`, those that are overdue at that moment."""
        ...

    def hot_summary(self, query: "HotQuery", /) -> "HotSummary":
        """Counts and sums over the leads that were active in the window."""
        ...

    def near_misses(self, query: "HotQuery", /, *, limit: int) -> "tuple[int, list[Lead]]":
        """How many leads are nearly hot, and the first `limit` of them."""
        ...


class ChangedIds(Protocol):
    """What changed of one agent since a sequence number (`store.read.change_log.ChangedSince`)."""

    @property
    def sequence_number(self) -> int:
        """The number of the newest change."""
        ...

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        ...

    @property
    def conversations(self) -> frozenset[str]:
        """The IDs of the changed conversations, of those that were asked for."""
        ...

    @property
    def leads(self) -> frozenset[str]:
        """The IDs of the changed leads, of those that were asked for."""
        ...


class CountedChanges(Protocol):
    """How many conversations changed (`store.read.change_log.ChangeCounts`)."""

    @property
    def created(self) -> int:
        """New conversations."""
        ...

    @property
    def updated(self) -> int:
        """Changed conversations."""
        ...

    @property
    def removed(self) -> int:
        """Conversations that Convocore no longer lists."""
        ...


class FeedQueries(Protocol):
    """Reads the feed of changes; each call blocks (`store.changes.change_feed.ChangeFeed`)."""

    def read(
        self,
        agent_ids: Sequence[str],
        start: "FeedPosition | None",
        /,
        *,
        now: "datetime",
        limit: int,
        since: "datetime | None",
        kinds: Sequence[str],
        wanted: "Callable[[Change], bool]",
    ) -> "ChangePage":
        """The changes after `start`, at least `limit` of them if there are as many.

        Without `start`, the changes since `since`. Without both, no changes: the end of the page is
        the present end of the feed. `wanted` says which changes belong on the page.
        """
        ...


class ChangeQueries(Protocol):
    """Tells whether something changed; each call blocks (`store.read.change_log.ChangeLog`)."""

    def changed_since(
        self, agent_id: str, /, *, after: int, ids: Collection[str], lead_ids: Collection[str]
    ) -> ChangedIds:
        """Whether anything changed after sequence number `after`, and which of these IDs did."""
        ...

    def settled(self, agent_id: str, /) -> int:
        """The sequence number up to which an agent's leads were rebuilt after each change."""
        ...

    def count_changes(self, agent_id: str, /, *, after: int) -> CountedChanges:
        """How many conversations were created, updated and removed after number `after`."""
        ...


class CompletionQueries(Protocol):
    """Completions; each call blocks (`store.read.completion.CompletionReader`)."""

    def conversation_ids(self, agent_id: str, prefix: str, /, *, limit: int) -> list[str]:
        """Conversation IDs that begin with `prefix`; without one the newest conversations' IDs."""
        ...

    def lead_ids(self, agent_id: str, prefix: str, /, *, limit: int) -> list[str]:
        """Lead IDs that begin with `prefix`."""
        ...

    def leads_by_name(
        self, agent_id: str, prefixes: Collection[str], /, *, limit: int
    ) -> "list[Lead]":
        """Named leads that have, for each of `prefixes`, a word that begins with it.

        The words are those of names and companies; the most recently active lead comes first.
        """
        ...
