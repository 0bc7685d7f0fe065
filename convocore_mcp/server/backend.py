"""What the tools work with. It is built at the first question: starting opens no file or socket."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.times import Clock
from convocore_mcp.server.calls.deadline import Deadline
from convocore_mcp.server.mirror_queries import (
    ChangeQueries,
    CompletionQueries,
    FeedQueries,
    MirrorQueries,
)
from convocore_mcp.server.protocols import (
    Answers,
    DetailsSource,
    Privacy,
    RunInThread,
    Syncs,
    Transcripts,
    Watching,
)
from convocore_mcp.server.row_queries import RowQueries

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from datetime import datetime, timedelta, tzinfo

    from convocore_mcp.fields.table import FieldValue
    from convocore_mcp.leads.resolve import Match
    from convocore_mcp.models import Conversation, Coverage, DetailsState

ALL_AGENTS = "all"
"""The `agent_id` that means every configured agent."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The parts behind the tools."""

    agents: tuple[str, ...]
    region: str
    mirror_reader: MirrorQueries
    rows: RowQueries
    change_log: ChangeQueries
    change_feed: FeedQueries
    completion_reader: CompletionQueries
    find_person: "Callable[[str, str], Match]"
    """Blocking: the leads of an agent that a text means (`leads.resolve`)."""
    syncs: Syncs
    watch: Watching
    refresh_interval: "timedelta"
    """How old an answer may get before the next question starts an incremental sync."""
    details: DetailsSource
    transcripts: Transcripts
    read_fields: "Callable[[Conversation], Mapping[str, FieldValue]]"
    """The fields of one conversation that was read with its record."""
    coverage: "Callable[[str], Coverage]"
    """Blocking: how much of an agent's list the mirror holds."""
    details_state: "Callable[[str], DetailsState] | None"
    """Blocking: how many details of an agent are still to be read; `None` if they are off."""
    now: "Callable[[], datetime]"
    zone: "tzinfo"
    """The time zone in which days, weeks and months begin."""
    read: RunInThread
    """Runs a blocking call of the mirror in a thread."""
    read_one_state: RunInThread
    """As `read`; everything that the call reads is of one state of the mirror."""
    answer_seconds: float
    """Within how many seconds a call answers."""
    privacy: Privacy | None
    """Masks personal data; `None` where all of it may be shown."""
    close: Callable[[], Awaitable[None]]
    make_answers: Callable[["Backend"], Answers]
    """Makes the object that answers from this backend (`server.answering.Answers`)."""
    answer_state: "Callable[[], Awaitable[Hashable | None]]"
    """Identifies the state that answers depend on; `None` if it is changing, or not known."""
    deadline: Deadline | None = None
    """When the call that uses this backend must have its answer."""

    @property
    def answers(self) -> Answers:
        """The object that makes the answers: one method for each tool."""
        return self.make_answers(self)

    def in_time(self) -> AbstractContextManager[None]:
        """A block that is given up at the deadline of the call.

        Raises:
            MirrorError: it was given up.
        """
        return nullcontext() if self.deadline is None else self.deadline.enforced()

    def clock(self) -> Clock:
        """The present moment, in the time zone of days, weeks and months."""
        return Clock.at(self.now(), self.zone)

    def chosen_agents(self, agent_id: str) -> tuple[str, ...]:
        """The agents to ask about: `all` of them, the named one, or the only one.

        Raises:
            InvalidArgumentError: as `agent`.
        """
        if agent_id.strip().lower() == ALL_AGENTS and agent_id not in self.agents:
            return self.agents
        return (self.agent(agent_id),)

    def agent(self, agent_id: str) -> str:
        """The agent to ask about: the named one, or the only one.

        Raises:
            InvalidArgumentError: it is not configured, or there are several and none was named.
        """
        listed = ", ".join(self.agents)
        if not agent_id:
            if len(self.agents) == 1:
                return self.agents[0]
            raise InvalidArgumentError(
                "agent_id: several agents are configured, so one must be named.",
                hint=f"Valid agent_id: {listed}. Tools that list or count also take {ALL_AGENTS}.",
            )
        if agent_id not in self.agents:
            raise InvalidArgumentError(
                f"agent_id: {agent_id!r} is not configured.", hint=f"Valid agent_id: {listed}."
            )
        return agent_id
