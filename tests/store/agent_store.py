"""An agent of its own in a shared mirror, written and read as `sync` and `server` do."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.models import NO_DETAILS, Conversation, Filter, Lead, Page
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import leads, terms
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules, Saved
from tests.conversations import NOW

if TYPE_CHECKING:
    from convocore_mcp.store.read.conversation_search import Key

RULES = Rules(keys=derive_keys, merge=merge)
SORTS = ("newest", "oldest", "score", "value", "waiting")
_numbers = itertools.count()


class AgentStore:
    """One agent's mirror."""

    def __init__(self, database: Database) -> None:
        self.agent = f"agent{next(_numbers)}"
        self.mirror = MirrorWriter(database, RULES)
        self.mirror_reader = MirrorReader(database)

    def own(self, conversations: Iterable[Conversation]) -> tuple[Conversation, ...]:
        """`talks` as this agent's."""
        return tuple(replace(c, agent_id=self.agent) for c in conversations)

    def save(self, *conversations: Conversation, minute: int = 0) -> Saved:
        """Save a page that was read at `minute`."""
        return self.mirror.save(self.agent, Page(self.own(conversations)), read_at=at(minute))

    def remove(self, *ids: str, minute: int = 0) -> int:
        """Take out conversations."""
        return self.mirror.remove(self.agent, ids, at=at(minute))

    def find(self, wanted: Filter | None = None, **how: Any) -> list[Conversation]:
        """All that fits, without what the mirror fills in and what is not read."""
        usual: dict[str, Any] = {"sort": "newest", "limit": 1000, "after": None}
        asked = usual | {"at": self.mirror_reader.sequence_number()} | how
        found = self.mirror_reader.find(self.agent, wanted or Filter(), **asked)
        return [bare(c) for c, _ in found]

    def pages(
        self, sort: str, limit: int, at: int, wanted: Filter | None = None
    ) -> Iterator[list[Conversation]]:
        """Page after page, as they were at change `at`."""
        after: Key | None = None
        while True:
            found = self.mirror_reader.find(
                self.agent, wanted or Filter(), sort=sort, limit=limit, at=at, after=after
            )
            if not found:
                return
            after = found[-1][1]
            yield [bare(c) for c, _ in found]

    def leads(self) -> dict[str, Lead]:
        """All leads, by id."""
        query = select(*rows.LEAD_COLUMNS).where(leads.c.agent_id == self.agent)
        with self.mirror.database.reading() as connection:
            found = [rows.lead(row) for row in connection.execute(query).mappings()]
        return {lead.lead_id: lead for lead in found}

    def terms(self) -> set[tuple[str, str]]:
        """What each lead is found by."""
        query = select(terms.c.term, terms.c.lead_id).where(terms.c.agent_id == self.agent)
        with self.mirror.database.reading() as connection:
            return {(row.term, row.lead_id) for row in connection.execute(query)}


def at(minute: int) -> datetime:
    """A time on the tests' clock."""
    return NOW + timedelta(minutes=minute)


def bare(c: Conversation) -> Conversation:
    """What every way of reading it shows."""
    return replace(c, record="", details=NO_DETAILS, amount=None, currency_key=None, lead_id=None)


def in_order(conversations: Iterable[Conversation], sort: str) -> list[Conversation]:
    """What the contract means by each sort; equal ones by id, the higher first."""

    def time(value: datetime | None) -> float:
        return value.timestamp() if value else float("-inf")

    def sort_key(c: Conversation) -> tuple[float | str, ...]:
        active = time(c.last_activity)
        if sort == "newest":
            return (active, c.id)
        if sort == "oldest":
            return (-active if c.last_activity else active, c.id)
        if sort == "score":
            return (float("-inf") if c.score is None else c.score, active, c.id)
        if sort == "value":
            amount = derive_keys(c).amount
            return (float("-inf") if amount is None else amount, active, c.id)
        waits = c.state == "requested_chat"
        since = -time(c.waiting_since) if c.waiting_since else -1e12
        return (since if waits else float("-inf"), active, c.id)

    return sorted(conversations, key=sort_key, reverse=True)
