"""Completion of ids and names that somebody has begun to type."""

from collections.abc import Collection

from sqlalchemy import Select, select

from convocore_mcp.models import MAX_WORD_LENGTH, NAME_WORD, Lead
from convocore_mcp.store.database import rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.schema import CURRENT, conversations, lead_terms, leads
from convocore_mcp.store.read.conversation_search import INDEX_LOOKUP_LIMIT
from convocore_mcp.store.read.sql_conditions import has_text, starts_with

_c, _l = conversations.c, leads.c


class CompletionReader:
    """Completes ids and names. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def conversation_ids(self, agent_id: str, prefix: str, *, limit: int) -> list[str]:
        """Conversation IDs that start with `prefix`; without one, those of the newest."""
        query = select(_c.id).where(_c.agent_id == agent_id, _c.valid_to == CURRENT).limit(limit)
        if prefix:
            query = query.where(starts_with(_c.id, prefix)).order_by(_c.id)
        else:
            query = query.order_by(_c.by_newest.desc(), _c.id.desc())
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def lead_ids(self, agent_id: str, prefix: str, *, limit: int) -> list[str]:
        """Lead IDs that start with `prefix`."""
        query = select(_l.lead_id).where(_l.agent_id == agent_id, starts_with(_l.lead_id, prefix))
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(_l.lead_id).limit(limit)).scalars())

    def leads_by_name(self, agent_id: str, prefixes: Collection[str], *, limit: int) -> list[Lead]:
        """Named leads that have, for each of `prefixes`, a word that starts with it.

        The words are those of names and companies; the most recently active lead comes first.
        """
        text = _l.text.concat(" ")
        query = (
            select(*rows.LEAD_COLUMNS)
            .where(_l.agent_id == agent_id, _l.name.is_not(None))
            .where(*(has_text(text, f" {prefix}") for prefix in prefixes))
            .order_by(_l.last_activity.desc().nulls_last(), _l.lead_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            if prefixes:
                # If few leads have the word, the index of terms finds them. If many have it, the
                # scan of the most recently active leads soon meets some of them.
                with_word = _leads_with_word(agent_id, max(prefixes, key=len))
                ids = connection.execute(with_word.limit(INDEX_LOOKUP_LIMIT + 1)).all()
                if len(ids) <= INDEX_LOOKUP_LIMIT:
                    query = query.where(_l.lead_id.in_(with_word))
            return [rows.to_lead(row) for row in connection.execute(query).mappings()]


def _leads_with_word(agent_id: str, prefix: str) -> Select[str]:
    """The IDs of the leads that have a word that starts with `prefix`."""
    t = lead_terms.c
    with_word = starts_with(t.term, f"{NAME_WORD}{prefix[:MAX_WORD_LENGTH]}")
    return select(t.lead_id).where(t.agent_id == agent_id, with_word)
