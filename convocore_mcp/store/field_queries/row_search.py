"""Rows that have the words of a search, by the full-text index of the conversations."""

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.fields.table import Rows
from convocore_mcp.models import Terms
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.read.word_search import terms_condition
from convocore_mcp.words.queries import search_terms

_c = conversation_fields.c


def has_search(
    connection: Connection, table: RowTable, query: RowQuery, *, at: int
) -> list[ColumnElement[bool]]:
    """The condition that a row has the words; a lead has each group in one of its conversations."""
    if not query.search.strip():
        return []
    terms = search_terms(query.search)
    if table.rows is Rows.CONVERSATIONS:
        return [or_(*(_has_terms(connection, agent, terms) for agent in query.agents))]
    conversation = replace(table, rows=Rows.CONVERSATIONS)
    valid = conversation.valid_at(query.agents, at)
    return [_has_group(connection, table, query, (group,), valid) for group in terms] or [false()]


def _has_group(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    terms: Terms,
    valid: ColumnElement[bool],
) -> ColumnElement[bool]:
    """The leads with a conversation that has one of these terms."""

    def found(agent: str) -> ColumnElement[bool]:
        having = select(_c.lead_id).where(
            valid,
            _c.agent_id == agent,
            _c.lead_id.is_not(None),
            _has_terms(connection, agent, terms),
        )
        return and_(table.column("agent_id") == agent, table.column("lead_id").in_(having))

    return or_(*(found(agent) for agent in query.agents))


def _has_terms(connection: Connection, agent: str, terms: Terms) -> ColumnElement[bool]:
    """The versions of an agent's conversations that have the terms."""
    condition = terms_condition(connection, agent, terms)
    having = select(conversations.c.valid_from).where(condition)
    return and_(_c.agent_id == agent, _c.valid_from.in_(having))
