"""The figures of the leads behind conversations, each lead counted once."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from convocore_mcp.fields.row_query import RowGroup, RowQuery
from convocore_mcp.store.database.schema import leads
from convocore_mcp.store.field_queries.groups.group_figures import count_where
from convocore_mcp.store.fields.row_tables import RowTable

_l = leads.c


def with_leads(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    total: RowGroup,
) -> RowGroup:
    """`total` of conversations, with the figures of the leads that have one of them.

    The present leads have an index of just these values, which is read faster than their fields.
    """
    of_leads: ColumnElement[bool] = _l.agent_id.in_(query.agents)
    if query.requirements or query.search.strip():
        of_leads = or_(*(_has_one(table, fitting, agent) for agent in query.agents))
    counted = (func.count(), count_where(_l.hot_score >= query.hot_from), count_where(_l.unparsed))
    count, hot, unparsed = connection.execute(select(*counted).where(of_leads)).one()
    # Apart: most leads have no amount, and SQLite sorts what it groups.
    amounts = select(_l.currency, func.sum(_l.amount)).where(of_leads, _l.amount.is_not(None))
    found = connection.execute(amounts.group_by(_l.currency))
    return replace(
        total,
        leads=count,
        hot=hot or 0,
        value={currency: float(amount) for currency, amount in found},
        unparsed_values=unparsed or 0,
    )


def _has_one(
    table: RowTable, fitting: Sequence[ColumnElement[bool]], agent: str
) -> ColumnElement[bool]:
    """The leads of an agent that have one of the conversations."""
    lead_id = table.column("lead_id")
    of_agent = [] if table.whole else [table.column("agent_id") == agent]
    having = select(lead_id).where(*fitting, *of_agent, lead_id.is_not(None))
    return and_(_l.agent_id == agent, _l.lead_id.in_(having))
