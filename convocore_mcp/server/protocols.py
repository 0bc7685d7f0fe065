"""Protocols of the objects that the server calls and does not import: syncs, details, answers.

`convocore_mcp.assembly` passes in the objects (and those of `mirror_queries`). So the server
imports neither `sync` nor `store`, and it loads its own answers only at the first question.
Parameters that the server passes by position are positional-only: the objects may name them
differently.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from convocore_mcp.models import Conversation, Freshness, ReadScope, Transcript
    from convocore_mcp.server.backend import Backend
    from convocore_mcp.server.requests import (
        ChangesRequest,
        ConversationRequest,
        ConversationsRequest,
        HotLeadsRequest,
        LeadsRequest,
        StatsRequest,
    )
    from convocore_mcp.server.sanitize import JsonObject

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
ReportProgress = Callable[[int], Awaitable[None]]
"""Receives how many rows a sync has read so far."""


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
    """What one sync read (`sync.page_writer.Progress`)."""

    pages: int
    rows: int
    by_other_process: bool
    """Whether another process did the sync instead."""


class Syncs(Protocol):
    """Keeps the mirror of every agent fresh (`sync.agent_syncs.AgentSyncs`)."""

    async def ensure_fresh(
        self,
        agent_id: str,
        scope: "ReadScope",
        /,
        *,
        report_progress: ReportProgress | None = None,
        patient: bool = False,
    ) -> "Freshness":
        """Wait a bounded time until `scope` has been read; longer if the caller is `patient`.

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
    """Reads single conversations for what the list lacks (`sync.details.on_demand`)."""

    async def enrich(self, conversations: "Sequence[Conversation]", /) -> "list[Conversation]":
        """Return conversations of one agent, newest first, with details of the newest filled in."""
        ...

    async def with_details_state(
        self, freshness: "Freshness", conversation: "Conversation", /
    ) -> "Freshness":
        """`freshness` of an answer about one conversation, with what its details lack."""
        ...


class Transcripts(Protocol):
    """Reads what was said in a conversation (`sync.details.transcript_reader.TranscriptReader`)."""

    async def read(self, agent_id: str, conversation_id: str, /) -> "Transcript":
        """Return the transcript, or why there is none."""
        ...


class Privacy(Protocol):
    """Masks personal data, or leaves it out (`server.privacy.private_answers.Privacy`)."""

    async def answer(
        self, make: "Callable[[R], Awaitable[JsonObject]]", request: "R", /
    ) -> "JsonObject":
        """What `make` answers to `request`, masked; pseudonyms in the request are read."""
        ...

    async def values(self, found: list[str], /, *, names: bool) -> list[str]:
        """Completions, masked."""
        ...

    async def value_of(self, text: str, /) -> str:
        """A text with what its pseudonyms stand for; only the operator may see it."""
        ...


class Answers(Protocol):
    """Makes the answers, one method for each tool and resource (`server.answering.Answers`).

    Each method returns an answer that is sanitized and short enough to send.
    """

    async def list_conversations(
        self, agents: Sequence[str], request: "ConversationsRequest", /
    ) -> "JsonObject":
        """One page of conversations."""
        ...

    async def list_leads(self, agents: Sequence[str], request: "LeadsRequest", /) -> "JsonObject":
        """One page of people."""
        ...

    async def get_conversation(
        self, agent_id: str, request: "ConversationRequest", /
    ) -> "JsonObject":
        """One conversation with everything about it, and what was said."""
        ...

    async def get_lead(self, agent_id: str, person: str, /) -> "JsonObject":
        """One person, or the candidates."""
        ...

    async def summarize_hot_leads(
        self, agents: Sequence[str], request: "HotLeadsRequest", /
    ) -> "JsonObject":
        """The hot leads, counted and listed."""
        ...

    async def conversation_stats(
        self, agents: Sequence[str], request: "StatsRequest", /
    ) -> "JsonObject":
        """Totals and groups."""
        ...

    async def list_changes(
        self, agents: Sequence[str], request: "ChangesRequest", /
    ) -> "JsonObject":
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

    async def answer_seconds(self) -> float:
        """Within how many seconds a call answers. Opens nothing.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        ...

    async def audit_log(self) -> str | None:
        """Where the audit log is written: a file, `stderr`, or nowhere. Opens nothing.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        ...

    def record_schema(self) -> "JsonObject":
        """The JSON Schema of a conversation record."""
        ...

    def field_table(self) -> "JsonObject":
        """The table of fields."""
        ...
