"""What the server knows of the mirror and of syncing: protocols, so that it imports neither.

`convocore_mcp.assembly` passes in the objects that fulfil them. Parameters that the server
passes by position are positional-only, so the objects may name them differently.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from datetime import datetime

    from convocore_mcp.models import (
        Change,
        Conversation,
        Filter,
        Freshness,
        Group,
        HotQuery,
        HotSummary,
        Lead,
    )
    from convocore_mcp.read_scope import ReadScope
    from convocore_mcp.server.backend import Backend
    from convocore_mcp.server.requests import (
        ChangesRequest,
        ConversationsRequest,
        HotLeadsRequest,
        StatsRequest,
    )
    from convocore_mcp.server.sanitize import JsonObject

P = ParamSpec("P")
T = TypeVar("T")
ReportProgress = Callable[[int], Awaitable[None]]
"""Receives how many rows a sync has read so far."""
SortKey = tuple[float | str, ...]
"""Where a conversation stands in an order: the next page begins behind it."""


class RunInThread(Protocol):
    """Runs a blocking call in a thread, off the event loop."""

    def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Await what `call` returns."""
        ...


class SendProgress(Protocol):
    """Sends the progress of a call to the client (the SDK's `Context.report_progress`)."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Send it, if the client asked for progress."""
        ...


class SyncResult(Protocol):
    """What one sync read (`sync.progress.Progress`)."""

    pages: int
    rows: int
    elsewhere: bool
    """Another process did the sync instead."""


class Syncs(Protocol):
    """Keeps the mirror of every agent fresh (`sync.agent_syncs.AgentSyncs`)."""

    async def ensure_fresh(
        self,
        agent_id: str,
        scope: "ReadScope",
        /,
        *,
        report_progress: ReportProgress | None = None,
    ) -> "Freshness":
        """Wait a bounded time until `scope` has been read.

        Raises:
            ApiError: Convocore can't be read, and the mirror is still empty.
        """
        ...

    async def sync(
        self,
        agent_id: str,
        /,
        *,
        full: bool = True,
        report_progress: ReportProgress | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> SyncResult:
        """Run a full or an incremental sync now, and wait for its end.

        `on_lock_wait` is called once if another process holds the sync lock.

        Raises:
            ApiError: Convocore can't be read.
        """
        ...


class Watching(Protocol):
    """Syncs again and again while somebody subscribes to changes (`sync.watch.Watch`)."""

    listeners: list[Callable[[str], None]]
    """Called with the agent's ID after each sync."""

    def watch(self, agents: Collection[str], /) -> None:
        """Watch these agents, and no others."""
        ...


class DetailsSource(Protocol):
    """Reads single conversations for what the list lacks (`sync.details.DetailsFetcher`)."""

    async def enrich(self, conversations: "Sequence[Conversation]", /) -> "list[Conversation]":
        """Return a lead's conversations, newest first; the newest enriched if all are sparse."""
        ...


class MirrorQueries(Protocol):
    """Questions to the mirror; each call blocks (`store.read.mirror_reader.MirrorReader`)."""

    @property
    def generation(self) -> str:
        """Which filling of the mirror this is; sequence numbers mean nothing in another one."""
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
        after: SortKey | None,
    ) -> "list[tuple[Conversation, SortKey]]":
        """Matching conversations as of change `at`, from behind `after` on, without records."""
        ...

    def count(self, agent_id: str, conditions: "Filter", /, *, at: int) -> int:
        """How many conversations match as of change `at`."""
        ...

    def conversation(self, agent_id: str, conversation_id: str, /) -> "Conversation | None":
        """One conversation with its record."""
        ...

    def of_leads(self, agent_id: str, lead_ids: Sequence[str], /) -> "list[Conversation]":
        """All conversations of these leads with their records, newest first."""
        ...

    def known(self, agent_id: str, field: str, /) -> list[str]:
        """The values of `stage` or `state` that occur."""
        ...

    def stats(
        self, agent_id: str, conditions: "Filter", group_by: Sequence[str], /, *, hot_from: float
    ) -> "list[Group]":
        """Matching conversations, counted and added up by the values of `group_by`."""
        ...

    def leads(self, agent_id: str, /, *, lead_ids: Sequence[str]) -> "list[Lead]":
        """The leads with these IDs, latest active first."""
        ...

    def hot_leads(self, query: "HotQuery", /, *, limit: int) -> "list[Lead]":
        """The hottest leads, hottest first."""
        ...

    def hot_count(self, query: "HotQuery", /) -> int:
        """How many leads are hot."""
        ...

    def hot_summary(self, query: "HotQuery", /) -> "HotSummary":
        """Counts and sums over the leads that were active in the window."""
        ...

    def near_misses(self, query: "HotQuery", /, *, limit: int) -> "tuple[int, list[Lead]]":
        """How many leads are nearly hot, and the first `limit` of them."""
        ...


class ChangeQueries(Protocol):
    """Reads the log of changes; each call blocks (`store.read.change_log.ChangeLog`)."""

    def bounds(self, agent_id: str, /) -> tuple[int, int, int | None]:
        """The oldest number from which on nothing is lost, the newest one, and the baseline.

        Changes up to the baseline came with the first full sync and are not reported. It is `None`
        until that sync is complete.
        """
        ...

    def changes(
        self,
        agent_id: str,
        /,
        *,
        after: int,
        upto: int,
        kinds: Sequence[str],
        since: "datetime | None",
        limit: int,
    ) -> "list[Change]":
        """Changes numbered from `after` (exclusive) to `upto` (inclusive), oldest first."""
        ...


class ChangedIds(Protocol):
    """What changed of one agent since a sequence number (`store.read.completion.ChangedSince`)."""

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
    """How many conversations changed (`store.read.completion.ChangeCounts`)."""

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


class CompletionQueries(Protocol):
    """Completions and changes; each call blocks (`store.read.completion.CompletionReader`)."""

    def sequence_number(self) -> int:
        """The number of the newest change."""
        ...

    def conversation_ids(self, agent_id: str, prefix: str, /, *, limit: int) -> list[str]:
        """Conversation IDs that begin with `prefix`; without one the newest conversations' IDs."""
        ...

    def lead_ids(self, agent_id: str, prefix: str, /, *, limit: int) -> list[str]:
        """Lead IDs that begin with `prefix`."""
        ...

    def people(self, agent_id: str, prefixes: Collection[str], /, *, limit: int) -> "list[Lead]":
        """Named leads of whom some word begins with each of `prefixes`, latest active first."""
        ...

    def changed_since(
        self, agent_id: str, /, *, after: int, ids: Collection[str], lead_ids: Collection[str]
    ) -> ChangedIds:
        """Whether anything changed behind change `after`, and which of these IDs did."""
        ...

    def counted(self, agent_id: str, /, *, after: int) -> CountedChanges:
        """How many conversations were created, updated and removed behind change `after`."""
        ...

    def quarantined(self, agent_id: str, /) -> dict[str, int]:
        """How many records could not be read, by reason."""
        ...


class Answers(Protocol):
    """The answering side, one method for each tool (`server.answering.Answers`).

    Each method returns an answer that is sanitized and short enough to send.
    """

    async def list_conversations(
        self, agent_id: str, request: "ConversationsRequest", /
    ) -> "JsonObject":
        """One page of conversations."""
        ...

    async def get_lead(self, agent_id: str, person: str, /) -> "JsonObject":
        """One person, or the candidates."""
        ...

    async def summarize_hot_leads(
        self, agent_id: str, request: "HotLeadsRequest", /
    ) -> "JsonObject":
        """The hot leads, counted and listed."""
        ...

    async def conversation_stats(self, agent_id: str, request: "StatsRequest", /) -> "JsonObject":
        """Totals and groups."""
        ...

    async def list_changes(self, agent_id: str, request: "ChangesRequest", /) -> "JsonObject":
        """Changes, oldest first."""
        ...

    async def conversation_record(self, agent_id: str, conversation_id: str, /) -> "JsonObject":
        """The whole record of one conversation."""
        ...

    async def agents(self) -> "JsonObject":
        """The configured agents, and how much of each is in the mirror."""
        ...

    async def argument_values(
        self, argument: str, typed: str, agents: Sequence[str], /
    ) -> list[str]:
        """Values of a prompt's or a template's argument that begin with `typed`."""
        ...


class Assembly(Protocol):
    """Builds what the tools work with (`convocore_mcp.assembly.Assembly`)."""

    async def build_backend(self) -> "Backend":
        """Connect to Convocore and open the mirror.

        Raises:
            NotConfiguredError: a setting is missing or wrong.
            MirrorError: the mirror can't be opened.
        """
        ...

    async def configured_agents(self) -> Sequence[str]:
        """The agents that the settings name. Opens nothing.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        ...

    def record_schema(self) -> "JsonObject":
        """The JSON Schema of a conversation record."""
        ...
