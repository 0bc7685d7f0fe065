"""The figures of the leads behind conversations, each lead counted once."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    and_,
    case,
    func,
    null,
    or_,
    select,
    union_all,
)

from convocore_mcp.fields.row_query import RowGroup, RowQuery
from convocore_mcp.store.database.schema import leads
from convocore_mcp.store.field_queries.groups.group_figures import count_where
from convocore_mcp.store.fields.row_tables import RowTable

_l = leads.c


def with_leads(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    conditions: Sequence[ColumnElement[bool]],
    total: RowGroup,
) -> RowGroup:
    """`total` of conversations, with the figures of the leads that have one of them.

    An index of the present leads holds just these values; it is read faster than their fields.
    """
    hot, unparsed = count_where(_l.hot_score >= query.hot_from), count_where(_l.unparsed)
    counted, amount = (func.count(), hot, unparsed), func.sum(_l.amount)
    has_amount = _l.amount.is_not(None)
    statement: Executable
    if query.requirements or query.search.strip():
        # One statement, because finding these leads takes longer than adding them up.
        of_leads = or_(*(_has_one(table, conditions, agent) for agent in query.agents))
        currency = case((has_amount, _l.currency))
        statement = select(currency, *counted, amount).where(of_leads).group_by(currency)
    else:
        # Two statements: most leads have no amount, and SQLite sorts what it groups.
        of_agents = _l.agent_id.in_(query.agents)
        amounts = select(_l.currency, null(), null(), null(), amount)
        statement = union_all(
            amounts.where(of_agents, has_amount).group_by(_l.currency),
            select(null(), *counted, null()).where(of_agents),
        )
    found = connection.execute(statement).all()
    return replace(
        total,
        leads=sum(row[1] or 0 for row in found),
        hot=sum(row[2] or 0 for row in found),
        value={row[0]: float(row[4]) for row in found if row[4] is not None},
        unparsed_values=sum(row[3] or 0 for row in found),
    )


def _has_one(
    table: RowTable, conditions: Sequence[ColumnElement[bool]], agent: str
) -> ColumnElement[bool]:
    """The condition that a lead of the agent has one of the conversations."""
    lead_id = table.column("lead_id")
    of_agent = [] if table.whole else [table.column("agent_id") == agent]
    having = select(lead_id).where(*conditions, *of_agent, lead_id.is_not(None))
    return and_(_l.agent_id == agent, _l.lead_id.in_(having))
