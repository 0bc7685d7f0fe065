"""Rows that have the words of a search, by the full-text index of the conversations."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from convocore_mcp.fields.query import RowQuery
from convocore_mcp.fields.table import Rows
from convocore_mcp.models import Terms
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.read.word_search import terms_condition

ReadSearch = Callable[[str], Terms]
"""`words.queries.search_terms`: the terms of a query, of which one of every group must be found."""
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
    return [_has_group(connection, table, query, (group,), valid) for group in terms] or [false()]


def _has_group(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    group: Terms,
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
                        _versions(connection, (agent,), group, _c.valid_from),
                    )
                ),
            )
            for agent in query.agents
        )
    )


def _versions(
    connection: Connection, agents: tuple[str, ...], terms: Terms, number: ColumnElement[int]
) -> ColumnElement[bool]:
    """The versions of conversations that have a term of every group."""
    versions = select(conversations.c.valid_from)
    return or_(
        false(),
        *(
            number.in_(versions.where(terms_condition(connection, agent, terms)))
            for agent in agents
        ),
    )
