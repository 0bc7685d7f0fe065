"""Makes the answers of all tools and resources from one backend.

Personal data is masked here and nowhere else: every answer passes `Answers._answer`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from convocore_mcp.errors import ReplacedMirrorError
from convocore_mcp.server.answers.agents import agents
from convocore_mcp.server.answers.argument_values import argument_values
from convocore_mcp.server.answers.conversation_stats import conversation_stats
from convocore_mcp.server.answers.get_conversation import get_conversation
from convocore_mcp.server.answers.get_lead import get_lead
from convocore_mcp.server.answers.list_changes import list_changes
from convocore_mcp.server.answers.list_conversations import list_conversations
from convocore_mcp.server.answers.list_leads import list_leads
from convocore_mcp.server.answers.summarize_hot_leads import summarize_hot_leads
from convocore_mcp.server.answers.whole_record import conversation_record
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

Of = TypeVar("Of", str, Sequence[str])
R = TypeVar("R")
NAME_ARGUMENTS = frozenset({"lead"})
"""Arguments whose completions are names of people."""


class Answers:
    """Implements `server.protocols.Answers`, which says what each method returns."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def _answer(
        self, answer: Callable[[Backend, Of, R], Awaitable[JsonObject]], agents: Of, request: R
    ) -> JsonObject:
        """What one of the answer modules answers, without the personal data that must not leave.

        Raises:
            ReplacedMirrorError: the mirror was replaced by another one meanwhile. The answer could
                show rows of the new one, and call them complete because the old one was.
        """
        backend = self._backend
        privacy, mirror = backend.privacy, backend.mirror_reader
        generation = mirror.generation
        with backend.in_time():
            if privacy is None:
                answered = await answer(backend, agents, request)
            else:
                answered = await privacy.answer(
                    lambda opened: answer(backend, agents, opened), request
                )
        if mirror.generation != generation:
            raise ReplacedMirrorError(
                "The mirror was replaced while it was being read.",
                hint="Ask again: a new mirror is being filled from Convocore.",
            )
        return answered

    async def list_conversations(
        self, agents: Sequence[str], request: ConversationsRequest
    ) -> JsonObject:
        """Answer `list_conversations`."""
        return await self._answer(list_conversations, agents, request)

    async def list_leads(self, agents: Sequence[str], request: LeadsRequest) -> JsonObject:
        """Answer `list_leads`."""
        return await self._answer(list_leads, agents, request)

    async def get_conversation(self, agent_id: str, request: ConversationRequest) -> JsonObject:
        """Answer `get_conversation`."""
        return await self._answer(get_conversation, agent_id, request)

    async def get_lead(self, agent_id: str, person: str) -> JsonObject:
        """Answer `get_lead`."""
        return await self._answer(get_lead, agent_id, person)

    async def summarize_hot_leads(
        self, agents: Sequence[str], request: HotLeadsRequest
    ) -> JsonObject:
        """Answer `summarize_hot_leads`."""
        return await self._answer(summarize_hot_leads, agents, request)

    async def conversation_stats(self, agents: Sequence[str], request: StatsRequest) -> JsonObject:
        """Answer `conversation_stats`."""
        return await self._answer(conversation_stats, agents, request)

    async def list_changes(self, agents: Sequence[str], request: ChangesRequest) -> JsonObject:
        """Answer `list_changes`."""
        return await self._answer(list_changes, agents, request)

    async def conversation_record(self, agent_id: str, conversation_id: str) -> JsonObject:
        """Answer the resource `conversation`."""
        return await self._answer(conversation_record, agent_id, conversation_id)

    async def agents(self) -> JsonObject:
        """Answer the resource `agents`, which holds no personal data."""
        with self._backend.in_time():
            return await agents(self._backend)

    async def argument_values(self, argument: str, typed: str, agents: Sequence[str]) -> list[str]:
        """Answer completions."""
        privacy = self._backend.privacy
        with self._backend.in_time():
            values = await argument_values(self._backend, argument, typed, agents)
            if privacy is None or argument == "stage":
                return values
            return await privacy.values(values, names=argument in NAME_ARGUMENTS)
