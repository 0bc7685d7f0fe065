"""One agent in a shared mirror, written and read as `sync` and `server` do it."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.due_dates import due_dates_of_row
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.models import Change, Conversation, FeedPosition, Filter, Lead, Page
from convocore_mcp.store.changes.change_feed import ChangeFeed
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import CURRENT, conversations, lead_terms, leads
from convocore_mcp.store.read.change_log import ChangeLog
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules, Saved
from tests.conversations import NOW

if TYPE_CHECKING:
    from convocore_mcp.fields.row_query import SortKey

RULES = Rules(keys=derive_keys, merge_affected=merge_affected, due_dates=due_dates_of_row)
SORTS = ("newest", "oldest", "score", "value", "waiting")
_numbers = itertools.count()


class AgentStore:
    """One agent's part of a mirror."""

    def __init__(self, database: Database) -> None:
        self.agent = f"agent{next(_numbers)}"
        self.database = database
        self.writer = MirrorWriter(database, RULES)
        self.reader = MirrorReader(database)
        self.change_log = ChangeLog(database)
        self.change_feed = ChangeFeed(database)

    def of_agent(self, conversations: Iterable[Conversation]) -> tuple[Conversation, ...]:
        """The same conversations as this agent's."""
        return tuple(replace(c, agent_id=self.agent) for c in conversations)

    def save(self, *conversations: Conversation, minute: int = 0) -> Saved:
        """Save a page that was read at `minute`."""
        return self.writer.save(self.agent, Page(self.of_agent(conversations)), read_at=at(minute))

    def remove(self, *ids: str, minute: int = 0) -> int:
        """Remove conversations."""
        return self.writer.remove(self.agent, ids, at=at(minute))

    def rebuild_leads(self) -> int:
        """Rebuild the leads; returns how many were rebuilt."""
        return self.writer.rebuild_leads(self.agent)

    def set_baseline(self, minute: int = 0) -> None:
        """Note that the first full sync is complete: from now on, changes are reported."""
        self.writer.update_coverage(self.agent, full_sync_at=at(minute))

    def changes(self, *, after: int) -> list[Change]:
        """All changes after a sequence number."""
        start, found = FeedPosition(after, 2**52, 2**52), list[Change]()
        while True:
            page = self.change_feed.read([self.agent], start, now=NOW, limit=50)
            found += page.changes
            if page.end.sequence_number == start.sequence_number:
                return found
            start = page.end

    def find(self, criteria: Filter | None = None, **options: Any) -> list[Conversation]:
        """All conversations that meet `criteria`, as `comparable` shows them."""
        defaults: dict[str, Any] = {"sort": "newest", "limit": 1000, "after": None}
        arguments = defaults | {"at": self.reader.sequence_number()} | options
        found = self.reader.find(self.agent, criteria or Filter(), **arguments)
        return [comparable(c) for c, _ in found]

    def count(self, criteria: Filter | None = None) -> int:
        """How many conversations meet `criteria` now."""
        now = self.reader.sequence_number()
        return self.reader.count(self.agent, criteria or Filter(), at=now)

    def pages(
        self, sort: str, limit: int, at: int, criteria: Filter | None = None
    ) -> Iterator[list[Conversation]]:
        """Page after page, as they were at change `at`."""
        after: SortKey | None = None
        while True:
            found = self.reader.find(
                self.agent, criteria or Filter(), sort=sort, limit=limit, at=at, after=after
            )
            if not found:
                return
            after = found[-1][1]
            yield [comparable(c) for c, _ in found]

    def leads(self) -> dict[str, Lead]:
        """All leads, by id."""
        query = select(*rows.LEAD_COLUMNS).where(leads.c.agent_id == self.agent)
        with self.database.reading() as connection:
            found = [rows.to_lead(row) for row in connection.execute(query).mappings()]
        return {lead.lead_id: lead for lead in found}

    def lead_ids(self) -> dict[str, str | None]:
        """The lead of each present conversation, by the conversation's ID."""
        c = conversations.c
        query = select(c.id, c.lead_id).where(c.agent_id == self.agent, c.valid_to == CURRENT)
        with self.database.reading() as connection:
            return {row.id: row.lead_id for row in connection.execute(query)}

    def terms(self) -> set[tuple[str, str]]:
        """The index of terms, as pairs of a term and a lead id."""
        t = lead_terms.c
        query = select(t.term, t.lead_id).where(t.agent_id == self.agent)
        with self.database.reading() as connection:
            return {(row.term, row.lead_id) for row in connection.execute(query)}


def at(minute: int) -> datetime:
    """A time on the tests' clock."""
    return NOW + timedelta(minutes=minute)


def comparable(c: Conversation) -> Conversation:
    """A conversation without what the mirror adds, or not every way of reading shows."""
    return replace(c, record="", lead_id=None, amount=None, currency_key=None)


def sorted_by(conversations: Iterable[Conversation], sort: str) -> list[Conversation]:
    """The order that docs/contract.md promises for each sort; ties by id, the higher first."""

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
