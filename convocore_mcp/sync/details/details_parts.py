"""What the reading of details shares among agents."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import anyio

from convocore_mcp.models import Conversation
from convocore_mcp.store.database.sync_locks import SyncLocks
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.details.plan import DetailsPlan
from convocore_mcp.sync.page_writer import RunInThread


class SingleConversations(Protocol):
    """Where single conversations come from (`api.client.ConvocoreClient`)."""

    async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
        """Fetch one conversation; `None` if it is not found."""
        ...


@dataclass(frozen=True, slots=True)
class DetailsParts:
    """What the details of all agents share."""

    upstream: SingleConversations
    mirror: MirrorWriter
    sync_locks: SyncLocks
    now: Callable[[], datetime]
    write_in_thread: RunInThread
    read_in_thread: RunInThread
    lock_in_thread: RunInThread
    plan: DetailsPlan = field(default_factory=DetailsPlan)
    sleep: Callable[[float], Awaitable[object]] = anyio.sleep
