"""Rows that have the words of a search, by the full-text index of the conversations."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from convocore_mcp.fields.query import RowQuery
from convocore_mcp.fields.table import Rows
from convocore_mcp.models import Filter
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.database.search_tokens import has_tokens, token_query
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.fields.row_tables import RowTable

ReadSearch = Callable[[str], tuple[str, ...]]
"""`leads.matching.search_terms`: the terms of a query, which must all be found."""
_c = conversation_fields.c


def has_search(
    connection: Connection, table: RowTable, query: RowQuery, read_search: ReadSearch, *, at: int
) -> list[ColumnElement[bool]]:
    """The condition that a row has every term; of a lead, in any of its conversations."""
    if not query.search.strip():
        return []
    terms = read_search(query.search)
    if table.rows is Rows.CONVERSATIONS:
        return [_versions(connection, query.agents, terms, _c.valid_from)]
    conversation = RowTable(Rows.CONVERSATIONS, table.dialect, table.now, table.hot_from)
    valid = conversation.valid_at(query.agents, at)
    return [_has_term(connection, table, query, term, valid) for term in terms] or [false()]


def _has_term(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    term: str,
    valid: ColumnElement[bool],
) -> ColumnElement[bool]:
    return or_(
        *(
            and_(
                table.column("agent_id") == agent,
                table.column("lead_id").in_(
                    select(_c.lead_id).where(
                        valid,
                        _c.agent_id == agent,
                        _c.lead_id.is_not(None),
                        _versions(connection, (agent,), (term,), _c.valid_from),
                    )
                ),
            )
            for agent in query.agents
        )
    )


def _versions(
    connection: Connection,
    agents: tuple[str, ...],
    terms: tuple[str, ...],
    number: ColumnElement[int],
) -> ColumnElement[bool]:
    """The versions of conversations that have every term."""
    found = []
    for agent in agents:
        tokens = token_query(agent, Filter(terms=terms))
        if tokens:
            versions = select(conversations.c.valid_from)
            found.append(number.in_(versions.where(has_tokens(connection, tokens))))
    return or_(*found) if found else false()
