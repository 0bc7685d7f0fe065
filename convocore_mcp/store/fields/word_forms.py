"""Finds the inflections that count as a word of a condition."""

from sqlalchemy import Connection

from convocore_mcp.store.database.search_tokens import agent_tag
from convocore_mcp.store.read.inflected_words import known_inflections

MAX_FORMS = 12
"""Inflections of one word that are looked for: each costs a scan of every row. A word with more
has most of them by chance."""


def other_forms(connection: Connection, agents: tuple[str, ...], word: str) -> list[str]:
    """The inflections of a word that occur in the agents' conversations, in any language."""
    found = {
        inflected
        for agent in agents
        for forms, of_language in known_inflections(connection, agent_tag(agent), word).items()
        for inflected in of_language
        if forms.counts_in(inflected, None)
    }
    return sorted(found)[:MAX_FORMS]
